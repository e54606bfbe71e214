import { createCatalogSource } from "../catalog/catalog-source.ts";
import type { CatalogSource } from "../catalog/catalog.ts";
import { guardRegistry } from "../catalog/guard/guarded-registry.ts";
import type { GuardedRegistry } from "../catalog/guard/guarded-registry.ts";
import { Pins } from "../catalog/guard/pins.ts";
import { ObservedTypes } from "../catalog/learned/observed-types.ts";
import { createCallers } from "../config/callers.ts";
import type { Callers } from "../config/callers.ts";
import type { Config } from "../config/config.ts";
import { tokensPlaceOf } from "../config/secrets/tokens-place.ts";
import { nativeModulePath } from "../executor/bundles.ts";
import { confine, tellConfinement } from "../executor/confinement/confine.ts";
import type { Confinement } from "../executor/confinement/confine.ts";
import { ProcessExecutor } from "../executor/process-executor.ts";
import { createBreakers } from "../gateway/breakers.ts";
import type { Gateway } from "../gateway/call.ts";
import { createApprovalRules } from "../gateway/approval-rules.ts";
import { createFlowRules } from "../gateway/flow-rules.ts";
import { createGateway, type GatewayParts } from "../gateway/gateway.ts";
import { createQuotaKeeper, type QuotaKeeper } from "../gateway/quotas.ts";
import { createArgumentValidator } from "../gateway/validator.ts";
import { systemClock } from "../lib/clock.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { openBackend, type Backend } from "./backend.ts";
import type { QueueOptions } from "../queue/queue-options.ts";
import { countRun, readGauges } from "./figures.ts";
import { createLiveRuns } from "./live-runs.ts";
import { LiveSettings } from "./live-settings.ts";
import { AuditFile, type Audit } from "../observability/audit.ts";
import { createLogger, type Logger } from "../observability/logger.ts";
import { createMetrics } from "../observability/metrics.ts";
import type { Metrics } from "../observability/metrics.ts";
import { createTelemetry } from "../observability/telemetry.ts";
import type { Telemetry } from "../observability/telemetry-parts.ts";
import { createRedactor } from "../observability/redact.ts";
import type { Redactor } from "../observability/redact.ts";
import type { PerformDeps } from "../runs/perform.ts";
import type { QueuedRunService } from "../runs/queued-run-service.ts";
import { RunTracing } from "../runs/run-tracing.ts";
import { RunResults } from "../runs/run-results.ts";
import { createTypeChecker } from "../script/typecheck/typecheck.ts";
import type { TypeChecker } from "../script/typecheck/typecheck.ts";
import { runSuperseded } from "../store/refusals.ts";
import type { RunStore } from "../store/run-store.ts";
import type { Stores } from "../store/stores.ts";
import { createGrantStore } from "../upstream/oauth/grant-store.ts";
import { createUpstreamRegistry } from "../upstream/registry.ts";
import type { ReloadableRegistry } from "../upstream/registry.ts";
import { VERSION } from "../version.ts";

/** What may be given instead of the default. */
export interface PartsOptions {
  /** @default a logger on stderr as configured */
  readonly log?: Log;
  readonly clock?: Clock;
  /** Executor processes kept ready to replace another. @default 1; with the profile `dedicated` as many as processes */
  readonly spares?: number;
  /** The process's own environment: the allow-listed variables of servers come from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Every part but the doors. */
export interface Parts {
  /** Who may call; `replace` puts another configuration in place. */
  readonly callers: Callers;
  readonly catalogs: CatalogSource;
  readonly gateway: Gateway;
  readonly executor: ProcessExecutor;
  readonly log: Log;
  readonly registry: GuardedRegistry;
  /** The servers behind `registry`, to be exchanged. */
  readonly upstreams: ReloadableRegistry;
  readonly redactor: Redactor;
  /** Settings that are read anew for each run, to be exchanged. */
  readonly live: LiveSettings;
  readonly pins: Pins;
  readonly confinement: Confinement;
  readonly runs: QueuedRunService;
  readonly results: RunResults;
  readonly quotas: QuotaKeeper;
  readonly audit: Audit | undefined;
  readonly typeChecker: TypeChecker;
  readonly backend: Backend;
  readonly stores: Stores;
  /** `undefined` when types are not learned. */
  readonly observed: ObservedTypes | undefined;
  readonly metrics: Metrics;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
}

/** Makes and connects every part but the doors. @throws CONFIG_INVALID as `createService` does. */
export async function createParts(config: Config, options: PartsOptions): Promise<Parts> {
  const clock = options.clock ?? systemClock;
  const redactor = createRedactor(config.secrets);
  const { log, logger } = createLog(config, redactor, options.log);
  const metrics = createMetrics();
  const confinement = await confine(config.executors, config.confinement, { nativeModule: nativeModulePath(), clock });
  tellConfinement(confinement, config.confinement, log);
  const backend = await openBackend(config, log);
  const { stores, events } = backend;
  const executor = await createExecutor(config, { confinement, backend, clock, log, spares: options.spares });
  const telemetry = await createTelemetry(config.telemetry, { metrics, clock, log, version: VERSION });
  const { tracing } = telemetry;
  const pins = await Pins.create({ store: stores.pins, clock, log });
  const { upstreams, registry } = createServers(config, { pins, redactor, metrics, clock, log, env: options.env });
  const store = stores.observations;
  const observed = config.catalog.learnTypes ? await ObservedTypes.create({ store, clock, log }) : undefined;
  const observe: GatewayParts["observe"] = observed && ((result) => observed.observe(result));
  const catalogs = createCatalogSource(registry, observed);
  const callers = createCallers(config, clock);
  const policies = { ...createPolicies(config, { metrics, backend, clock, log }), callers };
  const { validator, breakers, quotas, audit, flowRules, approvalRules } = policies;
  const gateway = createGateway({ registry, catalogs, clock, log, metrics, tracing, observe, redactor, ...policies });
  const queue = backend.createQueue(queueOptions(config, { executor, clock, log }), (id) => runs.lost(id));
  const results = new RunResults({ store: stores.results, clock, log });
  const typeChecker = createTypeChecker({ clock, log });
  const live = new LiveSettings(config, { clock, log, quotas, flowRules, approvalRules, logger });
  const base = { journal: stores.journal, results, quotas, clock, log };
  const toolUse = { executor, gateway, catalogs, validator, typeChecker, tracing: new RunTracing({ tracing }) };
  const runs = createLiveRuns(live, {
    ...base,
    performing: { ...base, ...toolUse, keepState: keepStateIn(stores.runs) },
    runs: stores.runs,
    queue,
    findPrincipal: (id) => callers.find(id),
    events,
    isDurable: backend.isDurable,
    isShared: backend.isShared,
    performs: config.role !== "api",
    onRest: ({ id, source, outcome }) => {
      registry.releaseRun(id);
      if (outcome !== undefined) countRun(metrics, source, outcome);
    },
  });
  readGauges(metrics, { registry, queue, executor, breakers });
  const doors = { callers, runs, catalogs, gateway, registry, upstreams, redactor, executor, confinement, live };
  const kept = { backend, stores, pins, quotas, audit, results, typeChecker, observed };
  return { ...doors, ...kept, metrics, telemetry, clock, log };
}

/** The configured servers, and what guards their lists of tools. */
function createServers(
  config: Config,
  {
    pins,
    redactor,
    metrics,
    clock,
    log,
    env,
  }: Pick<Parts, "pins" | "redactor" | "metrics" | "clock" | "log"> & Pick<PartsOptions, "env">,
): Pick<Parts, "upstreams" | "registry"> {
  const redact = (text: string): string => redactor.text(text);
  const upstreams = createUpstreamRegistry(config.upstreams, {
    clock,
    log,
    env,
    version: VERSION,
    redact,
    grants: config.secretsPlace && createGrantStore(tokensPlaceOf(config.secretsPlace), clock),
    onToken: (server, token) => redactor.learnToken(server, token),
    onRestart: (server) => metrics.add("runlet_upstream_restarts_total", { server }),
  });
  return { upstreams, registry: guardRegistry(upstreams, { pins, log, redact }) };
}

/** Keeps what the next attempt of a run needs with the run. @throws RUN_SUPERSEDED when another attempt has it. */
function keepStateIn(runs: RunStore): PerformDeps["keepState"] {
  return async ({ record: { id, attempt }, state }) => {
    if (await runs.update(id, ["running"], { stateJson: JSON.stringify(state) }, attempt)) return;
    throw runSuperseded(id, attempt);
  };
}

/** The service's own logger, or the one that was given. */
function createLog(
  config: Config,
  redactor: Redactor,
  given: Log | undefined,
): { readonly log: Log; readonly logger: Logger | undefined } {
  if (given !== undefined) return { log: given, logger: undefined };
  const logger = createLogger(config.log, redactor);
  return { log: logger, logger };
}

/** What the gateway's policies keep and share with others. */
function createPolicies(
  config: Config,
  { metrics, backend, clock, log }: Pick<Parts, "metrics" | "backend" | "clock" | "log">,
) {
  const onDropped = (lines: number): void => metrics.add("runlet_audit_dropped_total", {}, lines);
  const { auditFile } = config;
  return {
    validator: createArgumentValidator(),
    breakers: createBreakers({ clock, log }),
    quotas: createQuotaKeeper(backend.quotas, config.quotas),
    cache: config.cache,
    flowRules: createFlowRules(config.dataFlow),
    approvalRules: createApprovalRules(config.approvals),
    audit: auditFile === undefined ? undefined : new AuditFile(auditFile, { clock, log, onDropped }),
  };
}

/** The executor comes before all that starts processes or connections: without one there is no service. */
async function createExecutor(
  { executors: configured, role, limits, clients }: Config,
  {
    confinement: { command },
    backend,
    clock,
    log,
    spares,
  }: Pick<Parts, "confinement" | "backend" | "clock" | "log"> & { readonly spares: number | undefined },
): Promise<ProcessExecutor> {
  try {
    const shared = clients.length > 0;
    // One that performs no runs has one process all the same: what it says of itself is true then.
    const [executors, most] = role === "api" ? [{ ...configured, processes: 1 }, 0] : [configured, spares];
    return await ProcessExecutor.create({
      ...(most === undefined ? {} : { spares: most }),
      executors,
      memoryMiB: limits.defaults.memoryMiB,
      clock,
      log,
      command,
      shared,
    });
  } catch (error) {
    await backend.close();
    throw error;
  }
}

/** Runs that wait, within what the executor says of each caller. */
function queueOptions(
  config: Config,
  { executor, clock, log }: Pick<Parts, "executor" | "clock" | "log">,
): QueueOptions {
  return {
    ...queueBounds(config),
    concurrencyOf: (principal) => executor.concurrencyOf(principal),
    refusal: (principal) => executor.refusal(principal),
    clock,
    log,
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
