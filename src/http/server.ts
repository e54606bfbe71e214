import { getRequestListener, RequestError } from "@hono/node-server";
import { createServer, type Server, type ServerResponse } from "node:http";
import { systemClock, type Clock } from "../lib/clock.ts";
import { errorInfo, RunletError, toErrorInfo } from "../lib/errors.ts";
import { createId } from "../lib/ids.ts";
import type { HttpApp } from "./context.ts";
import type { Log } from "../lib/log.ts";
import { problemResponse } from "./problem.ts";

/** Where to listen. */
export interface ListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Told of requests that never reached a route. */
  readonly log?: Log;
  /** @default the machine's */
  readonly clock?: Clock;
}

/** A listener that takes requests until it is closed. */
export interface Listener {
  /** Where this machine reaches it, such as `http://127.0.0.1:8377`. */
  readonly url: string;
  readonly port: number;
  /**
   * Takes no more connections, lets requests that are being answered end within `graceMs`, then drops what is left. Safe to
   * call twice.
   */
  close(graceMs: number): Promise<void>;
}

/**
 * How long a connection without a request is kept. Longer than those who call keep theirs, proxies among them, which is a
 * minute at most by default: a request sent while the other end closes is lost, and a run must not be sent twice.
 */
const KEEP_ALIVE_MS = 75_000;

/**
 * Listens for HTTP requests.
 *
 * @returns Once connections are accepted.
 * @throws CONFIG_INVALID when the address cannot be listened on.
 */
export async function listen(app: HttpApp, { host, port, log, clock = systemClock }: ListenOptions): Promise<Listener> {
  // Plain HTTP only, so the bindings are those of node:http.
  const handle = getRequestListener((request, env) => app.fetch(request, env), {
    hostname: host,
    overrideGlobalObjects: false,
    errorHandler: (thrown) => answerUnhandled(thrown, log, clock),
  });
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS },
    (incoming, outgoing) => void handle(incoming, outgoing),
  );
  const stop = trackAnswers(server, clock);
  await start(server, host, port);
  // A connection that cannot be accepted, such as for want of descriptors, must not end the process.
  server.on("error", (error) => log?.error({ err: error }, "a connection could not be accepted"));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP listener has no TCP address");
  let closing: Promise<void> | undefined;
  return {
    url: `http://${toReachableHost(host)}:${address.port}`,
    port: address.port,
    close: (graceMs) => (closing ??= stop(graceMs)),
  };
}

function start(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException): void => reject(cannotListen(cause, host, port));
    server.once("error", refuse);
    server.listen({ host, port }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}

const REASONS = new Map([
  ["EADDRINUSE", { why: "the port is taken", hint: "Stop what listens there, or choose another port." }],
  ["EACCES", { why: "the port needs privileges", hint: "Choose a port above 1023." }],
  ["EADDRNOTAVAIL", { why: "the host must be an address of this machine", hint: "Choose 127.0.0.1 or 0.0.0.0." }],
  ["ENOTFOUND", { why: "the host must have an address", hint: "Choose 127.0.0.1 or 0.0.0.0." }],
]);

function cannotListen(cause: NodeJS.ErrnoException, host: string, port: number): RunletError {
  const reason = REASONS.get(cause.code ?? "");
  const why = reason?.why ?? `the system refused it with ${cause.code ?? "an error"}`;
  return new RunletError("CONFIG_INVALID", `Cannot listen for HTTP as ${why}: current value is ${host}:${port}.`, {
    ...(reason === undefined ? {} : { hint: reason.hint }),
    cause,
  });
}

/** @returns How to stop the server: new connections at once, answers under way within a time. */
function trackAnswers(server: Server, clock: Clock): (graceMs: number) => Promise<void> {
  const active = new Set<ServerResponse>();
  let stopping = false;
  const closeAfter = (outgoing: ServerResponse): void => {
    if (!outgoing.headersSent) outgoing.setHeader("connection", "close");
  };
  server.prependListener("request", (_incoming, outgoing: ServerResponse) => {
    active.add(outgoing);
    if (stopping) closeAfter(outgoing);
    outgoing.once("close", () => {
      active.delete(outgoing);
      if (stopping) server.closeIdleConnections();
    });
  });
  return async (graceMs) => {
    stopping = true;
    for (const outgoing of active) closeAfter(outgoing);
    const timer = clock.after(graceMs, () => server.closeAllConnections());
    await new Promise<void>((resolve) => server.close(() => resolve()));
    timer.cancel();
  };
}

/** Answers what never reached the app: a request that makes no URL, or a defect. */
function answerUnhandled(thrown: unknown, log: Log | undefined, clock: Clock): Response {
  const requestId = createId("req", clock.now());
  const unreadable = thrown instanceof RequestError;
  log?.[unreadable ? "debug" : "error"]({ requestId, err: thrown }, "request failed before it reached a route");
  const error = unreadable
    ? errorInfo("REQUEST_INVALID", "Cannot read the request as its target and Host header must make a URL.")
    : toErrorInfo(thrown);
  return problemResponse(error, requestId, { "x-request-id": requestId });
}

/** The host to connect to from this machine: wildcards are reached on loopback. */
function toReachableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
