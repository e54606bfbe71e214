import { randomUUID } from "node:crypto";
import {
  DEFAULT_MAX_REQUEST_BODY_SIZE,
  createMcpHandler,
  isJsonContentType,
  readRequestBody,
} from "@modelcontextprotocol/server";
import type { AuthInfo, McpServerFactory } from "@modelcontextprotocol/server";
import type { Principal } from "../config/principal.ts";
import { requireScope } from "../config/scopes.ts";
import { isRecord } from "../lib/guards.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import { parseJson } from "../lib/json.ts";
import { createInFlightRequests } from "./in-flight.ts";
import type { InFlightRequests } from "./in-flight.ts";
import type { McpDeps } from "./mcp-deps.ts";
import { createMcpServer } from "./server.ts";

const SESSION_HEADER = "mcp-session-id";
const MAX_SESSION_ID_CHARS = 128;

/** Answers one HTTP request to `/mcp` for an authenticated principal. */
export type McpHttpHandler = (request: Request, principal: Principal, trace?: TraceContext) => Promise<Response>;

/** What the handler needs besides the services. */
export interface McpHttpDeps extends McpDeps {
  /** Largest body. @default 4 MiB */
  readonly maxBodyBytes?: number;
}

/** Who makes one HTTP exchange. */
interface Caller {
  readonly principal: Principal;
  readonly sessionId: string | undefined;
  /** What the exchange is part of. */
  readonly trace: TraceContext | undefined;
}

/**
 * Serves MCP over Streamable HTTP in both eras, without state: each POST has its own server instance, GET and DELETE
 * are 405. The caller has authenticated the request and checked Host and Origin.
 *
 * A client of a revision up to 2025-11-25 is given a session id at `initialize`. Nothing is kept for it: it only tells
 * one client's request ids from another's, so that a cancellation, which is a request of its own there, finds its run
 * when it reaches the same process.
 */
export function createMcpHttpHandler(deps: McpHttpDeps): McpHttpHandler {
  const { log, maxBodyBytes = DEFAULT_MAX_REQUEST_BODY_SIZE } = deps;
  const inFlight = createInFlightRequests();
  const callers = new WeakMap<AuthInfo, Caller>();
  const factory: McpServerFactory = ({ era, authInfo }) => {
    const caller = authInfo === undefined ? undefined : callers.get(authInfo);
    if (caller === undefined) throw new Error("an MCP exchange has no caller");
    const { principal, sessionId, trace } = caller;
    const origin = { transport: "tcp", trace } as const;
    if (era === "modern" || sessionId === undefined) return createMcpServer(deps, principal, undefined, origin);
    const track = (requestId: string | number) => inFlight.track({ principalId: principal.id, sessionId, requestId });
    return createMcpServer(deps, principal, track, origin);
  };
  const onerror = (error: Error): void => log.debug({ err: error }, "an MCP exchange was refused or broke");
  // A run may take minutes: a stream with its keep-alive outlives the idle timeouts of proxies, a late body does not.
  const streaming = createMcpHandler(factory, { onerror, responseMode: "sse", maxRequestBodySize: maxBodyBytes });
  const plain = createMcpHandler(factory, { onerror, responseMode: "auto", maxRequestBodySize: maxBodyBytes });

  return async (request, principal, trace) => {
    const sessionId = readSessionId(request);
    const authInfo: AuthInfo = { token: "", clientId: principal.id, scopes: [] };
    callers.set(authInfo, { principal, sessionId, trace });
    if (request.method !== "POST" || !isJsonContentType(request.headers.get("content-type"))) {
      return await plain.fetch(request, { authInfo });
    }
    const body = await readRequestBody(request, maxBodyBytes);
    if (body.tooLarge) return rpcError(413, -32_000, `The body is larger than ${maxBodyBytes} bytes`);
    const parsedBody = parseJson(body.text)?.value;
    if (parsedBody === undefined) return rpcError(400, -32_700, "Parse error: the body is not JSON");
    // Refused as a request, not within its answer: so clients know to ask for a token that lets them.
    if (runsScript(parsedBody)) requireScope(principal, "run", "call run_script");
    if (sessionId !== undefined) cancelNamed(parsedBody, { principal, sessionId }, inFlight);
    const isCall = isRecord(parsedBody) && parsedBody["method"] === "tools/call";
    const response = await (isCall ? streaming : plain).fetch(request, { authInfo, parsedBody });
    if (sessionId === undefined && isLegacyInitialize(parsedBody) && response.ok) {
      response.headers.set(SESSION_HEADER, randomUUID());
    }
    return response;
  };
}

/** Cancels the requests that the messages of one body name. */
function cancelNamed(
  body: unknown,
  { principal, sessionId }: { readonly principal: Principal; readonly sessionId: string },
  inFlight: InFlightRequests,
): void {
  for (const message of Array.isArray(body) ? (body as unknown[]) : [body]) {
    if (!isRecord(message) || message["method"] !== "notifications/cancelled") continue;
    const params = message["params"];
    const requestId = isRecord(params) ? params["requestId"] : undefined;
    if (typeof requestId !== "string" && typeof requestId !== "number") continue;
    inFlight.cancel({ principalId: principal.id, sessionId, requestId });
  }
}

/** Whether one message of a body calls `run_script`. */
function runsScript(body: unknown): boolean {
  return (Array.isArray(body) ? (body as unknown[]) : [body]).some(
    (message) =>
      isRecord(message) &&
      message["method"] === "tools/call" &&
      isRecord(message["params"]) &&
      message["params"]["name"] === "run_script",
  );
}

/** `initialize` exists in the earlier revisions only. */
function isLegacyInitialize(body: unknown): boolean {
  return isRecord(body) && body["method"] === "initialize";
}

function readSessionId(request: Request): string | undefined {
  const id = request.headers.get(SESSION_HEADER);
  return id === null || id === "" || id.length > MAX_SESSION_ID_CHARS ? undefined : id;
}

function rpcError(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id: null }, { status });
}
