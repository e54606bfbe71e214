import {
  DEFAULT_MAX_REQUEST_BODY_SIZE,
  createMcpHandler,
  isJsonContentType,
  readRequestBody,
} from "@modelcontextprotocol/server";
import type { AuthInfo, McpServerFactory } from "@modelcontextprotocol/server";
import type { Principal } from "../config/principal.ts";
import { systemClock } from "../lib/clock.ts";
import { requireScope } from "../config/scopes.ts";
import { isRecord } from "../lib/guards.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { AskerCapabilities } from "../upstream/asker.ts";
import { parseJson } from "../lib/json.ts";
import { toAskerCapabilities } from "./asker.ts";
import { HeldRuns } from "./held-runs.ts";
import { createInFlightRequests } from "./in-flight.ts";
import type { InFlightRequests } from "./in-flight.ts";
import type { McpDeps } from "./mcp-deps.ts";
import { PendingAnswers } from "./pending-answers.ts";
import { createMcpServer } from "./server.ts";
import type { McpSession } from "./server.ts";
import { capabilitiesOfSession, createSessionId } from "./session-ids.ts";

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
 * A client of a revision up to 2025-11-25 is given a session id at `initialize`. Nothing is kept for it: it tells one client's
 * request ids from another's, so that a cancellation, and the answer to what a tool asks, which are requests of their own there,
 * find their run when they reach the same process; and it says what the client can be asked for. A client of a later revision is
 * asked by the answer to its call, and its next call, which must reach the same process too, goes on with the run.
 */
export function createMcpHttpHandler(deps: McpHttpDeps): McpHttpHandler {
  const { log, maxBodyBytes = DEFAULT_MAX_REQUEST_BODY_SIZE } = deps;
  const inFlight = createInFlightRequests();
  const answers = new PendingAnswers();
  const held = new HeldRuns(deps.clock ?? systemClock, log);
  const callers = new WeakMap<AuthInfo, Caller>();
  const factory: McpServerFactory = ({ era, authInfo }) => {
    const caller = authInfo === undefined ? undefined : callers.get(authInfo);
    if (caller === undefined) throw new Error("an MCP exchange has no caller");
    const { principal, sessionId, trace } = caller;
    const connection = { transport: "tcp", trace, held } as const;
    if (era === "modern" || sessionId === undefined) return createMcpServer(deps, principal, connection);
    const key = { principalId: principal.id, sessionId };
    const session: McpSession = {
      capabilities: capabilitiesOfSession(sessionId),
      track: (requestId) => inFlight.track({ ...key, requestId }),
      ask: (request, signal, send) => answers.ask(key, request, signal, send),
    };
    return createMcpServer(deps, principal, { ...connection, session });
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
    if (sessionId !== undefined) {
      cancelNamed(parsedBody, { principal, sessionId }, inFlight);
      if (answers.settle({ principalId: principal.id, sessionId }, parsedBody))
        return new Response(null, { status: 202 });
    }
    const isCall = isRecord(parsedBody) && parsedBody["method"] === "tools/call";
    const response = await (isCall ? streaming : plain).fetch(request, { authInfo, parsedBody });
    if (sessionId === undefined && isLegacyInitialize(parsedBody) && response.ok) {
      response.headers.set(SESSION_HEADER, createSessionId(declaredBy(parsedBody)));
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
function isLegacyInitialize(body: unknown): body is Readonly<Record<string, unknown>> {
  return isRecord(body) && body["method"] === "initialize";
}

/** What the client of an `initialize` says that it can be asked for. */
function declaredBy(body: Readonly<Record<string, unknown>>): AskerCapabilities {
  const params = body["params"];
  const capabilities = isRecord(params) ? params["capabilities"] : undefined;
  return toAskerCapabilities(isRecord(capabilities) ? capabilities : {});
}

function readSessionId(request: Request): string | undefined {
  const id = request.headers.get(SESSION_HEADER);
  return id === null || id === "" || id.length > MAX_SESSION_ID_CHARS ? undefined : id;
}

function rpcError(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id: null }, { status });
}
