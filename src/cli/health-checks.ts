import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import type { Config } from "../config/config.ts";
import { nativeModulePath } from "../executor/bundles.ts";
import { confine, CONFINEMENT_REMEDY, reasonsOf } from "../executor/confinement/confine.ts";
import type { Confinement, RefusedWay } from "../executor/confinement/confine.ts";
import type { ExecutorCommand } from "../executor/confinement/executor-command.ts";
import { findTool as findSystemTool } from "../executor/confinement/find-tool.ts";
import type { FindTool } from "../executor/confinement/find-tool.ts";
import { ProcessExecutor } from "../executor/process-executor.ts";
import type { Clock } from "../lib/clock.ts";
import { RunletError, toErrorInfo } from "../lib/errors.ts";
import { silentLog } from "../lib/log.ts";

/** One thing a service needs, and whether this machine has it. `failed`: a service of this configuration would not work. */
export interface HealthCheck {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  /** What was found. */
  readonly detail: string;
  /** What to do about it; only where it is not `ok`. */
  readonly remedy?: string;
}

/** What the checks of a machine need. */
export interface HealthCheckOptions {
  readonly clock: Clock;
  /** @default `findTool` of this machine */
  readonly findTool?: FindTool;
}

/** Programs that hold executor processes, and what is lost without each. */
const PROGRAMS: readonly { readonly name: string; readonly lost?: string }[] = [
  { name: "prlimit", lost: "no limit on memory, descriptors and core files" },
  { name: "nice", lost: "scripts compete with the service for processors" },
  { name: "setpriv" },
  { name: "bwrap" },
  { name: "unshare" },
];

const OLDEST_NODE = 24;

/** Whether this machine can run a service of a configuration: Node, programs, confinement, a real executor process, data. */
export async function healthChecks(config: Config, options: HealthCheckOptions): Promise<readonly HealthCheck[]> {
  const { findTool = findSystemTool, clock } = options;
  const native = findNative();
  const confined = native.path === undefined ? [] : await checkExecutors(config, native.path, { findTool, clock });
  return [checkNode(), checkPrograms(findTool), native.check, ...confined, await checkData(config.dataDir)];
}

function checkNode(): HealthCheck {
  const isNew = Number(process.versions.node.split(".")[0]) >= OLDEST_NODE;
  const detail = `${process.version} on ${process.platform} ${process.arch}`;
  return isNew
    ? { name: "node", status: "ok", detail }
    : { name: "node", status: "failed", detail, remedy: `Install Node ${OLDEST_NODE} or newer.` };
}

function checkPrograms(find: FindTool): HealthCheck {
  const found = PROGRAMS.map((program) => ({ ...program, path: find(program.name) }));
  const detail = found
    .map(({ name, path }) => (path === undefined ? `${name} not found` : `${name} ${path}`))
    .join(", ");
  const lost = found.flatMap(({ name, path, lost: loss }) =>
    path === undefined && loss !== undefined ? [`without ${name}: ${loss}`] : [],
  );
  if (lost.length === 0) return { name: "programs", status: "ok", detail };
  return {
    name: "programs",
    status: "warning",
    detail,
    remedy: `Install util-linux and coreutils; ${lost.join("; ")}.`,
  };
}

function findNative(): { readonly check: HealthCheck; readonly path: string | undefined } {
  try {
    const path = nativeModulePath();
    return { path, check: { name: "isolated-vm", status: "ok", detail: path } };
  } catch (error) {
    const remedy = "Run npm ci, or npm install, on this machine with this Node: it fetches or builds the binary.";
    const check: HealthCheck = { name: "isolated-vm", status: "failed", detail: toErrorInfo(error).message, remedy };
    return { path: undefined, check };
  }
}

async function checkExecutors(
  config: Config,
  nativeModule: string,
  options: Required<HealthCheckOptions>,
): Promise<readonly HealthCheck[]> {
  const confineAs = (mode: Config["confinement"]): Promise<Confinement> =>
    confine(config.executors, mode, { nativeModule, ...options });
  const confinement = await confineAs(config.confinement === "off" ? "off" : "auto");
  return [
    confinementCheck(config.confinement, confinement),
    await checkExecutor(config, confinement.command, options.clock),
  ];
}

function confinementCheck(mode: Config["confinement"], { level, command, refused }: Confinement): HealthCheck {
  const name = "confinement";
  const detail = `${level}; held by ${command.measures.join(", ")}${refusedText(refused)}`;
  if (mode === "off") return { name, status: "ok", detail: `${detail}; executors.confinement is off` };
  if (level !== "process") return { name, status: "ok", detail };
  return { name, status: mode === "require" ? "failed" : "warning", detail, remedy: CONFINEMENT_REMEDY };
}

function refusedText(refused: readonly RefusedWay[]): string {
  return refused.length === 0 ? "" : `. Not taken: ${reasonsOf(refused)}`;
}

/** Runs one script as a service would: a real process, a real isolate. */
async function checkExecutor(config: Config, command: ExecutorCommand, clock: Clock): Promise<HealthCheck> {
  const startedMs = clock.monotonic();
  const remedy = "Run a script with `runlet run - --log-level debug`: the log has what the process wrote.";
  const executor = await ProcessExecutor.create({
    executors: { ...config.executors, processes: 1 },
    memoryMiB: config.limits.defaults.memoryMiB,
    clock,
    log: silentLog,
    command,
  });
  try {
    await executor.ready();
    const readyMs = clock.monotonic() - startedMs;
    const result = await executor.execute(
      {
        principal: "doctor",
        script: { code: SCRIPT, source: SCRIPT, edits: { toSource: (at) => at }, tracker: undefined, sameLines: true },
        inputJson: "[20, 22]",
        namesJson: "{}",
        limits: config.limits.defaults,
        signal: new AbortController().signal,
      },
      { call: async () => ({ ok: false, json: "{}" }), log: () => undefined, emit: () => undefined },
    );
    if (result.status === "failed")
      return { name: "executor", status: "failed", detail: `${result.error.code}: ${result.error.message}`, remedy };
    const answer = result.resultJson === undefined ? "nothing" : Buffer.from(result.resultJson).toString("utf8");
    if (answer !== "42") return { name: "executor", status: "failed", detail: `20 + 22 is ${answer} in it`, remedy };
    const totalMs = clock.monotonic() - startedMs;
    const detail = `ready after ${readyMs.toFixed(0)} ms, a script's answer after ${totalMs.toFixed(0)} ms`;
    return { name: "executor", status: "ok", detail };
  } catch (error) {
    if (!(error instanceof RunletError)) throw error;
    return { name: "executor", status: "failed", detail: `${error.code}: ${error.message}`, remedy };
  } finally {
    await executor.close();
  }
}

const SCRIPT = "return input[0] + input[1]";

/** Looks only: what a service would make there is not made. */
async function checkData(dataDir: string): Promise<HealthCheck> {
  if (dataDir === ":memory:")
    return { name: "data", status: "ok", detail: ":memory: (runs and results end with the service)" };
  for (let folder = dataDir; ; folder = dirname(folder)) {
    try {
      await access(folder, constants.W_OK | constants.X_OK);
      return { name: "data", status: "ok", detail: folder === dataDir ? dataDir : `${dataDir} (will be made)` };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" && folder !== dirname(folder)) continue;
      const detail = `${folder} cannot be written: ${code ?? String(error)}`;
      return {
        name: "data",
        status: "failed",
        detail,
        remedy: "Give this user the folder, or set dataDir to another.",
      };
    }
  }
}
