import { traceOfHeaders } from "../../lib/trace-context.ts";
import { noTracing } from "../../observability/tracing.ts";
import type { Tracing } from "../../observability/tracing.ts";
import type { AppMiddleware } from "../context.ts";

const SERVER_ERROR = 500;

/**
 * Notes each request as a span, part of the trace that its `traceparent` names, and keeps its place for the request's own
 * work. What machines poll is not noted. Says method, route pattern and status: a path may hold what callers keep to themselves.
 */
export function tracingOf(tracing: Tracing = noTracing): AppMiddleware {
  return async (c, next) => {
    const parent = traceOfHeaders(c.req.raw.headers);
    const span = tracing.start(c.req.method, parent, { kind: "server" });
    const trace = span?.context ?? parent;
    if (trace !== undefined) c.set("trace", trace);
    await next();
    if (span === undefined || c.get("quiet") === true) return;
    const route = c.get("route");
    const { status } = c.res;
    if (route !== undefined) span.rename(`${c.req.method} ${route}`);
    span.set({
      "http.request.method": c.req.method,
      "http.response.status_code": status,
      ...(route === undefined ? {} : { "http.route": route }),
    });
    span.end(status >= SERVER_ERROR ? String(status) : undefined);
  };
}
