import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { ElicitResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import type { TestServer } from "./mcp-http-server.ts";

const SCHEMA = { type: "object", properties: { name: { type: "string" } } } as const;

/**
 * Starts a server of the old era over HTTP. `elicit` asks on the response stream of its call, `stray` on the session's own; each
 * answers with what it was told. `hold` answers when `free` is called.
 */
export async function startAskingServer(): Promise<TestServer> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const server = createServer((request, response) => {
    const id = request.headers["mcp-session-id"];
    const known = typeof id === "string" ? sessions.get(id) : undefined;
    void (known === undefined ? begin(sessions) : Promise.resolve(known)).then((transport) =>
      transport.handleRequest(request, response),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      for (const transport of sessions.values()) await transport.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function begin(sessions: Map<string, StreamableHTTPServerTransport>): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, transport),
  });
  const mcp = new McpServer({ name: "asking", version: "1.0.0" });
  const text = (value: unknown) => ({ content: [{ type: "text" as const, text: JSON.stringify(value) }] });
  const held: (() => void)[] = [];
  mcp.registerTool("elicit", { inputSchema: { message: z.string() } }, async ({ message }, extra) => {
    const params = { message, requestedSchema: SCHEMA };
    return text(await extra.sendRequest({ method: "elicitation/create", params }, ElicitResultSchema));
  });
  mcp.registerTool("stray", { inputSchema: { message: z.string() } }, async ({ message }) =>
    text(await mcp.server.elicitInput({ message, requestedSchema: SCHEMA })),
  );
  mcp.registerTool("hold", {}, async () => {
    await new Promise<void>((resolve) => held.push(resolve));
    return text("held");
  });
  mcp.registerTool("free", {}, () => {
    for (const free of held) free();
    return text("freed");
  });
  await mcp.connect(transport);
  return transport;
}
