import { dirname } from "node:path";
import type { ExecutorsConfig } from "../../config/config.ts";
import { findTool } from "./find-tool.ts";
import type { FindTool } from "./find-tool.ts";

/** How an executor process is started: a command line and an environment, nothing inherited. */
export interface ExecutorCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /**
   * What holds the process, for health checks: `prlimit`, `nice`, `namespaces (bubblewrap)` or `namespaces (unshare)`,
   * `no user namespaces`, `own user`, `permission`.
   */
  readonly measures: readonly string[];
}

/** Programs that start another program more confined than they were started, outermost first. */
export interface Wrapper {
  /** Arguments that the command to start is put behind; empty: nothing is done. */
  readonly args: readonly string[];
  readonly measures: readonly string[];
}

const MIB = 1024 * 1024;
const FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin";
/** What Node itself needs of private memory before it holds an isolate, with room for messages. @source measured: 190 MiB at start */
const BASE_DATA_MIB = 1_024;

/**
 * The command of an executor process: kernel limits where the machine has them, no environment, no files but
 * isolated-vm's binary.
 *
 * @param nativeModule Path of isolated-vm's binary.
 * @param jail What keeps the process from the rest of the machine, see `confine`. @default nothing: the process level
 */
export function executorCommand(
  config: ExecutorsConfig,
  nativeModule: string,
  jail: Wrapper = { args: [], measures: [] },
): ExecutorCommand {
  const node = [
    "--no-node-snapshot",
    // Functions compiled with their script are in the runtime's code cache: measured, an isolate is ready in 0.7 ms less.
    "--no-lazy",
    ...(isJitless(config) ? ["--jitless"] : []),
    "--enable-experimental-regexp-engine-on-excessive-backtracks",
    "--max-old-space-size=256",
    "--permission",
    "--allow-addons",
    `--allow-fs-read=${dirname(nativeModule)}`,
    "--no-warnings",
    "-",
    nativeModule,
  ];
  return nodeCommand([kernelLimits(config), jail, { args: [], measures: ["permission"] }], node);
}

/** `node` behind wrappers, with the environment every executor process has. */
export function nodeCommand(wrappers: readonly Wrapper[], nodeArgs: readonly string[]): ExecutorCommand {
  const outer = wrappers.flatMap((wrapper) => wrapper.args);
  const [command = process.execPath, ...args] = [...outer, process.execPath, ...nodeArgs];
  return {
    command,
    args,
    env: { PATH: FALLBACK_PATH, TZ: "UTC", LANG: "C" },
    measures: wrappers.flatMap((wrapper) => wrapper.measures),
  };
}

/** Limits and priority that the kernel holds a process to, set in place: no process is added. */
export function kernelLimits(config: ExecutorsConfig, find: FindTool = findTool): Wrapper {
  const args: string[] = [];
  const measures: string[] = [];
  const prlimit = find("prlimit");
  if (prlimit !== undefined) {
    // Without a JIT an isolate reserves little, so the limit is one of memory really used.
    const data = isJitless(config) ? [`--data=${(BASE_DATA_MIB + config.isolatesPerProcess * 64) * MIB}`] : [];
    args.push(prlimit, "--core=0", "--nofile=256", ...data);
    measures.push("prlimit");
  }
  const nice = find("nice");
  if (nice !== undefined) {
    args.push(nice, "-n", "5");
    measures.push("nice");
  }
  return { args, measures };
}

function isJitless({ profile }: ExecutorsConfig): boolean {
  return profile !== "fast";
}
