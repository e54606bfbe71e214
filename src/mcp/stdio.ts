import type { Readable, Writable } from "node:stream";
import { StdioServerTransport, serveStdio as serveConnection } from "@modelcontextprotocol/server/stdio";
import { systemClock } from "../lib/clock.ts";
import { LOCAL_PRINCIPAL } from "../config/principal.ts";
import { HeldRuns } from "./held-runs.ts";
import type { McpDeps } from "./mcp-deps.ts";
import { createMcpServer } from "./server.ts";

/** The two pipes of a stdio connection. Nothing else may write to `stdout`. */
export interface StdioStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
}

/** A connection that is being served. */
export interface StdioServer {
  /** Resolves when the connection has ended: the client closed its end, a pipe broke, or `close` was called. */
  readonly closed: Promise<void>;
  /** Ends the connection and cancels the runs it waits for. Safe to call twice. */
  close(): Promise<void>;
}

/** Tells when it is closed, from whichever side. */
class ReportingTransport extends StdioServerTransport {
  readonly #report: () => void;

  constructor({ stdin, stdout }: StdioStreams, report: () => void) {
    super(stdin, stdout);
    this.#report = report;
  }

  override async close(): Promise<void> {
    await super.close();
    this.#report();
  }
}

/**
 * Serves one MCP connection on a pair of pipes as the local principal; the client's first message decides the era. The
 * end of `stdin` ends the connection, as the protocol asks: requests in flight are cancelled and not answered.
 */
export function serveStdio(deps: McpDeps, { stdin, stdout }: StdioStreams): StdioServer {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const transport = new ReportingTransport({ stdin, stdout }, resolve);
  const held = new HeldRuns(deps.clock ?? systemClock, deps.log);
  const connection = serveConnection(() => createMcpServer(deps, LOCAL_PRINCIPAL, { transport: "pipe", held }), {
    transport,
    onerror: (error) => deps.log.debug({ err: error }, "a message on stdio was refused or broke"),
  });
  void closed.then(() => held.close());
  return { closed, close: () => connection.close() };
}
