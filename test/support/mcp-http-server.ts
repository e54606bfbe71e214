import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { createMcpHandler, type McpHttpHandler, Server } from "@modelcontextprotocol/server";
import type { ListToolsResult } from "@modelcontextprotocol/client";

/** A server that listens on a free port of the loopback. */
export interface TestServer {
  readonly url: string;
  close(): Promise<void>;
}

/** A server of the 2026-07-28 revision, which keeps no sessions. */
export interface ModernServer extends TestServer {
  readonly handler: McpHttpHandler;
  /** Headers of each request, in order. */
  readonly requests: Headers[];
  /** `_meta` of each call, in order. */
  readonly metas: unknown[];
}

/** Starts a server of the new era with the given tools; each answers with its name and arguments, `wait` never does. */
export async function startModernServer(tools: () => ListToolsResult["tools"]): Promise<ModernServer> {
  const requests: Headers[] = [];
  const metas: unknown[] = [];
  const handler = createMcpHandler(
    () => {
      const server = new Server(
        { name: "modern-http", version: "3.0.0" },
        { capabilities: { tools: { listChanged: true } } },
      );
      server.setRequestHandler("tools/list", () => ({ tools: tools() }));
      server.setRequestHandler("tools/call", async ({ params }, ctx) => {
        metas.push(ctx.mcpReq._meta);
        if (params.name === "wait")
          await new Promise((resolve) => ctx.mcpReq.signal.addEventListener("abort", resolve));
        return { content: [{ type: "text", text: params.name }], structuredContent: params.arguments ?? {} };
      });
      return server;
    },
    { legacy: "reject" },
  );
  const server = serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      requests.push(request.headers);
      return handler.fetch(request);
    },
  });
  await new Promise<void>((resolve) => server.once("listening", () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    handler,
    requests,
    metas,
    async close() {
      await handler.close();
      await closeServer(server);
    },
  };
}

/** A server of the old era with sessions that it can be told to lose. */
export interface SessionServer extends TestServer {
  /** Sessions that were begun so far. */
  readonly begun: string[];
  /** Sessions that their client ended. */
  readonly ended: string[];
  /** Tool calls that were carried out. */
  readonly calls: string[];
  forget(): void;
}

/** What a request of the session server does besides the protocol. */
export type Oddity = (tool: string, response: ServerResponse) => boolean;

/**
 * Starts a server of the old era.
 *
 * @param lost How a lost session is answered: as the protocol has it, or as several servers do.
 * @param odd Takes a call's answer into its own hands, returning whether it did.
 */
export async function startSessionServer(lost: 404 | 400 = 404, odd: Oddity = () => false): Promise<SessionServer> {
  const live = new Set<string>();
  const begun: string[] = [];
  const ended: string[] = [];
  const calls: string[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const session = request.headers["mcp-session-id"];
    if (request.method === "DELETE" && typeof session === "string") {
      ended.push(session);
      response.writeHead(200).end();
      return;
    }
    if (request.method !== "POST") {
      response.writeHead(405).end();
      return;
    }
    const message = JSON.parse(await readText(request)) as { id?: number; method: string; params: { name: string } };
    const reply = (result: object, headers = {}): void => {
      response.writeHead(200, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, result }));
    };
    const refuse = (status: number, text: string): void => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_001, message: text } }));
    };
    if (message.method === "initialize") {
      const id = randomUUID();
      live.add(id);
      begun.push(id);
      const serverInfo = { name: "sessions", version: "1.0.0" };
      return reply(
        { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo },
        { "mcp-session-id": id },
      );
    }
    if (typeof session !== "string") return refuse(400, "Server not initialized");
    if (!live.has(session)) return refuse(lost, "Session not found");
    if (message.id === undefined) {
      response.writeHead(202).end();
      return;
    }
    if (message.method === "tools/list") return reply({ tools: [{ name: "count", inputSchema: { type: "object" } }] });
    if (odd(message.params.name, response)) return;
    calls.push(session);
    reply({ content: [{ type: "text", text: String(calls.length) }] });
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    begun,
    ended,
    calls,
    forget: () => live.clear(),
    close: () => closeServer(server),
  };
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function closeServer(server: { close(done: () => void): unknown }): Promise<void> {
  if ("closeAllConnections" in server && typeof server.closeAllConnections === "function") {
    const done = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    return done;
  }
  return new Promise((resolve) => server.close(() => resolve()));
}
