import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from "@modelcontextprotocol/client";
import { StdioClientTransport as ModernStdio } from "@modelcontextprotocol/client/stdio";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as LegacyStdio } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as LegacyHttp } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import type { ClientKind } from "./mcp-doors.ts";

/** Where a client connects to. */
export type Door =
  | { readonly url: URL; readonly authorization?: string }
  | { readonly command: string; readonly args: string[] };

/** What a person answers a form with; a type and not an interface, as the SDKs want one that anything may be added to. */
type FormAnswer = { action: "accept" | "decline" | "cancel"; content?: Record<string, string> };

/** Who sits before a client. */
export interface Person {
  readonly elicit?: (message: string) => FormAnswer | Promise<FormAnswer>;
  /** The model lends itself. @default false */
  readonly samples?: boolean;
}

/** A client of Runlet whose person can be asked. */
export interface AskedClient {
  /** What was asked of the person or the model, in order. */
  readonly asked: string[];
  /** Calls `run_script`. @returns The structured answer. */
  readonly run: (
    script: string,
    options?: { readonly onProgress?: (message: string) => void; readonly limits?: Readonly<Record<string, number>> },
  ) => Promise<Record<string, unknown>>;
  tools(): Promise<unknown>;
  /** Capabilities of the server. */
  declares(): Readonly<Record<string, unknown>> | undefined;
  close(): Promise<void>;
}

const SAID = { role: "assistant", model: "mine", content: { type: "text", text: "hi" } } as const;

/** Connects a client of any kind through any door. */
export async function connectAsked(
  kind: ClientKind,
  door: Door,
  { elicit, samples = false }: Person,
): Promise<AskedClient> {
  const asked: string[] = [];
  const capabilities = { ...(elicit && { elicitation: {} }), ...(samples && { sampling: {} }) };
  const answer = async (message: string): Promise<FormAnswer> => {
    asked.push(message);
    return (await elicit?.(message)) ?? { action: "cancel" };
  };
  const sample = (params: { readonly messages: unknown }): typeof SAID => {
    asked.push(JSON.stringify(params.messages));
    return SAID;
  };
  const info = { name: "person", version: "1" };
  if (kind === "v1") {
    const client = new LegacyClient(info, { capabilities });
    if (elicit)
      client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({ ...(await answer(params.message)) }));
    if (samples) client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => sample(params));
    await client.connect(
      "url" in door ? new LegacyHttp(door.url, httpOptions(door)) : new LegacyStdio({ ...door, stderr: "ignore" }),
    );
    return {
      asked,
      async run(script, { onProgress, limits } = {}) {
        const onprogress = onProgress && (({ message }: { message?: string | undefined }) => onProgress(message ?? ""));
        const call = { name: "run_script", arguments: { script, ...(limits && { limits }) } };
        return toStructured(await client.callTool(call, undefined, onprogress && { onprogress }));
      },
      tools: () => client.listTools(),
      declares: () => client.getServerCapabilities(),
      close: () => client.close(),
    };
  }
  const mode = kind === "v2 auto" ? "auto" : "legacy";
  const client = new ModernClient(info, { capabilities, versionNegotiation: { mode } });
  if (elicit)
    client.setRequestHandler("elicitation/create", async ({ params }) => ({ ...(await answer(params.message)) }));
  if (samples) client.setRequestHandler("sampling/createMessage", ({ params }) => sample(params));
  await client.connect(
    "url" in door ? new ModernHttp(door.url, httpOptions(door)) : new ModernStdio({ ...door, stderr: "ignore" }),
  );
  return {
    asked,
    async run(script, { onProgress, limits } = {}) {
      const onprogress = onProgress && (({ message }: { message?: string | undefined }) => onProgress(message ?? ""));
      const call = { name: "run_script", arguments: { script, ...(limits && { limits }) } };
      return toStructured(await client.callTool(call, onprogress && { onprogress }));
    },
    tools: () => client.listTools(),
    declares: () => client.getServerCapabilities(),
    close: () => client.close(),
  };
}

function httpOptions({ authorization }: { readonly authorization?: string }) {
  return authorization === undefined ? {} : { requestInit: { headers: { authorization } } };
}

function toStructured({ structuredContent }: Record<string, unknown>): Record<string, unknown> {
  return structuredContent as Record<string, unknown>;
}
