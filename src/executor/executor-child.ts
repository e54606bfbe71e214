import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { parseExecutorMessage } from "../bridge/protocol.ts";
import type { ExecutorMessage, RunMessage, ServiceMessage } from "../bridge/protocol.ts";
import { boundText } from "../lib/bounded-text.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { ExecutorBundles } from "./bundles.ts";
import type { ExecutorCommand } from "./confinement.ts";

/**
 * Life of an executor process.
 *
 *     starting ──► ready ──► draining ──► dead
 *         └──────────┴──────────────────────▲   (killed, or it died)
 */
export type ChildState = "starting" | "ready" | "draining" | "dead";

/** What a process tells its supervisor. */
export interface ChildListener {
  message(child: ExecutorChild, message: ExecutorMessage): void;
  /** The state changed; `dead` comes last and once. */
  changed(child: ExecutorChild): void;
}

/** What every process is started with. */
export interface ChildOptions {
  readonly command: ExecutorCommand;
  readonly bundles: ExecutorBundles;
  /** Isolates it keeps ready. */
  readonly warm: number;
  /** Heap of the isolates it keeps ready. */
  readonly memoryMiB: number;
  readonly clock: Clock;
  readonly log: Log;
}

const PING_EVERY_MS = 500;
const PONG_WITHIN_MS = 4_000;
const START_WITHIN_MS = 20_000;
/** Resident memory at which a process is killed: no honest set of runs comes near it. */
const KILL_RSS_MIB = 1_536;
const PAGE_BYTES = 4_096;
const MIB = 1024 * 1024;
const STDERR_BYTES = 2_048;

/** One executor process: its pipe, its heartbeat and its end, which is always SIGKILL. */
export class ExecutorChild {
  state: ChildState = "starting";
  /** Numbers of the runs it holds. */
  readonly runs = new Set<number>();
  /** Runs it has taken in its life. */
  taken = 0;
  readonly #process: ChildProcess;
  readonly #options: ChildOptions;
  readonly #listener: ChildListener;
  #beat: Timer | undefined;
  #lastPongAt: number;
  #stderr = "";
  /** Its end is our doing, and what led to it was logged. */
  #killed = false;

  constructor(options: ChildOptions, listener: ChildListener) {
    const { command, bundles, clock } = options;
    this.#options = options;
    this.#listener = listener;
    this.#lastPongAt = clock.monotonic() + START_WITHIN_MS - PONG_WITHIN_MS;
    this.#process = spawn(command.command, [...command.args], {
      env: command.env,
      cwd: "/",
      stdio: ["pipe", "ignore", "pipe", "ipc"],
      serialization: "json",
    });
    this.#process.on("message", (data) => this.#receive(data));
    this.#process.on("error", (error) => this.#fail(error));
    this.#process.on("exit", (code, signal) => this.#exited(code, signal));
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_BYTES);
    });
    this.#process.stdin?.on("error", (error) => this.#fail(error));
    this.#process.stdin?.end(bundles.process);
    this.send({ type: "init", runtime: bundles.runtime, warm: options.warm, memoryMiB: options.memoryMiB });
    this.#scheduleBeat();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Starts a run in this process. */
  run(message: RunMessage): void {
    this.runs.add(message.run);
    this.taken++;
    this.send(message);
  }

  send(message: ServiceMessage): void {
    if (this.state === "dead" || !this.#process.connected) return;
    this.#process.send(message, (error) => {
      if (error !== null) this.#fail(error);
    });
  }

  /** Takes no more runs; dies when the last one is over, at the latest after `graceMs`. */
  drain(graceMs: number): void {
    if (this.state === "dead" || this.state === "draining") return;
    this.#become("draining");
    this.#options.clock.after(graceMs, () => this.kill(), { background: true });
    this.releaseIfDrained();
  }

  /** Kills a draining process that holds no run any more. */
  releaseIfDrained(): void {
    if (this.state === "draining" && this.runs.size === 0) this.kill();
  }

  /** Ends the process at once. An orderly exit could wait for a thread that never stops. */
  kill(): void {
    if (this.state === "dead") return;
    this.#killed = true;
    this.#process.kill("SIGKILL");
  }

  #receive(data: unknown): void {
    const message = parseExecutorMessage(data);
    if (message === undefined) {
      this.#options.log.error(
        { pid: this.pid },
        "an executor process sent a message that is not of the protocol; it is killed",
      );
      this.kill();
      return;
    }
    if (message.type === "pong" || message.type === "ready") this.#lastPongAt = this.#options.clock.monotonic();
    if (message.type === "pong") return;
    if (message.type === "ready" && this.state === "starting") this.#become("ready");
    else this.#listener.message(this, message);
  }

  #scheduleBeat(): void {
    this.#beat = this.#options.clock.after(PING_EVERY_MS, () => void this.#heartbeat(), { background: true });
  }

  async #heartbeat(): Promise<void> {
    const { clock, log } = this.#options;
    if (this.state === "dead") return;
    const silentMs = clock.monotonic() - this.#lastPongAt;
    const rssMiB = await residentMiB(this.pid);
    if (silentMs > PONG_WITHIN_MS || rssMiB > KILL_RSS_MIB) {
      log.warn({ pid: this.pid, silentMs, rssMiB }, "an executor process is stuck or too large; it is killed");
      this.kill();
      return;
    }
    if (this.state !== "starting") this.send({ type: "ping", id: 0 });
    this.#scheduleBeat();
  }

  #fail(error: Error): void {
    if (this.state === "dead") return;
    this.#options.log.warn({ pid: this.pid, err: error }, "the pipe to an executor process broke");
    this.kill();
    // A process that was never spawned emits no exit.
    if (this.pid === undefined) this.#exited(null, null);
  }

  #exited(code: number | null, signal: string | null): void {
    if (this.state === "dead") return;
    const { log } = this.#options;
    if (!this.#killed) {
      log.warn(
        { pid: this.pid, code, signal, stderr: boundText(this.#stderr, STDERR_BYTES) },
        "an executor process ended",
      );
    }
    this.#beat?.cancel();
    this.#become("dead");
  }

  #become(state: ChildState): void {
    this.state = state;
    this.#listener.changed(this);
  }
}

/** Resident memory of a process; 0 where the system does not tell. */
async function residentMiB(pid: number | undefined): Promise<number> {
  if (pid === undefined || process.platform !== "linux") return 0;
  try {
    const [, pages = "0"] = (await readFile(`/proc/${pid}/statm`, "utf8")).split(" ");
    return (Number(pages) * PAGE_BYTES) / MIB;
  } catch {
    return 0; // The process ended between two beats: its exit is told by its own event.
  }
}
