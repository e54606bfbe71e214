import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { Socket } from "node:net";
import { MAX_KEPT_NAMES, parseExecutorMessage } from "../bridge/protocol.ts";
import type { ExecutorMessage, RunMessage, ServiceMessage } from "../bridge/protocol.ts";
import { boundText } from "../lib/bounded-text.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { ExecutorBundles } from "./bundles.ts";
import type { ExecutorCommand } from "./confinement.ts";
import { MessagePipe } from "./message-pipe.ts";

/**
 * Life of an executor process.
 *
 *     starting ──► ready ──► draining ──► dead
 *         └──────────┴──────────────────────▲   (killed, or it died)
 *
 * A killed process keeps its state until it is gone; it takes no runs meanwhile and what it still says is not heard.
 */
export type ChildState = "starting" | "ready" | "draining" | "dead";

/** What a process tells its supervisor. */
export interface ChildListener {
  /** @param body Bytes of a large result, not checked to be text; comes with the end of a run that has a value. */
  message(child: ExecutorChild, message: ExecutorMessage, body: Uint8Array | undefined): void;
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

const BEAT_MS = 500;
/** Beats a process may leave unanswered. Beats and no time: when the service itself was held up, its processes are not late. */
const MISSED_BEATS = 8;
const MISSED_BEATS_AT_START = 40;
/** What may wait to be written to a process before it is no longer listened to. */
const PAUSE_ABOVE_BYTES = 8 * 1024 * 1024;
/** How long what a dead process had written may take to be read. */
const LAST_WORDS_MS = 1_000;
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
  /** Numbers of the names it keeps. */
  readonly #names = new Set<number>();
  /** Runs it has taken in its life. */
  taken = 0;
  /** Number of the run it took last. */
  lastRun = 0;
  readonly #process: ChildProcess;
  readonly #pipe: MessagePipe | undefined;
  readonly #options: ChildOptions;
  readonly #listener: ChildListener;
  #beat: Timer | undefined;
  #missedBeats = 0;
  #stderr = "";
  /** Its end is our doing, and what led to it was logged. */
  #killed = false;
  #broken: Error | undefined;
  #drained = false;
  #killTimer: Timer | undefined;
  #killAtMs = Infinity;

  /** Starts the process. @throws Error when the system refuses at once; most refusals are told as the state `dead`. */
  constructor(options: ChildOptions, listener: ChildListener) {
    const { command, bundles } = options;
    this.#options = options;
    this.#listener = listener;
    this.#process = spawn(command.command, [...command.args], {
      env: command.env,
      cwd: "/",
      stdio: ["pipe", "ignore", "pipe", "pipe"],
    });
    const socket = this.#process.stdio[3];
    this.#pipe =
      socket instanceof Socket
        ? new MessagePipe(socket, {
            onMessage: (data, body) => this.#receive(data, body),
            onBroken: (reason) => this.#fail(reason),
            pauseAboveBytes: PAUSE_ABOVE_BYTES,
          })
        : undefined;
    this.#process.on("error", (error) => this.#fail(error));
    this.#process.on("exit", (code, signal) => this.#ended(code, signal));
    this.#process.on("close", (code, signal) => this.#exited(code, signal));
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_BYTES);
    });
    this.#process.stdin?.on("error", (error) => this.#fail(error));
    this.#process.stdin?.end(bundles.process);
    this.send({ type: "init", runtime: bundles.runtime, warm: options.warm, memoryMiB: options.memoryMiB });
    this.#scheduleBeat();
  }

  /** Whether it can be given a run. */
  get takesRuns(): boolean {
    return this.state === "ready" && !this.#killed && this.#broken === undefined;
  }

  /** Whether it was to go before it ended: then its end is nobody's fault who was still in it. */
  get drained(): boolean {
    return this.#drained;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Starts a run in this process. @param namesJson What `message.names` stands for; sent when the process has it not. */
  run(message: RunMessage, namesJson: string): void {
    if (!this.#names.has(message.names)) {
      if (this.#names.size >= MAX_KEPT_NAMES) this.#names.clear();
      this.#names.add(message.names);
      this.send({ type: "names", id: message.names, json: namesJson });
    }
    this.runs.add(message.run);
    this.taken++;
    this.lastRun = message.run;
    this.send(message);
  }

  send(message: ServiceMessage): void {
    if (this.state !== "dead") this.#pipe?.send(message);
  }

  /** Takes no more runs; dies when the last one is over, at the latest after `graceMs`. Of several calls the earliest end holds. */
  drain(graceMs: number): void {
    if (this.state === "dead") return;
    const { clock } = this.#options;
    const killAtMs = clock.monotonic() + graceMs;
    if (killAtMs < this.#killAtMs) {
      this.#killAtMs = killAtMs;
      this.#killTimer?.cancel();
      this.#killTimer = clock.after(graceMs, () => this.kill(), { background: true });
    }
    this.#drained = true;
    if (this.state !== "draining") this.#become("draining");
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

  #receive(data: unknown, body: Uint8Array | undefined): void {
    if (this.#killed || this.state === "dead") return;
    const message = parseExecutorMessage(data);
    const isResult = message?.type === "end" && message.reason === "value";
    if (message === undefined || (body !== undefined && !isResult)) {
      this.#options.log.error(
        { pid: this.pid },
        "an executor process sent a message that is not of the protocol; it is killed",
      );
      this.kill();
      return;
    }
    if (message.type === "pong" || message.type === "ready") this.#missedBeats = 0;
    if (message.type === "pong") return;
    if (message.type !== "ready") this.#listener.message(this, message, body);
    else if (this.state === "starting") this.#become("ready");
  }

  #scheduleBeat(): void {
    this.#beat = this.#options.clock.after(BEAT_MS, () => void this.#heartbeat(), { background: true });
  }

  async #heartbeat(): Promise<void> {
    const rssMiB = await residentMiB(this.pid);
    if (this.state === "dead" || this.#killed) return;
    const allowed = this.state === "starting" ? MISSED_BEATS_AT_START : MISSED_BEATS;
    if (this.#missedBeats >= allowed || rssMiB > KILL_RSS_MIB) {
      const silentMs = this.#missedBeats * BEAT_MS;
      this.#options.log.warn(
        { pid: this.pid, silentMs, rssMiB },
        "an executor process is stuck or too large; it is killed",
      );
      this.kill();
      return;
    }
    this.#missedBeats++;
    if (this.state !== "starting") this.send({ type: "ping", id: 0 });
    this.#scheduleBeat();
  }

  /** The process cannot be talked to any more: it broke the pipe's rules, or it is ending and its exit is told next. */
  #fail(error: Error): void {
    if (this.state === "dead") return;
    this.#broken ??= error;
    this.#process.kill("SIGKILL");
    // A process that was never spawned emits no exit.
    if (this.pid === undefined) this.#exited(null, null);
  }

  /** The process is gone; what it wrote before is still in the pipe, and the end of a run may be in it. */
  #ended(code: number | null, signal: string | null): void {
    this.#pipe?.readOn();
    this.#options.clock.after(LAST_WORDS_MS, () => this.#exited(code, signal), { background: true });
  }

  #exited(code: number | null, signal: string | null): void {
    if (this.state === "dead") return;
    const { log } = this.#options;
    if (!this.#killed) {
      log.warn(
        { pid: this.pid, code, signal, err: this.#broken, stderr: boundText(this.#stderr, STDERR_BYTES) },
        "an executor process ended",
      );
    }
    this.#beat?.cancel();
    this.#killTimer?.cancel();
    this.#pipe?.close();
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
