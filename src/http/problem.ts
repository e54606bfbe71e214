import { errorSpec, RunletError, type ErrorCode, type ErrorContext, type ErrorInfo } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import { nearestNames } from "../lib/nearest.ts";

/** One fault of a request. */
export interface RequestProblem {
  /** Which part of the request; absent for the body. */
  readonly in?: "query" | "header";
  /** JSON pointer into that part, empty for the whole. */
  readonly pointer: string;
  readonly message: string;
}

/** Media type of problem documents. */
export const PROBLEM_TYPE = "application/problem+json";

/** Faults that the sentence tells; the member `problems` has all. */
const MAX_TOLD = 3;
const DEFAULT_RETRY_AFTER_MS = 1_000;

/**
 * A failure as an RFC 9457 problem document, as JSON data. Members without a value are absent.
 *
 * @param requestId The id that is also in the answer's `X-Request-Id`.
 * @source RFC 9457 § 3.1
 */
export function toProblem(error: ErrorInfo, requestId: string): Record<string, unknown> {
  const { code, message, hint, details, ...context } = error;
  const { problems, ...rest } = isRecord(details) ? details : { problems: undefined, details };
  return {
    type: "about:blank",
    title: titleOf(code),
    status: errorSpec(code).status,
    detail: message,
    code,
    ...context,
    hint,
    requestId,
    problems,
    ...(isRecord(details) ? { details: Object.keys(rest).length > 0 ? rest : undefined } : rest),
  };
}

/**
 * A failure as the HTTP answer that refuses a request: status from the error table, `Retry-After` where another try may
 * go well, `WWW-Authenticate` with 401.
 *
 * @param headers Further headers.
 */
export function problemResponse(
  error: ErrorInfo,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { status } = errorSpec(error.code);
  const all = new Headers(headers);
  all.set("content-type", PROBLEM_TYPE);
  if (status === 401 && !all.has("www-authenticate")) all.set("www-authenticate", 'Bearer realm="runlet"');
  if (error.retryable && (status === 429 || status === 503)) all.set("retry-after", String(retryAfterSeconds(error)));
  return new Response(JSON.stringify(toProblem(error, requestId)), { status, headers: all });
}

/** A request with faults, as an error. */
export function requestInvalid(what: string, problems: readonly RequestProblem[]): RunletError {
  const told = problems
    .slice(0, MAX_TOLD)
    .map(({ pointer, message }) => `${pointer === "" ? "it" : pointer} ${message}`);
  const more = problems.length > MAX_TOLD ? ` (and ${problems.length - MAX_TOLD} more)` : "";
  const where = told.length === 0 ? "" : `: ${told.join("; ")}${more}`;
  const end = where.endsWith("?") ? "" : ".";
  return new RunletError("REQUEST_INVALID", `Cannot accept ${what} as it does not satisfy its schema${where}${end}`, {
    hint: "GET /openapi.json has the schemas of all requests.",
    details: { problems },
  });
}

/**
 * What helps who wrote a name that there is not; `details.nearest` holds the names most like it.
 *
 * @param otherwise The hint when no name is like it.
 */
export function didYouMean(wrong: string, names: readonly string[], otherwise: string): ErrorContext {
  const nearest = nearestNames(wrong, names);
  return {
    hint: nearest.length === 0 ? otherwise : `Did you mean ${nearest.join(", ")}?`,
    details: { nearest },
  };
}

/** Whole seconds, at least 1: the unit of the header is the second. */
function retryAfterSeconds(error: ErrorInfo): number {
  const asked = isRecord(error.details) ? error.details["retryAfterMs"] : undefined;
  const waitMs = typeof asked === "number" && Number.isFinite(asked) ? asked : DEFAULT_RETRY_AFTER_MS;
  return Math.max(1, Math.ceil(waitMs / 1_000));
}

/** `TOOL_NOT_FOUND` as `Tool not found`. */
function titleOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
