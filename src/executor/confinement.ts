import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { ExecutorsConfig } from "../config/config.ts";

/** How an executor process is started: a command line and an environment, nothing inherited. */
export interface ExecutorCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What holds the process, for health checks: `prlimit`, `nice`, `permission`. */
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
 */
export function executorCommand(config: ExecutorsConfig, nativeModule: string): ExecutorCommand {
  const hardened = config.profile === "hardened";
  const node = [
    "--no-node-snapshot",
    // Functions compiled with their script are in the runtime's code cache: measured, an isolate is ready in 0.7 ms less.
    "--no-lazy",
    ...(hardened ? ["--jitless"] : []),
    "--enable-experimental-regexp-engine-on-excessive-backtracks",
    "--max-old-space-size=256",
    "--permission",
    "--allow-addons",
    `--allow-fs-read=${dirname(nativeModule)}`,
    "--no-warnings",
    "-",
    nativeModule,
  ];
  const wrappers: string[] = [];
  const measures = ["permission"];
  const prlimit = findTool("prlimit");
  if (prlimit !== undefined) {
    // Without a JIT an isolate reserves little, so the limit is one of memory really used.
    const data = hardened ? [`--data=${(BASE_DATA_MIB + config.isolatesPerProcess * 64) * MIB}`] : [];
    wrappers.push(prlimit, "--core=0", "--nofile=256", ...data);
    measures.push("prlimit");
  }
  const nice = findTool("nice");
  if (nice !== undefined) {
    wrappers.push(nice, "-n", "5");
    measures.push("nice");
  }
  const [command = process.execPath, ...args] = [...wrappers, process.execPath, ...node];
  return { command, args, env: { PATH: FALLBACK_PATH, TZ: "UTC", LANG: "C" }, measures };
}

function findTool(name: string): string | undefined {
  if (process.platform !== "linux") return undefined;
  return ["/usr/bin", "/bin", "/usr/local/bin"].map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
}
