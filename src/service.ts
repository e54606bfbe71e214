import type { Readable, Writable } from "node:stream";
import type { CatalogSource } from "./catalog/catalog.ts";
import type { Callers } from "./config/callers.ts";
import type { Config } from "./config/config.ts";
import type { ProcessExecutor } from "./executor/process-executor.ts";
import type { Gateway } from "./gateway/call.ts";
import { createAuthenticator } from "./http/auth/authenticator.ts";
import { createApp } from "./http/app.ts";
import type { HttpDeps } from "./http/deps.ts";
import { listen } from "./http/server.ts";
import type { Listener } from "./http/server.ts";
import type { Log } from "./lib/log.ts";
import { createMcpHttpHandler } from "./mcp/http.ts";
import type { McpHttpHandler } from "./mcp/http.ts";
import { serveStdio } from "./mcp/stdio.ts";
import type { StdioServer } from "./mcp/stdio.ts";
import type { RunService } from "./runs/run-service.ts";
import { sharedScriptReader } from "./script/script-reader.ts";
import { sharedTranspiler } from "./script/transpile.ts";
import type { UpstreamRegistry } from "./upstream/upstream.ts";
import { VERSION } from "./version.ts";

import { createApply, type AppliedConfig } from "./composition/apply-config.ts";
import { readiness } from "./composition/readiness.ts";
import { inOrder, keepPruned } from "./composition/housekeeping.ts";
import { createParts } from "./composition/parts.ts";
import type { Parts, PartsOptions } from "./composition/parts.ts";

/** What may be given instead of the default. */
export type ServiceOptions = Omit<PartsOptions, "env">;

/** A running Runlet: every part made and connected. Its doors are opened by `listen` and `serveStdio`. */
export interface Service {
  readonly runs: RunService;
  /** Who may call; `replace` puts another configuration of clients in place, for runs in flight too. */
  readonly callers: Pick<Callers, "replace">;
  /** Puts another configuration in place as far as a running service can, and says how far. */
  apply(config: Config): AppliedConfig;
  readonly catalogs: CatalogSource;
  readonly gateway: Gateway;
  readonly registry: UpstreamRegistry;
  readonly executor: ProcessExecutor;
  readonly log: Log;
  /** Opens the HTTP door. @throws CONFIG_INVALID when the address cannot be listened on. */
  listen(): Promise<Listener>;
  /** Opens the MCP door on two pipes, for the local principal. */
  serveStdio(streams: { readonly stdin: Readable; readonly stdout: Writable }): StdioServer;
  /**
   * Takes no new runs, lets running ones end within the configured grace, cancels the rest, then ends every upstream and
   * executor process. Safe to call twice.
   */
  close(): Promise<void>;
}

/** How long answers may take to reach their callers once no run is left. */
const DOOR_GRACE_MS = 1_000;

/**
 * The composition root: makes every part of a configured service and connects them. Queued runs that an earlier process
 * left are taken up.
 *
 * @throws CONFIG_INVALID when the data folder cannot be used, or executor processes cannot be confined as required. Nothing
 *   is left open then.
 */
export async function createService(config: Config, options: ServiceOptions = {}): Promise<Service> {
  const parts = await createParts(config, { ...options, env: process.env });
  const { runs, results, catalogs, gateway, registry, executor, clock, log } = parts;
  const closeParts = closing(parts);
  try {
    await runs.recover();
  } catch (error) {
    await inOrder(log, [() => runs.close(0), () => results.close(), ...closeParts]);
    throw error;
  }
  const housekeeping = keepPruned(parts, config.retention);
  const { metrics, telemetry } = parts;
  const mcpDeps = { runs, catalogs, version: VERSION, log, metrics, tracing: telemetry.tracing, clock };
  const listeners: Listener[] = [];
  const connections: StdioServer[] = [];

  const close = async (): Promise<void> => {
    housekeeping.cancel();
    // Doors close only after the runs they wait for have ended, so that those callers get their answers.
    await inOrder(log, [
      () => runs.close(config.shutdownGraceMs),
      () => results.close(),
      ...connections.map((connection) => () => connection.close()),
      ...listeners.map((listener) => () => listener.close(DOOR_GRACE_MS)),
      ...closeParts,
    ]);
  };
  let closed: Promise<void> | undefined;

  return {
    runs,
    callers: parts.callers,
    apply: createApply(config, parts),
    catalogs,
    gateway,
    registry,
    executor,
    log,
    async listen() {
      const mcpHandler = createMcpHttpHandler({ ...mcpDeps, maxBodyBytes: config.http.maxBodyBytes });
      const { host, port } = config.http;
      const listener = await listen(createApp(httpDeps(config, parts, mcpHandler)), { host, port, log, clock });
      listeners.push(listener);
      return listener;
    },
    serveStdio(streams) {
      const connection = serveStdio(mcpDeps, streams);
      connections.push(connection);
      return connection;
    },
    close: () => (closed ??= close()),
  };
}

/** What ends each part, in the order in which they are to end. */
function closing(parts: Parts): readonly (() => Promise<unknown>)[] {
  const { executor, registry, typeChecker, observed } = parts;
  return [
    () => executor.close(),
    () => registry.close(),
    () => sharedTranspiler.close(),
    () => sharedScriptReader.close(),
    () => typeChecker.close(),
    async () => observed?.close(),
    async () => parts.audit?.close(),
    () => parts.pins.close(),
    () => parts.backend.close(),
    () => parts.telemetry.close(),
  ];
}

function httpDeps(config: Config, parts: Parts, mcpHandler: McpHttpHandler): HttpDeps {
  const { callers, runs, catalogs, gateway, registry, pins, quotas, metrics, telemetry, clock, log } = parts;
  return {
    onlyWatched: config.role === "worker",
    runs,
    catalogs,
    gateway,
    registry,
    quotas,
    pins,
    authenticate: createAuthenticator(callers, { clock, log }),
    auth: () => callers.auth,
    config: config.http,
    get limits() {
      return parts.live.limits;
    },
    readiness: () => readiness(parts),
    metricsText: () => metrics.render(),
    version: VERSION,
    log,
    clock,
    mcpHandler: (request, principal, trace) => mcpHandler(request, principal, trace),
    tracing: telemetry.tracing,
  };
}
