import type { Clock } from "../../lib/clock.ts";
import { createId } from "../../lib/ids.ts";
import type { AppMiddleware } from "../context.ts";

/** Taken from callers: nothing that could break a log line or a header. */
const REQUEST_ID = /^[\w.:~-]{1,128}$/u;

/** @source W3C Trace Context § 3.2 */
const TRACE_PARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/u;

/** Gives each request an id, the caller's `X-Request-Id` where that is well formed, and returns it and `traceparent`. */
export function requestId(clock: Clock): AppMiddleware {
  return async (c, next) => {
    const given = c.req.header("x-request-id");
    const id = given !== undefined && REQUEST_ID.test(given) ? given : createId("req", clock.now());
    c.set("requestId", id);
    await next();
    c.res.headers.set("x-request-id", id);
    const trace = c.req.header("traceparent");
    if (trace !== undefined && TRACE_PARENT.test(trace)) c.res.headers.set("traceparent", trace);
  };
}
