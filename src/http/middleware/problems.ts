import { challengeOf } from "../auth/protected-resource.ts";
import type { HttpDeps } from "../deps.ts";
import { errorInfo, toErrorInfo, type ErrorCode, type ErrorInfo } from "../../lib/errors.ts";
import type { AppContext } from "../context.ts";
import type { Log } from "../../lib/log.ts";
import { problemResponse } from "../problem.ts";

/**
 * Turns whatever a step threw into a problem answer, and logs what is not the client's doing.
 *
 * @returns A handler for Hono's `onError`.
 */
export function onError({ log, auth }: Pick<HttpDeps, "log" | "auth">): (thrown: Error, c: AppContext) => Response {
  return (thrown, c) => {
    const error = toErrorInfo(thrown);
    logFailure(log, error, thrown, c);
    const challenge = challengeOf(error, auth?.());
    const headers = challenge === undefined ? {} : { "www-authenticate": challenge };
    return problemResponse(error, c.get("requestId"), headers);
  };
}

/** Answers requests that no route matched. */
export function onNotFound(c: AppContext): Response {
  const error = errorInfo("NOT_FOUND", `Cannot ${c.req.method} this path as there is no such route.`, {
    hint: "GET /openapi.json lists the routes.",
  });
  return problemResponse(error, c.get("requestId"));
}

/** Answers methods that a known path does not take. */
export function methodNotAllowed(c: AppContext, path: string, methods: readonly string[]): Response {
  const allow = methods.join(", ");
  const error = errorInfo("METHOD_NOT_ALLOWED", `Cannot ${c.req.method} ${path} as it takes ${allow} only.`);
  return problemResponse(error, c.get("requestId"), { allow });
}

const REFUSED_AT_WILL: ReadonlySet<ErrorCode> = new Set([
  "QUEUE_FULL",
  "SHUTTING_DOWN",
  "MODEL_NOT_CONFIGURED",
  "ISSUER_UNAVAILABLE",
]);

function logFailure(log: Log, error: ErrorInfo, thrown: unknown, c: AppContext): void {
  const refusal = { requestId: c.get("requestId"), route: c.get("route"), code: error.code };
  const fields = { ...refusal, err: thrown };
  // A client that knocks at a full queue, or posts tasks where there is no model, must not fill the log with stacks.
  if (REFUSED_AT_WILL.has(error.code)) log.warn(refusal, "request refused");
  else if (error.fault === "service" || error.fault === "operator") log.error(fields, "request failed");
  else if (error.fault === "upstream") log.warn(fields, "request failed upstream");
}
