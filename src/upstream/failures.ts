import { ProtocolError, ProtocolErrorCode, SdkError, SdkErrorCode, SdkHttpError } from "@modelcontextprotocol/client";
import { boundText } from "../lib/bounded-text.ts";
import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import { parseJson } from "../lib/json.ts";
import type { UpstreamConfig } from "../config/config.ts";
import type { UpstreamFailure } from "./upstream.ts";
import { readBusy } from "./transports/busy-answer.ts";
import { STREAM_LOST, STREAM_TOO_LARGE } from "./transports/lost-answers.ts";

const MAX_TEXT_BYTES = 4 * 1024;
const MAX_REASON_BYTES = 300;
/** Codes of a connection that never came about, so that nothing was sent over it. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** Codes by which a server says that it wants something of its client which ours never offers. */
const ASKS_FOR_INPUT: ReadonlySet<unknown> = new Set([
  ProtocolErrorCode.MissingRequiredClientCapability,
  ProtocolErrorCode.UrlElicitationRequired,
]);
/** In the details of a call that a server has no room for. */
const TURNED_AWAY = "refused";
/** Failures that already say why a server does not start. */
const ABOUT_START: ReadonlySet<unknown> = new Set(["UPSTREAM_UNAVAILABLE", "UPSTREAM_NEEDS_AUTH"]);
const INPUT_RULE = "its caller cannot be asked for input: the tool asks for some";

/** A call that failed, and what was known of it. */
export interface FailedCall {
  readonly server: string;
  readonly tool: string;
  /** Why the connection was ended, where we or the process did. */
  readonly ended: string | undefined;
  /** Whether the server keeps a session that it can lose. */
  readonly hasSession: boolean;
}

/** Whether the failure says that the server did nothing for the call, so that it can be made again. */
export function wasNotSent(thrown: unknown): boolean {
  if (!(thrown instanceof RunletError) || thrown.code !== "UPSTREAM_UNAVAILABLE") return false;
  return isRecord(thrown.context.details) && thrown.context.details["sent"] === false;
}

/** Whether the server turned a call away without doing anything for it, as it has no room now: its session is well. */
export function wasTurnedAway(thrown: unknown): boolean {
  if (!wasNotSent(thrown)) return false;
  const { details } = (thrown as RunletError).context;
  return isRecord(details) && details["reason"] === TURNED_AWAY;
}

/** A failed call in our words. The server's own error text is kept, bounded; it is its answer. */
export function toCallError(thrown: unknown, call: FailedCall): RunletError {
  const { server, tool } = call;
  const what = whatOf(call);
  const unavailable = (rule: string, sent: boolean): RunletError =>
    new RunletError("UPSTREAM_UNAVAILABLE", `${what} as ${rule}.`, { server, tool, details: { sent }, cause: thrown });
  const broken = (rule: string, details?: object): RunletError =>
    new RunletError("UPSTREAM_PROTOCOL", `${what} as ${rule}.`, {
      server,
      tool,
      cause: thrown,
      ...(details && { details }),
    });

  if (thrown instanceof RunletError) {
    return new RunletError(thrown.code, thrown.message, { ...thrown.context, server, tool, cause: thrown });
  }
  if (thrown instanceof SdkHttpError) return httpCallError(thrown, call, unavailable, broken);
  if (thrown instanceof ProtocolError) {
    if (thrown.data === STREAM_LOST) return unavailable("its connection must last: it ended before the answer", true);
    if (thrown.data === STREAM_TOO_LARGE) return broken("an answer must be of bounded size: it is larger");
    if (ASKS_FOR_INPUT.has(thrown.code)) return asksForInput(what, call, thrown, thrown.data);
    return broken(`the server refused it: ${boundText(thrown.message, MAX_TEXT_BYTES)}`, { code: thrown.code });
  }
  if (thrown instanceof SdkError) return sdkCallError(thrown, call, unavailable, broken);
  const code = networkCode(thrown);
  if (code !== undefined) return unavailable(`the server must be reachable: ${code}`, !NEVER_CONNECTED.has(code));
  if (thrown instanceof Error && thrown.message === "Not connected") {
    return unavailable("its connection must be open: it was closed", false);
  }
  return broken(`its answer must be a message of the protocol: ${reasonOf(thrown)}`);
}

function whatOf({ server, tool }: FailedCall): string {
  return `Cannot call tool "${tool}" of server "${server}"`;
}

/** A server that was told what its caller can be asked for says that it needs more. */
function asksForInput(what: string, { server, tool }: FailedCall, cause: unknown, data: unknown): RunletError {
  const required = isRecord(data) ? data["requiredCapabilities"] : undefined;
  const kinds = ["sampling", "roots"] as const;
  const kind = kinds.find((each) => isRecord(required) && required[each] !== undefined) ?? "elicitation";
  const hint = "Call it from run_script of an MCP client that supports what the tool asks for.";
  return new RunletError("UPSTREAM_NEEDS_INPUT", `${what} as ${INPUT_RULE}.`, {
    server,
    tool,
    hint,
    details: { kind },
    cause,
  });
}

type Unavailable = (rule: string, sent: boolean) => RunletError;
type Broken = (rule: string, details?: object) => RunletError;

function httpCallError(error: SdkHttpError, call: FailedCall, unavailable: Unavailable, broken: Broken): RunletError {
  const busy = readBusy(error);
  if (busy !== undefined) return tooBusy(error, call, busy);
  const answer = rpcErrorOf(error);
  if (call.hasSession && saysSessionLost(error.status, answer?.message ?? bodyOf(error))) {
    return unavailable("its session must be known to the server: the server has lost it", false);
  }
  if (answer !== undefined) {
    if (ASKS_FOR_INPUT.has(answer.code)) return asksForInput(whatOf(call), call, error, answer.data);
    return broken(`the server refused it: ${boundText(answer.message, MAX_TEXT_BYTES)}`, {
      code: answer.code,
      status: error.status,
    });
  }
  return unavailable(`the server must accept requests: it answered HTTP ${error.status}`, true);
}

function tooBusy(
  error: SdkHttpError,
  call: FailedCall,
  { sent, retryAfterMs }: NonNullable<ReturnType<typeof readBusy>>,
): RunletError {
  const { server, tool } = call;
  const wait = retryAfterMs === undefined ? "" : ` and asks to wait ${retryAfterMs} ms`;
  const rule = `the server must accept requests: it answered HTTP ${error.status}${wait}`;
  return new RunletError("UPSTREAM_UNAVAILABLE", `${whatOf(call)} as ${rule}.`, {
    server,
    tool,
    ...(retryAfterMs !== undefined && { hint: `Try again in ${retryAfterMs} ms, with fewer calls at once.` }),
    details: { sent, ...(!sent && { reason: TURNED_AWAY }), ...(retryAfterMs !== undefined && { retryAfterMs }) },
    cause: error,
  });
}

function sdkCallError(error: SdkError, call: FailedCall, unavailable: Unavailable, broken: Broken): RunletError {
  switch (error.code) {
    case SdkErrorCode.ConnectionClosed:
      return unavailable(`its connection must last: ${call.ended ?? "it was closed"}`, true);
    case SdkErrorCode.NotConnected:
    case SdkErrorCode.SendFailed:
      return unavailable("its connection must be open: it was closed", false);
    default:
      return broken(`its answer must be a message of the protocol: ${reasonOf(error)}`);
  }
}

/** A spec-abiding server says 404; several say 400 and name the session in words. */
function saysSessionLost(status: number, text: string): boolean {
  return status === 404 || (status === 400 && /session/iu.test(text));
}

/** A failed start in our words. `details.sent` is false: nothing of any call was sent. */
export function toStartError(
  thrown: unknown,
  config: UpstreamConfig,
  stage: UpstreamFailure["stage"],
  exit: string | undefined,
): RunletError {
  const { name, transport } = config;
  if (thrown instanceof RunletError && ABOUT_START.has(thrown.code)) return thrown;
  const { rule, hint } = startProblem(thrown, config, stage, exit);
  const verb = transport.kind === "http" ? "reach" : "start";
  return new RunletError("UPSTREAM_UNAVAILABLE", `Cannot ${verb} server "${name}" as ${rule}.`, {
    server: name,
    hint,
    details: { sent: false },
    cause: thrown,
  });
}

function startProblem(
  thrown: unknown,
  config: UpstreamConfig,
  stage: UpstreamFailure["stage"],
  exit: string | undefined,
): { readonly rule: string; readonly hint: string } {
  const key = `mcpServers.${config.name}`;
  if (thrown instanceof RunletError)
    return {
      rule: `it must keep to the protocol: ${thrown.message.replace(/\.$/u, "")}`,
      hint: `Repair or remove ${key}.`,
    };
  if (exit !== undefined) {
    return {
      rule: `its process must stay up through the ${stage}: it ${exit}`,
      hint: `Its stderr says why, which GET /servers and the log have; correct ${key}.`,
    };
  }
  const status = findStatus(thrown);
  if (status === 401 || status === 403) {
    return { rule: `it must accept our credentials: it answered HTTP ${status}`, hint: `Correct headers of ${key}.` };
  }
  if (status === 429 || status === 503) {
    const hint = `It is tried again by itself; repair it, or make fewer starts of ${key}.`;
    return { rule: `it must accept requests: it answered HTTP ${status}`, hint };
  }
  if (status !== undefined) {
    return { rule: `its URL must answer MCP requests: it answered HTTP ${status}`, hint: `Correct url of ${key}.` };
  }
  const code = networkCode(thrown);
  if (code !== undefined) {
    return { rule: `its URL must accept connections: ${code}`, hint: `Start the server, or correct url of ${key}.` };
  }
  const doing = stage === "list" ? "list its tools" : "finish the handshake";
  return { rule: `it must ${doing}: ${reasonOf(thrown)}`, hint: `Check that ${key} is an MCP server.` };
}

function rpcErrorOf(
  error: SdkHttpError,
): { readonly code: unknown; readonly message: string; readonly data: unknown } | undefined {
  const body = parseJson(bodyOf(error))?.value;
  const inner = isRecord(body) ? body["error"] : undefined;
  if (!isRecord(inner) || typeof inner["message"] !== "string") return undefined;
  return { code: inner["code"], message: inner["message"], data: inner["data"] };
}

function bodyOf(error: SdkHttpError): string {
  const data: unknown = error.data;
  return isRecord(data) && typeof data["text"] === "string" ? data["text"] : "";
}

/** The first of an error's causes, itself included, for which `pick` finds something. */
function findInCauses<T>(thrown: unknown, pick: (error: Error) => T | undefined): T | undefined {
  let next = thrown;
  for (let depth = 0; depth < 8 && next instanceof Error; depth++) {
    const found = pick(next);
    if (found !== undefined) return found;
    next = next.cause;
  }
  return undefined;
}

/** The status of the HTTP answer by which a start failed, where it failed by one. */
export function findStatus(thrown: unknown): number | undefined {
  return findInCauses(thrown, (error) => (error instanceof SdkHttpError ? error.status : undefined));
}

/** The system's or the HTTP client's code of a failed connection, such as `ECONNREFUSED`. */
function networkCode(thrown: unknown): string | undefined {
  return findInCauses(thrown, (error) => {
    if (error instanceof SdkError || error instanceof ProtocolError || !("code" in error)) return undefined;
    return typeof error.code === "string" && /^[A-Z][A-Z0-9_]+$/u.test(error.code) ? error.code : undefined;
  });
}

function reasonOf(thrown: unknown): string {
  return boundText(thrown instanceof Error ? thrown.message : String(thrown), MAX_REASON_BYTES);
}
