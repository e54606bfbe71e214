import type { Readable, Writable } from "node:stream";
import { createCatalogSource } from "./catalog/catalog-source.ts";
import type { CatalogSource } from "./catalog/catalog.ts";
import { guardRegistry } from "./catalog/guard/guarded-registry.ts";
import type { GuardedRegistry } from "./catalog/guard/guarded-registry.ts";
import { Pins } from "./catalog/guard/pins.ts";
import { ObservedTypes } from "./catalog/learned/observed-types.ts";
import { authenticate, findPrincipal } from "./config/callers.ts";
import type { Config } from "./config/config.ts";
import { nativeModulePath } from "./executor/bundles.ts";
import { confine, tellConfinement } from "./executor/confinement/confine.ts";
import type { Confinement } from "./executor/confinement/confine.ts";
import { ProcessExecutor } from "./executor/process-executor.ts";
import { type Breakers, createBreakers } from "./gateway/breakers.ts";
import type { Gateway } from "./gateway/call.ts";
import { createGateway, type GatewayParts } from "./gateway/gateway.ts";
import { createArgumentValidator } from "./gateway/validator.ts";
import { createApp } from "./http/app.ts";
import type { HttpDeps, Readiness } from "./http/deps.ts";
import { listen } from "./http/server.ts";
import type { Listener } from "./http/server.ts";
import { systemClock } from "./lib/clock.ts";
import type { Clock, Timer } from "./lib/clock.ts";
import type { Log } from "./lib/log.ts";
import { createMcpHttpHandler } from "./mcp/http.ts";
import type { McpHttpHandler } from "./mcp/http.ts";
import { serveStdio } from "./mcp/stdio.ts";
import type { StdioServer } from "./mcp/stdio.ts";
import { createLogger } from "./observability/logger.ts";
import { createMetrics } from "./observability/metrics.ts";
import type { Metrics } from "./observability/metrics.ts";
import { createRedactor } from "./observability/redact.ts";
import { createOpenAiPlanner } from "./planner/openai-planner.ts";
import { createLocalQueue } from "./queue/local-queue.ts";
import type { RunQueue } from "./queue/run-queue.ts";
import { Performer } from "./runs/perform.ts";
import { QueuedRunService } from "./runs/queued-run-service.ts";
import { RunResults } from "./runs/run-results.ts";
import type { RunService } from "./runs/run-service.ts";
import type { RunOutcome } from "./runs/run.ts";
import { sharedScriptReader } from "./script/script-reader.ts";
import { sharedTranspiler } from "./script/transpile.ts";
import { createTypeChecker } from "./script/typecheck/typecheck.ts";
import type { TypeChecker } from "./script/typecheck/typecheck.ts";
import { createMemoryStores } from "./store/memory/create-memory-stores.ts";
import { createSqliteStores } from "./store/sqlite/create-sqlite-stores.ts";
import type { Stores } from "./store/stores.ts";
import { createUpstreamRegistry } from "./upstream/registry.ts";
import type { UpstreamRegistry } from "./upstream/upstream.ts";
import { VERSION } from "./version.ts";

/** A running Runlet: every part made and connected. Its doors are opened by `listen` and `serveStdio`. */
export interface Service {
  readonly runs: RunService;
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

/** What may be given instead of the default. */
export interface ServiceOptions {
  /** @default a logger on stderr as configured */
  readonly log?: Log;
  readonly clock?: Clock;
  /** Executor processes kept ready to replace another. @default 1; with the profile `dedicated` as many as processes */
  readonly spares?: number;
}

/** How long ended runs are kept. */
const RETENTION_MS = 7 * 24 * 3_600_000;
/** How long the learned type of a tool that nobody calls is kept. */
const LEARNED_RETENTION_MS = 90 * 24 * 3_600_000;
const PRUNE_EVERY_MS = 3_600_000;
/** Soon, so that a service that never lives an hour is pruned too; not at once, so that a single run does not pay for it. */
const FIRST_PRUNE_MS = 60_000;
/** How long answers may take to reach their callers once no run is left. */
const DOOR_GRACE_MS = 1_000;

/** Every part but the doors. */
interface Parts extends Pick<Service, "catalogs" | "gateway" | "executor" | "log"> {
  readonly registry: GuardedRegistry;
  readonly pins: Pins;
  readonly confinement: Confinement;
  readonly runs: QueuedRunService;
  readonly results: RunResults;
  readonly typeChecker: TypeChecker;
  readonly stores: Stores;
  /** `undefined` when types are not learned. */
  readonly observed: ObservedTypes | undefined;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/**
 * The composition root: makes every part of a configured service and connects them. Queued runs that an earlier process
 * left are taken up.
 *
 * @throws CONFIG_INVALID when the data folder cannot be used, or executor processes cannot be confined as required. Nothing
 *   is left open then.
 */
export async function createService(config: Config, options: ServiceOptions = {}): Promise<Service> {
  const parts = await createParts(config, options);
  const { runs, results, catalogs, gateway, registry, executor, stores, observed, typeChecker, clock, log } = parts;
  const closeParts = [
    () => executor.close(),
    () => registry.close(),
    () => sharedTranspiler.close(),
    () => sharedScriptReader.close(),
    () => typeChecker.close(),
    async () => observed?.close(),
    () => parts.pins.close(),
    () => stores.close(),
  ];
  try {
    await runs.recover();
  } catch (error) {
    await inOrder(log, [() => runs.close(0), () => results.close(), ...closeParts]);
    throw error;
  }
  const housekeeping = keepPruned(parts);
  const mcpDeps = { runs, catalogs, version: VERSION, log };
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
  let closing: Promise<void> | undefined;

  return {
    runs,
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
    close: () => (closing ??= close()),
  };
}

async function createParts(config: Config, options: ServiceOptions): Promise<Parts> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? createLogger(config.log, config.secrets);
  const metrics = createMetrics();
  const redactor = createRedactor(config.secrets);
  const confinement = await confine(config.executors, config.confinement, { nativeModule: nativeModulePath(), clock });
  tellConfinement(confinement, config.confinement, log);
  const stores = config.dataDir === ":memory:" ? createMemoryStores() : createSqliteStores(config.dataDir);
  const executor = await createExecutor(config, { confinement, stores, clock, log, spares: options.spares });
  const redact = (text: string): string => redactor.text(text);
  const pins = await Pins.create({ store: stores.pins, clock, log });
  const upstreams = createUpstreamRegistry(config.upstreams, {
    clock,
    log,
    env: process.env,
    version: VERSION,
    redact,
    onRestart: (server) => metrics.add("runlet_upstream_restarts_total", { server }),
  });
  const registry = guardRegistry(upstreams, { pins, log, redact });
  const store = stores.observations;
  const observed = config.catalog.learnTypes ? await ObservedTypes.create({ store, clock, log }) : undefined;
  const observe: GatewayParts["observe"] = observed && ((result) => observed.observe(result));
  const catalogs = createCatalogSource(registry, observed);
  const validator = createArgumentValidator();
  const breakers = createBreakers({ clock, log });
  const { cache } = config;
  const gateway = createGateway({ registry, catalogs, clock, log, metrics, validator, observe, cache, breakers });
  const queue = createLocalQueue({
    ...queueBounds(config),
    concurrencyOf: (principal) => executor.concurrencyOf(principal),
    refusal: (principal) => executor.refusal(principal),
    clock,
    log,
  });
  const planner = config.model === undefined ? undefined : createOpenAiPlanner(config.model, { clock, log });
  const { journal } = stores;
  const results = new RunResults({ store: stores.results, clock, log });
  const typeChecker = createTypeChecker({ clock, log });
  const performing = { planner, planAttempts: config.model?.attempts ?? 1, results, typeChecker };
  const runs = new QueuedRunService({
    runs: stores.runs,
    journal,
    queue,
    performer: new Performer({ ...performing, executor, gateway, catalogs, validator, journal, clock, log }),
    results,
    limits: config.limits,
    canPlan: planner !== undefined,
    findPrincipal: (id) => findPrincipal(config, id),
    onEnded: ({ id, source, outcome }) => {
      registry.releaseRun(id);
      countRun(metrics, source, outcome);
    },
    clock,
    log,
  });
  readGauges(metrics, { registry, queue, executor, breakers });
  const doors = { runs, catalogs, gateway, registry, executor, confinement };
  return { ...doors, pins, results, typeChecker, stores, observed, metrics, clock, log };
}

/** The executor comes before all that starts processes or connections: without one there is no service. */
async function createExecutor(
  { executors, limits, clients }: Config,
  {
    confinement: { command },
    stores,
    clock,
    log,
    spares,
  }: Pick<Parts, "confinement" | "stores" | "clock" | "log"> & { readonly spares: number | undefined },
): Promise<ProcessExecutor> {
  try {
    const shared = clients.length > 0;
    return await ProcessExecutor.create({
      ...(spares === undefined ? {} : { spares }),
      executors,
      memoryMiB: limits.defaults.memoryMiB,
      clock,
      log,
      command,
      shared,
    });
  } catch (error) {
    await stores.close();
    throw error;
  }
}

function httpDeps(config: Config, parts: Parts, mcpHandler: McpHttpHandler): HttpDeps {
  const { runs, catalogs, gateway, registry, pins, metrics, clock, log } = parts;
  return {
    runs,
    catalogs,
    gateway,
    registry,
    pins,
    authenticate: (headers) => authenticate(config, headers),
    config: config.http,
    limits: config.limits,
    readiness: () => readiness(parts),
    metricsText: () => metrics.render(),
    version: VERSION,
    log,
    clock,
    mcpHandler,
  };
}

/** One client must not fill the queue for all others. */
function queueBounds(config: Config): {
  readonly depth: number;
  readonly depthPerPrincipal: number;
  readonly concurrency: number;
} {
  const { depth, concurrency } = config.queue;
  return { depth, concurrency, depthPerPrincipal: config.clients.length > 1 ? Math.ceil(depth / 2) : depth };
}

function readiness({ executor, registry, confinement }: Parts): Readiness {
  const { ready, spare, starting, draining, crashes } = executor.status();
  const statuses = registry.list().map((upstream) => upstream.status());
  const failed = statuses.filter((status) => status.state === "failed" || status.state === "degraded").length;
  return {
    ready: ready > 0,
    checks: {
      executors: {
        ok: ready > 0,
        detail: `${ready} ready, ${spare} spare, ${starting} starting, ${draining} draining, ${crashes} crashed`,
      },
      // A lower level than the configuration requires does not start. Why it is no higher, `runlet doctor` says.
      confinement: { ok: true, detail: `${confinement.level}; held by ${executor.measures().join(", ")}` },
      // A server that is down fails its own calls only: the service takes runs all the same. Which it is, `GET /servers`
      // says to those who may know: this is answered without a key.
      servers: { ok: true, detail: `${statuses.length} configured, ${failed} down` },
    },
  };
}

function countRun(metrics: Metrics, source: "script" | "task", { status, usage }: RunOutcome): void {
  metrics.add("runlet_runs_total", { outcome: status, source });
  metrics.observe("runlet_run_duration_seconds", { outcome: status }, usage.wallMs / 1_000);
  metrics.observe("runlet_run_cpu_seconds", {}, usage.cpuMs / 1_000);
  metrics.observe("runlet_run_heap_bytes", {}, usage.heapPeakMiB * 1024 * 1024);
}

const BREAKER_STATES = { closed: 0, "half-open": 1, open: 2 } as const;

function readGauges(
  metrics: Metrics,
  {
    registry,
    queue,
    executor,
    breakers,
  }: {
    readonly registry: UpstreamRegistry;
    readonly queue: RunQueue;
    readonly executor: ProcessExecutor;
    readonly breakers: Breakers;
  },
): void {
  metrics.gauge("runlet_queue_depth", () => [{ labels: {}, value: queue.depth().waiting }]);
  metrics.gauge("runlet_isolates", () => [{ labels: { state: "running" }, value: executor.status().running }]);
  metrics.gauge("runlet_upstreams", () => {
    const counts = new Map<string, number>();
    for (const upstream of registry.list()) {
      const { state } = upstream.status();
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    return [...counts].map(([state, value]) => ({ labels: { state }, value }));
  });
  metrics.gauge("runlet_gateway_breaker_state", () =>
    registry.list().map((upstream) => ({
      labels: { server: upstream.config.name },
      value: BREAKER_STATES[breakers.stateOf(upstream)],
    })),
  );
  executor.onCrash((reason) => metrics.add("runlet_executor_crashes_total", { reason }));
}

/** Deletes runs that ended long ago, now and then, and what was learned of tools that are not used any more. */
function keepPruned({ stores, runs, clock, log }: Pick<Parts, "stores" | "runs" | "clock" | "log">): Timer {
  let timer: Timer;
  const prune = (): void => {
    const endedBeforeMs = clock.now() - RETENTION_MS;
    runs.forgetEndedBefore(endedBeforeMs);
    stores.prune(endedBeforeMs).then(
      (count) => log.debug({ count }, "deleted runs that ended long ago"),
      (error: unknown) => log.warn({ err: error }, "runs that ended long ago could not be deleted"),
    );
    stores.observations.prune(clock.now() - LEARNED_RETENTION_MS).then(
      (count) => log.debug({ count }, "deleted what was learned of tools that are not used any more"),
      (error: unknown) => log.warn({ err: error }, "what was learned of unused tools could not be deleted"),
    );
    timer = clock.after(PRUNE_EVERY_MS, prune, { background: true });
  };
  timer = clock.after(FIRST_PRUNE_MS, prune, { background: true });
  return { cancel: () => timer.cancel() };
}

/** Runs every step, also when one before it failed. */
async function inOrder(log: Log, steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      log.error({ err: error }, "a part of the service did not close cleanly");
    }
  }
}
