import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import type { TestServer } from "./mcp-http-server.ts";

/** A server of the event streams of revision 2024-11-05. */
export interface SseServer extends TestServer {
  /** Headers of each request, in order. */
  readonly requests: IncomingHttpHeaders[];
  /** Names of the tools that were called, in order. */
  readonly calls: string[];
  /** Sessions that are open. */
  readonly sessions: ReadonlyMap<string, SSEServerTransport>;
  /** Breaks every event stream off. */
  drop(): void;
  /** Forgets every session, while its stream stays open. */
  forget(): void;
}

/**
 * Starts one. Each session counts its calls of `count`; `wait` never answers; `big` answers with `bytes` letters.
 *
 * @param intercept May answer the request for the stream itself; `true`: it did.
 */
export async function startSseServer(
  intercept: (response: ServerResponse) => boolean = () => false,
): Promise<SseServer> {
  const requests: IncomingHttpHeaders[] = [];
  const calls: string[] = [];
  const sessions = new Map<string, SSEServerTransport>();
  const streams = new Set<ServerResponse>();

  const connect = async (response: ServerResponse): Promise<void> => {
    const transport = new SSEServerTransport("/messages", response);
    sessions.set(transport.sessionId, transport);
    streams.add(response);
    response.on("close", () => {
      sessions.delete(transport.sessionId);
      streams.delete(response);
    });
    await sessionServer(calls).connect(transport);
  };
  const http = createServer((request, response) => {
    requests.push(request.headers);
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://server");
    if (request.method === "GET" && pathname === "/sse") {
      if (!intercept(response)) void connect(response);
      return;
    }
    const transport = sessions.get(searchParams.get("sessionId") ?? "");
    if (request.method === "POST" && transport !== undefined) void transport.handlePostMessage(request, response);
    else response.writeHead(404).end("session not found");
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/sse`,
    requests,
    calls,
    sessions,
    drop() {
      for (const stream of streams) stream.destroy();
    },
    forget: () => sessions.clear(),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

function sessionServer(calls: string[]): Server {
  const server = new Server({ name: "old-sse", version: "1.0.0" }, { capabilities: { tools: {} } });
  let count = 0;
  const tools = ["count", "wait", "big"].map((name) => ({ name, inputSchema: { type: "object" as const } }));
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    calls.push(params.name);
    if (params.name === "wait") await new Promise(() => undefined);
    const text = params.name === "big" ? "x".repeat(Number(params.arguments?.["bytes"])) : String(++count);
    return { content: [{ type: "text" as const, text }] };
  });
  return server;
}
