import type { Clock } from "../../lib/clock.ts";
import { traceField } from "../../lib/trace-context.ts";
import type { AppMiddleware } from "../context.ts";
import type { Log } from "../../lib/log.ts";

const MAX_CLIENT_ID_CHARS = 128;

/**
 * Writes one line a request: method, route pattern, status, milliseconds until the answer's headers. Never a body, a query
 * or a path, which may hold what callers keep to themselves.
 */
export function accessLog(log: Log, clock: Clock): AppMiddleware {
  return async (c, next) => {
    const startedAt = clock.monotonic();
    await next();
    const fields = {
      requestId: c.get("requestId"),
      method: c.req.method,
      route: c.get("route") ?? "(none)",
      status: c.res.status,
      ms: Math.round((clock.monotonic() - startedAt) * 1_000) / 1_000,
      principal: c.get("principal")?.id,
      clientId: c.req.header("x-client-id")?.slice(0, MAX_CLIENT_ID_CHARS),
      ...traceField(c.get("trace")),
    };
    if (c.get("quiet") === true) log.debug(fields, "request");
    else log.info(fields, "request");
  };
}
