import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, Socket } from "node:net";
import type { AddressInfo, Server } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import { isRecord, isStringArray } from "../../lib/guards.ts";
import { parseJson } from "../../lib/json.ts";
import { killConfined, startConfined } from "./confined-process.ts";
import type { ExecutorCommand } from "./executor-command.ts";
import { probe } from "./probe.ts";
import type { ProbeReport, ProbeTask } from "./probe.ts";

/** What a self-test needs. */
export interface SelfTestOptions {
  /** Starts Node with its program on standard input, confined as executor processes are to be. */
  readonly command: ExecutorCommand;
  /** Path of isolated-vm's binary. */
  readonly nativeModule: string;
  /** The only files that may be found. */
  readonly files: readonly string[];
  readonly clock: Clock;
  /** Longest the process may take to report. @default 5000 */
  readonly withinMs?: number;
}

const REPORT_WITHIN_MS = 5_000;
const CONNECT_WITHIN_MS = 1_000;
/** How long what is below a killed process may live on. */
const DIE_WITHIN_MS = 2_000;
/** A root has a dozen files; more are not looked at. */
const MAX_FILES = 200;
const MAX_REPORT_UNITS = 1024 * 1024;
const STDERR_UNITS = 500;

/**
 * Starts a process that tries to leave its confinement, and says what did not hold: the network, processes and files of
 * the machine, writing, gaining rights, and outliving the process that was started.
 *
 * Bounded in time, whatever the process does; it is killed at the end.
 *
 * @returns `undefined` when all of it held, else one sentence.
 */
export async function selfTest(options: SelfTestOptions): Promise<string | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return await tryOnce(options, portOf(server));
  } catch (error) {
    return `the self-test could not be made: ${String(error)}`;
  } finally {
    server.close();
  }
}

async function tryOnce(options: SelfTestOptions, port: number): Promise<string | undefined> {
  const { command, clock, nativeModule, withinMs = REPORT_WITHIN_MS } = options;
  const child = startConfined(command);
  const watched = watch(child);
  try {
    const task: ProbeTask = {
      port,
      outerPid: child.pid ?? 0,
      nativeModule,
      maxFiles: MAX_FILES,
      connectWithinMs: CONNECT_WITHIN_MS,
    };
    child.stdin?.end(`(${probe.toString()})(${JSON.stringify(task)});`);
    const line = await within(clock, withinMs, watched.reported);
    if (line === undefined) return `it did not answer within ${withinMs} ms${watched.stderr()}`;
    const report = parseReport(line);
    if (report === undefined) return `it did not start${watched.stderr()}`;
    const broken = faultOf(report, options.files);
    if (broken !== undefined) return broken;
    // Alone, not its group: that what is in it ends with it has to hold when somebody else kills it, too.
    child.kill("SIGKILL");
    const ended = await within(clock, DIE_WITHIN_MS, watched.pipeClosed);
    return ended === undefined ? "what runs in it outlives the process that was killed" : undefined;
  } finally {
    killConfined(child);
    watched.release();
  }
}

interface Watched {
  /** The first line on the pipe; empty when the process ended without one. */
  readonly reported: Promise<string>;
  /** Nobody holds the other end of the pipe any more. */
  readonly pipeClosed: Promise<true>;
  /** What it wrote to stderr, as the end of a sentence. */
  stderr(): string;
  /** Lets go of the process, dead or not. */
  release(): void;
}

function watch(child: ChildProcess): Watched {
  const { promise: reported, resolve: report } = Promise.withResolvers<string>();
  const { promise: pipeClosed, resolve: closed } = Promise.withResolvers<true>();
  let [text, stderr] = ["", ""];
  const pipe = child.stdio[3] instanceof Socket ? child.stdio[3] : undefined;
  pipe?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const [line, rest] = text.split("\n", 2);
    if (rest !== undefined) report(line ?? "");
    else if (text.length > MAX_REPORT_UNITS) report("");
  });
  pipe?.on("close", () => closed(true));
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr = (stderr + chunk).slice(0, STDERR_UNITS);
  });
  // After the streams have ended, so that what it wrote last is heard.
  child.on("close", () => report(""));
  child.on("error", (error) => {
    stderr ||= error.message;
    report("");
  });
  // It may end before it has read its program; its end is told by its own event.
  for (const stream of [pipe, child.stdin]) stream?.on("error", () => undefined);
  return {
    reported,
    pipeClosed,
    stderr: () => (stderr.trim() === "" ? "" : `: ${stderr.trim().replaceAll(/\s*\n\s*/gu, "; ")}`),
    release: () => {
      for (const stream of [pipe, child.stdin, child.stderr]) stream?.destroy();
      child.unref();
    },
  };
}

function faultOf(report: ProbeReport, files: readonly string[]): string | undefined {
  const expected = new Set(files);
  const foreign = report.files.filter((file) => !expected.has(file));
  if (report.loadNative !== "done") return `isolated-vm cannot be loaded in it: ${report.loadNative}`;
  if (foreign.length > 0) return `files of the machine can be seen in it, such as ${foreign[0] ?? ""}`;
  if (report.writable.length > 0) return `files can be written in it, such as ${report.writable[0] ?? ""}`;
  if (report.connect === "done") return "the network of the machine can be reached from it";
  if (report.signal !== "ESRCH") return "processes of the machine can be seen from it";
  if (report.becomeRoot === "done" || report.changeGroups === "done") return "it can take other users' rights";
  return undefined;
}

/** The report is of our own program, in a process that nobody has attacked yet; it may still be cut or missing. */
function parseReport(line: string): ProbeReport | undefined {
  const data = parseJson(line)?.value;
  if (!isRecord(data)) return undefined;
  const { connect, signal, becomeRoot, changeGroups, loadNative, files, writable } = data;
  if (typeof connect !== "string" || typeof signal !== "string" || typeof loadNative !== "string") return undefined;
  if (typeof becomeRoot !== "string" || typeof changeGroups !== "string") return undefined;
  if (!isStringArray(files) || !isStringArray(writable)) return undefined;
  return { connect, signal, becomeRoot, changeGroups, loadNative, files, writable };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = clock.after(ms, () => resolve(undefined));
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.cancel();
  }
}
