import type { Config } from "../../config/config.ts";
import { nativeModulePath } from "../../executor/bundles.ts";
import { confine, CONFINEMENT_REMEDY, reasonsOf } from "../../executor/confinement/confine.ts";
import type { Confinement, RefusedWay } from "../../executor/confinement/confine.ts";
import type { ExecutorCommand } from "../../executor/confinement/executor-command.ts";
import { findTool as findSystemTool } from "../../executor/confinement/find-tool.ts";
import type { FindTool } from "../../executor/confinement/find-tool.ts";
import { ProcessExecutor } from "../../executor/process-executor.ts";
import type { Clock } from "../../lib/clock.ts";
import { RunletError, toErrorInfo } from "../../lib/errors.ts";
import { silentLog } from "../../lib/log.ts";
import { checksOf } from "./health-check.ts";
import type { HealthCheck } from "./health-check.ts";

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
const { ok, warn, fail } = checksOf("machine");

/** Whether this machine can run a service of a configuration: Node, programs, confinement, a real executor process. */
export async function machineChecks(config: Config, options: HealthCheckOptions): Promise<readonly HealthCheck[]> {
  const { findTool = findSystemTool, clock } = options;
  const native = findNative();
  const confined = native.path === undefined ? [] : await checkExecutors(config, native.path, { findTool, clock });
  return [checkNode(), checkPrograms(findTool), native.check, ...confined];
}

function checkNode(): HealthCheck {
  const isNew = Number(process.versions.node.split(".")[0]) >= OLDEST_NODE;
  const detail = `${process.version} on ${process.platform} ${process.arch}`;
  return isNew ? ok("node", detail) : fail("node", detail, `Install Node ${OLDEST_NODE} or newer.`);
}

function checkPrograms(find: FindTool): HealthCheck {
  const found = PROGRAMS.map((program) => ({ ...program, path: find(program.name) }));
  const detail = found
    .map(({ name, path }) => (path === undefined ? `${name} not found` : `${name} ${path}`))
    .join(", ");
  const lost = found.flatMap(({ name, path, lost: loss }) =>
    path === undefined && loss !== undefined ? [`without ${name}: ${loss}`] : [],
  );
  if (lost.length === 0) return ok("programs", detail);
  return warn("programs", detail, `Install util-linux and coreutils; ${lost.join("; ")}.`);
}

function findNative(): { readonly check: HealthCheck; readonly path: string | undefined } {
  try {
    const path = nativeModulePath();
    return { path, check: ok("isolated-vm", path) };
  } catch (error) {
    const remedy = "Run npm ci, or npm install, on this machine with this Node: it fetches or builds the binary.";
    return { path: undefined, check: fail("isolated-vm", toErrorInfo(error).message, remedy) };
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
  if (mode === "off") return ok(name, `${detail}; executors.confinement is off`);
  if (level !== "process") return ok(name, detail);
  return (mode === "require" ? fail : warn)(name, detail, CONFINEMENT_REMEDY);
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
        seed: "doctor",
        startMs: 0,
        signal: new AbortController().signal,
      },
      { call: () => undefined, tick: () => undefined, log: () => undefined, emit: () => undefined },
    );
    if (result.status === "failed") return fail("executor", `${result.error.code}: ${result.error.message}`, remedy);
    const answer = result.resultJson === undefined ? "nothing" : Buffer.from(result.resultJson).toString("utf8");
    if (answer !== "42") return fail("executor", `20 + 22 is ${answer} in it`, remedy);
    const totalMs = clock.monotonic() - startedMs;
    return ok("executor", `ready after ${readyMs.toFixed(0)} ms, a script's answer after ${totalMs.toFixed(0)} ms`);
  } catch (error) {
    if (!(error instanceof RunletError)) throw error;
    return fail("executor", `${error.code}: ${error.message}`, remedy);
  } finally {
    await executor.close();
  }
}

const SCRIPT = "return input[0] + input[1]";
