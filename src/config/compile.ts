import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { compileApprovals } from "./approval-keys.ts";
import { checkShape } from "./check.ts";
import type { ShapeFault } from "./check.ts";
import { compileAuth } from "./compile-auth.ts";
import { isAuthenticated } from "./clients.ts";
import { compileClients } from "./compile-clients.ts";
import { compileAudit } from "./compile-audit.ts";
import { compileQuotas } from "./compile-quotas.ts";
import { compileRedis, compileRetention, compileRole, secretsOfRedis } from "./compile-distribution.ts";
import { compileLimits } from "./compile-limits.ts";
import { compileCacheLimits } from "./compile-policies.ts";
import { compileTelemetry } from "./compile-telemetry.ts";
import { checkHttpUrl, compileUpstreams } from "./compile-upstreams.ts";
import type { ClientConfig, Config, ExecutorsConfig, HttpConfig, ModelConfig } from "./config.ts";
import type { FaultReport } from "./fault-report.ts";
import { compileFlow } from "./flow-keys.ts";
import { faultOf } from "./shown-value.ts";
import { isLoopback } from "./loopback.ts";
import type { LoadedOptions } from "./load.ts";
import type { ModelOptions, Options } from "./options.ts";
import { configError } from "./problem.ts";
import type { ConfigProblem } from "./problem.ts";
import { CATALOG_KEYS, EXECUTOR_KEYS, HTTP_KEYS, LOG_KEYS, MODEL_KEYS, OPTIONS_SCHEMA, QUEUE_KEYS } from "./schema.ts";
import { parseBytes, parseDuration } from "./units.ts";

/** What is known of the options beside their values; what `loadOptions` returned fits. */
export type CompileContext = Partial<
  Pick<LoadedOptions, "sources" | "secrets" | "references" | "problems" | "fileDir" | "cwd" | "secretsPlace">
> & {
  /** Cores of the machine. @default what the system says */
  readonly cores?: number;
};

const MIN_PROCESSES = 2;

/**
 * Checks options and completes them: defaults filled in, durations in milliseconds, sizes in bytes, paths absolute.
 * The result is frozen.
 *
 * @throws CONFIG_INVALID: with every problem that was found, see `configError`.
 */
export function compileConfig(options: Options, context: CompileContext = {}): Config {
  const problems: ConfigProblem[] = [...(context.problems ?? [])];
  const report: FaultReport = (fault) => {
    const { sources = new Map(), references = new Map(), secrets = [] } = context;
    problems.push(faultOf({ sources, references, secrets }, fault));
  };
  const known = new Set(problems.map(({ key }) => key));
  const shapeFaults = checkShape(options);
  for (const fault of shapeFaults) reportShape(fault, report);
  const config = shapeFaults.length === 0 ? compileSections(options, context, report) : undefined;
  if (config === undefined || problems.length > 0) throw configError(withoutEchoes(problems, known));
  return freeze(config);
}

/** A value that could not be expanded is told once: its shape is a consequence. */
function withoutEchoes(problems: readonly ConfigProblem[], known: ReadonlySet<string>): ConfigProblem[] {
  const told = new Set<string>();
  return problems.filter(({ key }) => {
    const echo = known.has(key) && told.has(key);
    told.add(key);
    return !echo;
  });
}

function reportShape(fault: ShapeFault, report: FaultReport): void {
  const isKey = fault.path[0] === "clients" && fault.path[2] === "key";
  const remedy = isKey
    ? `Run \`runlet keys create ${String(fault.path[1])}\` and copy the hash it prints, not the key.`
    : fault.remedy;
  report({ ...fault, remedy });
}

function compileSections(options: Options, context: CompileContext, report: FaultReport): Config {
  const cwd = context.cwd ?? process.cwd();
  const fileDir = context.fileDir ?? cwd;
  const cores = context.cores ?? availableParallelism();
  const { properties: keys } = OPTIONS_SCHEMA;
  const executors = compileExecutors(options, cores, report);
  const http = compileHttp(options);
  const clients = compileClients(options, report);
  checkExposure(http.host, clients, report);
  const dataDir = compileDataDir(options.dataDir ?? keys.dataDir.default, cwd, fileDir, context);
  const redis = compileRedis(options, report);
  return {
    http,
    dataDir,
    upstreams: compileUpstreams(options, fileDir, report),
    clients,
    auth: compileAuth(options, report),
    defaultPolicy: options.defaultPolicy ?? keys.defaultPolicy.default,
    limits: compileLimits(options, report),
    quotas: compileQuotas(options.quotas, ["quotas"], report),
    auditFile: compileAudit(options.audit, { dataDir, fileDir }, report),
    dataFlow: compileFlow(options, report),
    approvals: compileApprovals(options, report),
    model: options.model === undefined ? undefined : compileModel(options.model, report),
    executors,
    confinement: options.executors?.confinement ?? EXECUTOR_KEYS.confinement.default,
    queue: {
      depth: options.queue?.depth ?? QUEUE_KEYS.depth.default,
      concurrency: options.queue?.concurrency ?? executors.processes * executors.isolatesPerProcess,
      stallAfterMs: parseDuration(options.queue?.stallAfter ?? "") ?? QUEUE_KEYS.stallAfter.default,
    },
    redis,
    role: compileRole(options, redis, report),
    retention: compileRetention(options),
    cache: compileCacheLimits(options),
    catalog: { learnTypes: options.catalog?.learnTypes ?? CATALOG_KEYS.learnTypes.default },
    log: {
      level: options.log?.level ?? LOG_KEYS.level.default,
      pretty: options.log?.pretty ?? LOG_KEYS.pretty.default,
    },
    telemetry: compileTelemetry(options, report),
    hotReload: options.hotReload ?? true,
    shutdownGraceMs: parseDuration(options.shutdownGrace ?? "") ?? keys.shutdownGrace.default,
    secrets: [...new Set([...(context.secrets ?? []), ...secretsOfRedis(redis)])],
    secretsPlace: context.secretsPlace,
  };
}

function compileExecutors({ executors = {} }: Options, cores: number, report: FaultReport): ExecutorsConfig {
  const { processes = Math.max(MIN_PROCESSES, cores), profile = EXECUTOR_KEYS.profile.default } = executors;
  if (profile !== "dedicated") {
    const { isolatesPerProcess = EXECUTOR_KEYS.isolatesPerProcess.default } = executors;
    return { processes, isolatesPerProcess, profile };
  }
  const { isolatesPerProcess = 1 } = executors;
  if (isolatesPerProcess !== 1) {
    report({
      path: ["executors", "isolatesPerProcess"],
      rule: "must be 1 where the profile is dedicated, which gives each run a process of its own",
      value: isolatesPerProcess,
      remedy: "Remove it, and raise executors.processes for more runs at once.",
    });
  }
  return { processes, isolatesPerProcess: 1, profile };
}

function compileHttp({ host, port, http }: Options): HttpConfig {
  const { properties: keys } = OPTIONS_SCHEMA;
  return {
    host: (host ?? keys.host.default).replace(/^\[(.*)\]$/u, "$1"),
    port: port ?? keys.port.default,
    maxBodyBytes: parseBytes(http?.maxBody ?? "") ?? HTTP_KEYS.maxBody.default,
    maxWaitMs: parseDuration(http?.maxWait ?? "") ?? HTTP_KEYS.maxWait.default,
    allowedHosts: http?.allowedHosts ?? [],
  };
}

function compileModel(model: ModelOptions, report: FaultReport): ModelConfig {
  checkHttpUrl(model.baseURL, ["model", "baseURL"], report);
  return {
    baseURL: model.baseURL,
    apiKey: model.apiKey === undefined || model.apiKey === "" ? MODEL_KEYS.apiKey.default : model.apiKey,
    model: model.model,
    temperature: model.temperature,
    timeoutMs: parseDuration(model.timeout ?? "") ?? MODEL_KEYS.timeout.default,
    maxTokens: model.maxTokens,
    attempts: model.attempts ?? MODEL_KEYS.attempts.default,
  };
}

/** A folder named in the file starts from the file's folder, any other from where the command was given. */
function compileDataDir(dataDir: string, cwd: string, fileDir: string, { sources }: CompileContext): string {
  if (dataDir === ":memory:") return dataDir;
  return resolve(sources?.get("dataDir")?.kind === "file" ? fileDir : cwd, dataDir);
}

function checkExposure(host: string, clients: readonly ClientConfig[], report: FaultReport): void {
  if (isLoopback(host)) return;
  const unverified = clients.filter((client) => !isAuthenticated(client)).map(({ principal }) => principal.id);
  if (unverified.length > 0) {
    const rule = `must be a loopback address while ${unverified.join(", ")} may call without a key, for others could take the name`;
    const remedy = "Run `runlet keys create NAME` and add each key to its client, or listen on 127.0.0.1.";
    report({ path: ["host"], rule, value: host, remedy });
  }
  if (clients.length > 0) return;
  report({
    path: ["host"],
    rule: "must be a loopback address while no clients are configured, for others could run scripts without a key",
    value: host,
    remedy: "Run `runlet keys create NAME` and add the clients: block that it prints, or listen on 127.0.0.1.",
  });
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const item of Object.values(value)) freeze(item);
  return Object.freeze(value);
}
