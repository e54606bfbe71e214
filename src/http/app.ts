import { Hono } from "hono";
import type { AppEnv, HttpApp } from "./context.ts";
import type { HttpDeps } from "./deps.ts";
import { accessLog } from "./middleware/access-log.ts";
import { hostGuard } from "./middleware/host-guard.ts";
import { onError, onNotFound } from "./middleware/problems.ts";
import { requestId } from "./middleware/request-id.ts";
import { securityHeaders } from "./middleware/security-headers.ts";
import { tracingOf } from "./middleware/tracing.ts";
import { mountOperations } from "./mount.ts";
import { invokeOperations } from "./routes/invoke.ts";
import { mountMcp } from "./routes/mcp.ts";
import { pinOperations } from "./routes/pins.ts";
import { runActions } from "./routes/run-actions.ts";
import { runOperations } from "./routes/runs.ts";
import { serverOperations } from "./routes/servers.ts";
import { serviceOperations } from "./routes/service.ts";
import { submitOperation } from "./routes/submit.ts";
import { toolOperations } from "./routes/tools.ts";
import { wellKnownOperations } from "./routes/well-known.ts";

/**
 * The HTTP door: translates requests to the services it is given, and holds no state but who waits for which run.
 *
 * Each request passes, in this order: trace, id, log, headers, host guard, authentication, then the operation's own checks of
 * query, media type, size and body.
 */
export function createApp(deps: HttpDeps): HttpApp {
  const app: HttpApp = new Hono<AppEnv>();
  app.onError(onError(deps));
  app.notFound(onNotFound);
  app.use(
    tracingOf(deps.tracing),
    requestId(deps.clock),
    accessLog(deps.log, deps.clock),
    securityHeaders,
    hostGuard(deps.config),
  );
  const operations =
    deps.onlyWatched === true
      ? []
      : [
          submitOperation(deps),
          ...runOperations(deps),
          ...runActions(deps),
          ...toolOperations(deps),
          ...invokeOperations(deps),
          ...serverOperations(deps),
          ...pinOperations(deps),
          ...wellKnownOperations(deps),
        ];
  mountOperations(app, [...operations, ...serviceOperations(deps, operations)], deps);
  // Who opens the address in a browser wants to read.
  app.get("/", (c) => c.redirect("/docs"));
  if (deps.mcpHandler !== undefined && deps.onlyWatched !== true) mountMcp(app, deps.mcpHandler, deps);
  return app;
}
