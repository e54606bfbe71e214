import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { serve } from "@hono/node-server";
import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from "@modelcontextprotocol/client";
import { StdioServerTransport as ModernPipes } from "@modelcontextprotocol/server/stdio";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyHttp } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { StdioServerTransport as LegacyPipes } from "@modelcontextprotocol/sdk/server/stdio.js";
import { LOCAL_PRINCIPAL } from "../../src/config/principal.ts";
import type { Principal } from "../../src/config/principal.ts";
import { createMcpHttpHandler } from "../../src/mcp/http.ts";
import type { McpHttpDeps } from "../../src/mcp/http.ts";
import type { McpDeps } from "../../src/mcp/mcp-deps.ts";
import { serveStdio } from "../../src/mcp/stdio.ts";
import type { StdioServer } from "../../src/mcp/stdio.ts";

/** Something that a test must end. */
interface Closing {
  close(): Promise<void>;
}

/** An MCP client of any kind, with what the tests need of it. */
export interface DoorClient extends Closing {
  protocolVersion(): string | undefined;
  instructions(): string | undefined;
  listTools(): Promise<readonly { readonly name: string }[]>;
  call(
    name: string,
    args: Readonly<Record<string, unknown>>,
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (progress: number, message: string) => void },
  ): Promise<CallAnswer>;
}

/** A tool's answer as a client gives it. */
export interface CallAnswer {
  readonly isError?: boolean;
  readonly content: readonly { readonly type: string; readonly [key: string]: unknown }[];
  readonly structuredContent?: unknown;
}

/** The kinds of clients that are tried. */
export const CLIENTS = ["v2 auto", "v2 legacy", "v1"] as const;

/** One of them. */
export type ClientKind = (typeof CLIENTS)[number];

/** A listening `/mcp`. */
export interface HttpDoor extends Closing {
  readonly url: URL;
}

/** Serves `/mcp` on a free port; the header `x-principal` says who calls, in the place of an authentication. */
export async function openHttpDoor(deps: McpHttpDeps): Promise<HttpDoor> {
  const handler = createMcpHttpHandler(deps);
  const fetch = (request: Request): Promise<Response> => {
    const id = request.headers.get("x-principal");
    const principal: Principal = id === null ? LOCAL_PRINCIPAL : { ...LOCAL_PRINCIPAL, id };
    return handler(request, principal);
  };
  const server = serve({ fetch, port: 0, hostname: "127.0.0.1" }) as Server;
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/mcp`),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Connects a client over HTTP. */
export function connectHttp(kind: ClientKind, { url }: HttpDoor, principal?: string): Promise<DoorClient> {
  const requestInit = { headers: principal === undefined ? {} : { "x-principal": principal } };
  return kind === "v1"
    ? connectLegacy(new LegacyHttp(url, { requestInit }))
    : connectModern(kind, new ModernHttp(url, { requestInit }));
}

/** A stdio connection in process: its server, its client and the pipe between them. */
export interface StdioDoor extends Closing {
  readonly server: StdioServer;
  readonly client: DoorClient;
  /** The pipe into the server: ending it is what a client's exit looks like. */
  readonly stdin: PassThrough;
}

/** Connects a client over a pair of pipes; a transport for servers works from the other end as well. */
export async function openStdioDoor(kind: ClientKind, deps: McpDeps): Promise<StdioDoor> {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const server = serveStdio(deps, { stdin, stdout });
  const client = await (kind === "v1"
    ? connectLegacy(new LegacyPipes(stdout, stdin))
    : connectModern(kind, new ModernPipes(stdout, stdin)));
  return {
    server,
    client,
    stdin,
    close: async () => {
      await client.close();
      await server.close();
    },
  };
}

/** Connects the current SDK's client over any transport of it. */
export async function connectModern(
  kind: Exclude<ClientKind, "v1">,
  transport: Parameters<ModernClient["connect"]>[0],
): Promise<DoorClient> {
  const mode = kind === "v2 auto" ? "auto" : "legacy";
  const client = new ModernClient({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  await client.connect(transport);
  return {
    protocolVersion: () => client.getNegotiatedProtocolVersion(),
    instructions: () => client.getInstructions(),
    listTools: async () => (await client.listTools()).tools,
    call: async (name, args, { signal, onProgress } = {}) =>
      (await client.callTool(
        { name, arguments: { ...args } },
        {
          ...(signal === undefined ? {} : { signal }),
          ...(onProgress === undefined
            ? {}
            : { onprogress: ({ progress, message }) => onProgress(progress, message ?? "") }),
        },
      )) as CallAnswer,
    close: () => client.close(),
  };
}

/** Connects the 1.x client over any transport of it. */
export async function connectLegacy(transport: Parameters<LegacyClient["connect"]>[0]): Promise<DoorClient> {
  const client = new LegacyClient({ name: "test", version: "1" });
  await client.connect(transport);
  return {
    protocolVersion: () => (transport instanceof LegacyHttp ? transport.protocolVersion : undefined),
    instructions: () => client.getInstructions(),
    listTools: async () => (await client.listTools()).tools,
    call: async (name, args, { signal, onProgress } = {}) =>
      (await client.callTool({ name, arguments: { ...args } }, undefined, {
        ...(signal === undefined ? {} : { signal }),
        ...(onProgress === undefined
          ? {}
          : { onprogress: ({ progress, message }) => onProgress(progress, message ?? "") }),
      })) as CallAnswer,
    close: () => client.close(),
  };
}
