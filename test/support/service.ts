import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Options, ServerOptions } from "../../src/config/options.ts";
import { descendants, isAlive, programOf } from "./processes.ts";
import { openClient } from "./service-client.ts";
import type { ServiceClient } from "./service-client.ts";
import { fixturePath } from "./upstreams.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const START_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 25_000;
const ORPHANS_END_WITHIN_MS = 8_000;

/** What a service is started with: the configuration, as people write it, and where it lives. */
export interface StartOptions extends Options {
  /** Folder of an earlier service, whose data is taken up. @default a new one, removed by `remove` */
  readonly folder?: string;
  /** Flags of Node for the service's process. @default none */
  readonly nodeFlags?: readonly string[];
  /** Beside `cliEnvironment`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A service in a process of its own. */
export interface RunningService extends ServiceClient {
  readonly pid: number;
  /** Holds the configuration, the data and whatever a test puts there. */
  readonly folder: string;
  /** The service as the holder of a key sees it. */
  as(key: string): ServiceClient;
  /** Everything it wrote so far. */
  logs(): string;
  /** Its executor processes. */
  executors(): readonly number[];
  /** Resolves when it has ended. */
  readonly exited: Promise<Exit>;
  /**
   * Ends it and waits for its end and for that of every process below it. Safe to call twice.
   *
   * @throws Error when it does not end, or leaves a process behind.
   */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<Exit>;
  /** `stop`, then removes the folder. */
  remove(): Promise<Exit>;
}

/** A folder of its own for a service; `remove` removes it. */
export function createFolder(): string {
  return mkdtempSync(join(tmpdir(), "runlet-e2e-"));
}

/**
 * Starts `runlet serve` on a free port; ready to take runs when this resolves. One that does not start takes its folder with
 * it.
 */
export async function startService({
  folder: given,
  nodeFlags = [],
  env = {},
  ...options
}: StartOptions = {}): Promise<RunningService> {
  const folder = given ?? createFolder();
  const file = join(folder, "runlet.json");
  writeFileSync(file, JSON.stringify({ dataDir: join(folder, "data"), log: { level: "info" }, ...options }));
  const child = spawn(process.execPath, [...nodeFlags, MAIN, "serve", "--config", file, "--port", "0"], {
    cwd: folder,
    env: { ...cliEnvironment(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = collectOutput(child);
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const url = await listeningUrl(child, output, exited).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  const { pid = 0 } = child;
  const stop = createStop(child, exited);
  return {
    ...openClient(url),
    pid,
    folder,
    as: (key) => openClient(url, { authorization: `Bearer ${key}` }),
    logs: output,
    executors: () => executorsOf(pid),
    exited,
    stop,
    remove: async () => {
      const exit = await stop();
      rmSync(folder, { recursive: true, force: true });
      return exit;
    },
  };
}

/** The environment of a command: nothing of ours that would configure it. */
export function cliEnvironment(): Record<string, string> {
  const { PATH = "", HOME = "/" } = process.env;
  return { PATH, HOME, LANG: "C.UTF-8" };
}

/** A fixture server as the configuration writes it. @param env For it, such as `EVENTS_FILE`. */
export function fixtureServer(name: string, env: Readonly<Record<string, string>> = {}): ServerOptions {
  return { command: process.execPath, args: [fixturePath(name)], env };
}

/** Processes that hold isolates: told from MCP servers by their flags, and from what confines them by their program. */
function executorsOf(pid: number): readonly number[] {
  return descendants(pid, "--jitless").filter((id) => programOf(id) === process.execPath);
}

function collectOutput(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return () => text;
}

async function listeningUrl(child: ChildProcess, output: () => string, exited: Promise<Exit>): Promise<string> {
  let ended: Exit | undefined;
  void exited.then((exit) => (ended = exit));
  for (const end = performance.now() + START_WITHIN_MS; performance.now() < end; await pause(10)) {
    const url = /Runlet listens on (\S+)/u.exec(output())?.[1];
    if (url !== undefined) return url;
    if (ended !== undefined) throw new Error(`the service ended with ${JSON.stringify(ended)}: ${output()}`);
  }
  child.kill("SIGKILL");
  throw new Error(`the service did not listen within ${START_WITHIN_MS} ms: ${output()}`);
}

function createStop(child: ChildProcess, exited: Promise<Exit>): RunningService["stop"] {
  let stopping: Promise<Exit> | undefined;
  const stop = async (signal: "SIGTERM" | "SIGKILL"): Promise<Exit> => {
    const below = child.exitCode === null && child.signalCode === null ? descendants(child.pid ?? 0) : [];
    child.kill(signal);
    const exit = await within(exited, STOP_WITHIN_MS);
    if (exit === undefined) child.kill("SIGKILL");
    const orphans = await outlivers(below);
    for (const pid of orphans) process.kill(pid, "SIGKILL");
    if (exit === undefined) throw new Error(`the service did not end within ${STOP_WITHIN_MS} ms of ${signal}`);
    if (orphans.length > 0) throw new Error(`the service left processes behind: ${orphans.join(", ")}`);
    return exit;
  };
  return (signal = "SIGTERM") => (stopping ??= stop(signal));
}

async function outlivers(pids: readonly number[]): Promise<readonly number[]> {
  let alive = pids;
  for (const end = performance.now() + ORPHANS_END_WITHIN_MS; performance.now() < end; await pause(50)) {
    alive = alive.filter(isAlive);
    if (alive.length === 0) break;
  }
  return alive;
}

/** The value of a promise, or `undefined` when it is not there in time. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Lets time pass. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
