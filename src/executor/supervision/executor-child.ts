import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { constants } from "node:os";
import { MAX_KEPT_NAMES, parseExecutorMessage } from "../../bridge/protocol.ts";
import type { ExecutorMessage, RunMessage, ServiceMessage } from "../../bridge/protocol.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { ExecutorBundles } from "../bundles.ts";
import { killConfined, startConfined } from "../confinement/confined-process.ts";
import type { ExecutorCommand } from "../confinement/executor-command.ts";
import { HeldRuns } from "./held-runs.ts";
import { MessagePipe } from "../pipe/message-pipe.ts";
import type { Place } from "./placement.ts";
import { ProcessFigures } from "./process-figures.ts";
import { StderrTail } from "./stderr-tail.ts";
import { Watchdog } from "./watchdog.ts";
import type { Finding } from "./watchdog.ts";

/**
 * Life of an executor process.
 *
 *     starting ──► ready ──► draining ──► dead
 *         └──────────┴──────────────────────▲   (killed, or it died)
 *
 * A killed process keeps its state until it is gone; it takes no runs meanwhile and what it still says is not heard.
 */
export type ChildState = "starting" | "ready" | "draining" | "dead";

/**
 * Why a process ended. `asked`: it was to go, for nothing it did; `silent`: it did not answer; `memory`, `cpu`: it took
 * more than any set of runs may; `protocol`: it sent what is no message; `signal`, `exit`: it ended by itself.
 */
export type DeathReason = "asked" | "silent" | "memory" | "cpu" | "protocol" | "signal" | "exit";

/** How a process ended. */
export interface Death {
  readonly reason: DeathReason;
  readonly code: number | null;
  readonly signal: string | null;
  /** What broke its pipe, where something did. */
  readonly fault: Error | undefined;
  /** Memory when it was last read, in MiB; 0 when it never was. */
  readonly rssMiB: number;
  /** The last it wrote to stderr. */
  readonly stderr: string;
}

/** What a process tells its supervisor. */
export interface ChildListener {
  /** @param body Bytes of a large result, not checked to be text; comes with the end of a run that has a value. */
  message(child: ExecutorChild, message: ExecutorMessage, body: Uint8Array | undefined): void;
  /** The state changed; `dead` comes last and once. */
  changed(child: ExecutorChild): void;
  /** The watchdog would have it drained or replaced; what must be killed is. */
  found(child: ExecutorChild, finding: Finding): void;
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

/** How a process is drained. */
export interface DrainOptions {
  /** @default what its runs may still take */
  readonly graceMs?: number;
  /** What its end is told as, should it come to that. @default "asked" */
  readonly because?: DeathReason;
  /** Something that is over may have spoilt it for the runs it holds. @default false */
  readonly isSpoilt?: boolean;
}

/** How often memory is read: a script without a JIT takes some 100 MiB meanwhile. */
const READ_MS = 100;
/** Readings between two pings. */
const READINGS_PER_BEAT = 5;
/** Beats a process may leave unanswered. Beats and no time: when the service itself was held up, its processes are not late. */
const MISSED_BEATS = 8;
const MISSED_BEATS_AT_START = 40;
/**
 * Messages that serve nothing which a process may send, for each run it ever took: what a cancelled run had on its way, up to
 * all its calls, lines and values. One that sends more floods the service.
 */
const STRAY_PER_RUN = 50_000;
/** What may wait to be written to a process before it is no longer listened to. */
const PAUSE_ABOVE_BYTES = 8 * 1024 * 1024;
/** How long what a dead process had written may take to be read. */
const LAST_WORDS_MS = 1_000;
/** How long after the wall limit of its runs a draining process is left to end them by itself. */
const OVERTIME_MS = 1_500;
/** How long a run that was stopped may take to bring its process down; a thread that goes on is told of after 2 s. */
const STOPPING_MS = 3_000;

/** One executor process: its pipe, its heartbeat and its end, which is always SIGKILL. */
export class ExecutorChild implements Place {
  state: ChildState = "starting";
  /** The runs it holds. */
  readonly runs = new HeldRuns();
  /** Numbers of the names it keeps. */
  readonly #names = new Set<number>();
  /** Runs it has taken in its life. */
  taken = 0;
  /** Number of the run it took last. */
  lastRun = 0;
  /** Whether it was ever ready to take runs. */
  wasReady = false;
  readonly #process: ChildProcess;
  readonly #pipe: MessagePipe | undefined;
  readonly #options: ChildOptions;
  readonly #listener: ChildListener;
  readonly #watchdog = new Watchdog();
  readonly #stderr = new StderrTail();
  #figures: ProcessFigures | undefined;
  #rssMiB = 0;
  #reading: Timer | undefined;
  #readings = 0;
  #missedBeats = 0;
  #progress: MessagePipe["progress"] | undefined;
  /** Its end is our doing. */
  #killed: DeathReason | undefined;
  #broken: Error | undefined;
  /** It ended, and what it wrote before may not have been read to the end. */
  #isGone = false;
  #death: Death | undefined;
  #spoilt = false;
  #strays = 0;
  #killTimer: Timer | undefined;
  #killAtMs = Infinity;

  /** Starts the process. @throws Error when the system refuses at once; most refusals are told as the state `dead`. */
  constructor(options: ChildOptions, listener: ChildListener) {
    this.#options = options;
    this.#listener = listener;
    this.#process = startConfined(options.command);
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
    this.#process.stderr?.on("data", (bytes: Buffer) => this.#stderr.add(bytes));
    this.#process.stdin?.on("error", (error) => this.#fail(error));
    this.#process.stdin?.end(options.bundles.process);
    this.send({ type: "init", runtime: options.bundles.runtime, warm: options.warm, memoryMiB: options.memoryMiB });
    this.#scheduleReading();
  }

  /** Whether it can be given a run. */
  get takesRuns(): boolean {
    return this.state === "ready" && !this.isLeaving;
  }

  /** Whether it takes no runs any more. */
  get isLeaving(): boolean {
    const isEnding = this.#killed !== undefined || this.#broken !== undefined || this.#isGone;
    return isEnding || this.state === "draining" || this.state === "dead";
  }

  /** Whether something that is over may have spoilt it for the runs it holds. */
  get isSpoilt(): boolean {
    return this.#spoilt;
  }

  /** How it ended; `undefined` while it lives. */
  get death(): Death | undefined {
    return this.#death;
  }

  get load(): number {
    return this.runs.size;
  }

  get isSwollen(): boolean {
    return this.#watchdog.isSwollen;
  }

  isOnlyOf(principal: string): boolean {
    return this.runs.isOnlyOf(principal, this.#options.clock.monotonic());
  }

  hasStopped(principal: string): boolean {
    return this.runs.hasStopped(principal, this.#options.clock.monotonic());
  }

  /** A run of a principal was stopped: others keep away for a moment. */
  stopped(principal: string): void {
    this.runs.stopped(principal, this.#options.clock.monotonic() + STOPPING_MS);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** It sent a message that serves nothing: of a run it does not hold, or the answer to no question. */
  stray(): void {
    if (++this.#strays > STRAY_PER_RUN * (this.taken + 1)) this.kill("protocol");
  }

  /** Starts a run in this process. @param namesJson What `message.names` stands for; sent when the process has it not. */
  run(message: RunMessage, { namesJson, principal }: { readonly namesJson: string; readonly principal: string }): void {
    if (!this.#names.has(message.names)) {
      if (this.#names.size >= MAX_KEPT_NAMES) this.#names.clear();
      this.#names.add(message.names);
      this.send({ type: "names", id: message.names, json: namesJson });
    }
    this.runs.add(message, principal);
    this.taken++;
    this.lastRun = message.run;
    this.send(message);
  }

  send(message: ServiceMessage): void {
    if (this.state === "dead") return;
    if (message.type === "reply") this.runs.fed(message.run);
    this.#pipe?.send(message);
  }

  /** The wall time of a run stands still, or goes on. @param mayTakeMs How long it may stand still altogether. */
  still(run: number, { on, mayTakeMs = 0 }: { readonly on: boolean; readonly mayTakeMs?: number }): void {
    if (on) this.runs.stoodStill(run, mayTakeMs);
    this.send({ type: "still", run, on });
  }

  /** A run is over. @param cpuMs What it used, as the process says. */
  release(run: number, cpuMs: number): void {
    if (!this.runs.release(run, cpuMs)) return;
    this.#killIfDrained();
    if (this.runs.size === 0 && this.state === "ready") this.#watchdog.emptied(this.#figures?.rssMiB() ?? 0);
  }

  /**
   * Takes no more runs; dies when the last one is over, at the latest after `graceMs`. Of several calls the earliest end
   * holds.
   */
  drain({ graceMs = this.runs.longestMs + OVERTIME_MS, because = "asked", isSpoilt = false }: DrainOptions = {}): void {
    if (this.state === "dead") return;
    const { clock } = this.#options;
    const killAtMs = clock.monotonic() + graceMs;
    if (killAtMs < this.#killAtMs) {
      this.#killAtMs = killAtMs;
      this.#killTimer?.cancel();
      this.#killTimer = clock.after(graceMs, () => this.kill(because), { background: true });
    }
    this.#spoilt ||= isSpoilt;
    if (this.state !== "draining") this.#become("draining");
    this.#killIfDrained();
  }

  /** Ends the process at once. An orderly exit could wait for a thread that never stops. */
  kill(because: DeathReason = "asked"): void {
    if (this.state === "dead" || this.#killed !== undefined) return;
    this.#killed = because;
    killConfined(this.#process);
  }

  #killIfDrained(): void {
    if (this.state === "draining" && this.runs.size === 0) this.kill();
  }

  #receive(data: unknown, body: Uint8Array | undefined): void {
    if (this.#killed !== undefined || this.state === "dead") return;
    const message = parseExecutorMessage(data);
    const isResult = message?.type === "end" && message.reason === "value";
    if (message === undefined || (body !== undefined && !isResult)) {
      this.kill("protocol");
      return;
    }
    if (message.type === "pong") {
      if (this.runs.heard(message.id, message.busy)) this.#missedBeats = 0;
      else this.stray();
    } else if (message.type !== "ready") this.#listener.message(this, message, body);
    else if (this.state !== "starting") this.stray();
    else {
      this.#missedBeats = 0;
      // All its wrappers are in place now, and no script has run in it.
      if (this.pid !== undefined) this.#figures = ProcessFigures.open(this.pid);
      this.wasReady = true;
      this.#become("ready");
    }
  }

  #scheduleReading(): void {
    this.#reading = this.#options.clock.after(READ_MS, () => this.#read(), { background: true });
  }

  #read(): void {
    if (this.state === "dead" || this.#killed !== undefined) return;
    this.#scheduleReading();
    this.#readings++;
    this.#readMemory();
    if (this.#readings % READINGS_PER_BEAT === 0) this.#heartbeat();
  }

  #readMemory(): void {
    const rssMiB = this.#figures?.rssMiB();
    if (rssMiB === undefined) return;
    this.#rssMiB = rssMiB;
    this.#act(this.#watchdog.memory(rssMiB, this.runs.allowance));
  }

  /** Whether the process read something of what waited for it since this was last asked: then it is only late. */
  #isReading(): boolean {
    const before = this.#progress;
    this.#progress = this.#pipe?.progress;
    if (before === undefined || this.#progress === undefined) return false;
    return before.waitingBytes > 0 && this.#progress.writtenBytes > before.writtenBytes;
  }

  #heartbeat(): void {
    if (this.#isReading()) this.#missedBeats = 0;
    const allowed = this.state === "starting" ? MISSED_BEATS_AT_START : MISSED_BEATS;
    if (this.#missedBeats >= allowed) {
      this.kill("silent");
      return;
    }
    this.#missedBeats++;
    if (this.state !== "starting") this.send({ type: "ping", id: this.runs.ask() });
    const figures = this.#figures?.read();
    if (figures === undefined) return;
    const atMs = this.#options.clock.monotonic();
    this.#act(this.#watchdog.computing(figures.cpuMs, atMs, this.runs.allowance, this.runs.takeEnded()));
  }

  #act(finding: Finding | undefined): void {
    if (finding === undefined || this.#killed !== undefined) return;
    if (finding.act === "kill") this.kill(finding.because);
    else this.#listener.found(this, finding);
  }

  /** The process cannot be talked to any more: it broke the pipe's rules, or it is ending and its exit is told next. */
  #fail(error: Error): void {
    if (this.state === "dead") return;
    this.#broken ??= error;
    killConfined(this.#process);
    // A process that was never spawned emits no exit.
    if (this.pid === undefined) this.#exited(null, null);
  }

  /** The process is gone; what it wrote before is still in the pipe, and the end of a run may be in it. */
  #ended(code: number | null, signal: string | null): void {
    this.#isGone = true;
    this.#pipe?.readOn();
    this.#options.clock.after(LAST_WORDS_MS, () => this.#exited(code, signal), { background: true });
  }

  #exited(code: number | null, signal: string | null): void {
    if (this.state === "dead") return;
    this.#reading?.cancel();
    this.#killTimer?.cancel();
    this.#figures?.close();
    this.#pipe?.close();
    const signalled = signal ?? signalOf(code);
    this.#death = {
      reason: this.#killed ?? (isFault(this.#broken) ? "protocol" : signalled === null ? "exit" : "signal"),
      code,
      signal: signalled,
      fault: this.#broken,
      rssMiB: Math.round(this.#rssMiB),
      stderr: this.#stderr.text(),
    };
    this.#become("dead");
  }

  #become(state: ChildState): void {
    this.state = state;
    this.#listener.changed(this);
  }
}

/** Whether it was what the process sent that broke its pipe; the errors of the system have a code, and follow its end. */
function isFault(broken: Error | undefined): boolean {
  return broken !== undefined && !("code" in broken);
}

/** The signal that a wrapper tells of in its own exit code, as shells do. */
function signalOf(code: number | null): string | null {
  const number = (code ?? 0) - 128;
  return Object.entries(constants.signals).find(([, signal]) => signal === number)?.[0] ?? null;
}
