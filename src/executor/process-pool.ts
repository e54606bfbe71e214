import type { ExecutorMessage } from "../bridge/protocol.ts";
import { RunletError } from "../lib/errors.ts";
import { ExecutorChild } from "./executor-child.ts";
import type { ChildOptions } from "./executor-child.ts";

/** What a pool of executor processes tells whoever places runs on them. */
export interface ProcessPoolListener {
  /** A process said something of a run; see `ChildListener`. */
  message(child: ExecutorChild, message: ExecutorMessage, body: Uint8Array | undefined): void;
  /** A process takes runs from now on. */
  ready(): void;
  /** A process is gone; `child.runs` are those it still held. */
  died(child: ExecutorChild): void;
  /** Processes died one after another before they were of use and none takes runs; starting one is tried further. */
  cannotStart(error: RunletError): void;
}

/** What a pool is made of. */
export interface ProcessPoolOptions extends ChildOptions {
  /** Processes that take runs, or will soon, at once. */
  readonly places: number;
  /** Runs one process holds at once. */
  readonly runsPerProcess: number;
}

/** Processes by what they are doing. */
export interface ProcessCounts {
  readonly ready: number;
  readonly starting: number;
  readonly draining: number;
}

/** Processes that only finish their runs, by place: more would be memory that nobody bounded. */
const DRAINING_PER_PLACE = 2;
/** Starts in a row without success after which nobody waits for one any longer. */
const FUTILE_STARTS = 3;
const FIRST_RESPAWN_MS = 100;
const LONGEST_RESPAWN_MS = 10_000;

/**
 * The executor processes: so many that take runs, each replaced when it dies or drains, and a bounded number that drain.
 * Replacements of processes that died before they were of use come later and later.
 */
export class ProcessPool {
  readonly #options: ProcessPoolOptions;
  readonly #listener: ProcessPoolListener;
  readonly #children = new Set<ExecutorChild>();
  readonly #readyWaiters = new Set<{ resolve(): void; reject(error: unknown): void }>();
  readonly #allDead = Promise.withResolvers<void>();
  #failedStarts = 0;
  #closed = false;

  /** Starts the processes; they become ready in the background. */
  constructor(options: ProcessPoolOptions, listener: ProcessPoolListener) {
    this.#options = options;
    this.#listener = listener;
    for (let i = 0; i < options.places; i++) this.#spawn();
  }

  /** The process to give the next run to; `undefined` when none has a place for it. */
  freest(): ExecutorChild | undefined {
    let best: ExecutorChild | undefined;
    for (const child of this.#children) {
      if (!child.takesRuns || child.runs.size >= this.#options.runsPerProcess) continue;
      if (best === undefined || isFreer(child, best)) best = child;
    }
    return best;
  }

  counts(): ProcessCounts {
    const count = (is: (child: ExecutorChild) => boolean): number => [...this.#children].filter(is).length;
    return {
      ready: count((child) => child.takesRuns),
      starting: count((child) => child.state === "starting"),
      draining: count((child) => child.state === "draining"),
    };
  }

  pids(): number[] {
    return [...this.#children].flatMap((child) => (child.pid === undefined ? [] : [child.pid]));
  }

  /** Resolves when a process takes runs. @throws EXECUTOR_LOST when none can be started; SHUTTING_DOWN. */
  ready(): Promise<void> {
    if (this.#someTakeRuns()) return Promise.resolve();
    if (this.#closed) return Promise.reject(closedError());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#readyWaiters.add({ resolve, reject });
    return promise;
  }

  /** Kills every process; resolves when all are gone. Safe to call twice. */
  close(): Promise<void> {
    this.#closed = true;
    this.#refuseWaiters(closedError());
    for (const child of this.#children) child.kill();
    if (this.#children.size === 0) this.#allDead.resolve();
    return this.#allDead.promise;
  }

  #someTakeRuns(): boolean {
    return [...this.#children].some((child) => child.takesRuns);
  }

  /** Starts a process if there is a place for it: those that drain have left theirs. */
  #spawn(): void {
    const alive = [...this.#children].filter((child) => child.state !== "draining").length;
    if (this.#closed || alive >= this.#options.places) return;
    try {
      const child = new ExecutorChild(this.#options, {
        message: (from, message, body) => this.#listener.message(from, message, body),
        changed: (from) => this.#changed(from),
      });
      this.#children.add(child);
    } catch (error) {
      this.#options.log.error({ err: error }, "an executor process could not be started");
      this.#spawnLater();
    }
  }

  #changed(child: ExecutorChild): void {
    if (child.state === "ready") {
      this.#failedStarts = 0;
      for (const waiter of this.#readyWaiters) waiter.resolve();
      this.#readyWaiters.clear();
      this.#listener.ready();
    } else if (child.state === "draining") {
      // One that was never of use is replaced when it is dead, and then not at once.
      if (child.taken > 0) this.#spawn();
      this.#boundDraining();
    } else if (child.state === "dead") this.#buried(child);
  }

  #boundDraining(): void {
    const draining = [...this.#children].filter((child) => child.state === "draining");
    const over = draining.length - this.#options.places * DRAINING_PER_PLACE;
    for (const oldest of draining.slice(0, Math.max(0, over))) oldest.kill();
  }

  #buried(child: ExecutorChild): void {
    if (!this.#children.delete(child)) return;
    if (this.#closed) {
      if (this.#children.size === 0) this.#allDead.resolve();
      return;
    }
    if (child.taken > 0) this.#spawn();
    else this.#spawnLater();
    this.#listener.died(child);
  }

  #spawnLater(): void {
    this.#failedStarts++;
    const delayMs = Math.min(LONGEST_RESPAWN_MS, FIRST_RESPAWN_MS * 2 ** this.#failedStarts);
    if (this.#failedStarts >= FUTILE_STARTS && !this.#someTakeRuns()) this.#giveUpWaiting();
    this.#options.clock.after(delayMs, () => this.#spawn(), { background: true });
  }

  #giveUpWaiting(): void {
    const error = new RunletError("EXECUTOR_LOST", "Cannot start an executor process: the log has what it wrote", {
      hint: "Start with log level debug, and see whether isolated-vm is installed for this machine.",
    });
    this.#refuseWaiters(error);
    this.#listener.cannotStart(error);
  }

  #refuseWaiters(error: RunletError): void {
    for (const waiter of this.#readyWaiters) waiter.reject(error);
    this.#readyWaiters.clear();
  }
}

function closedError(): RunletError {
  return new RunletError("SHUTTING_DOWN", "The executor is closed");
}

/** Fewer runs first; among equals the one used longest ago, so that the others make isolates ready meanwhile. */
function isFreer(a: ExecutorChild, b: ExecutorChild): boolean {
  return a.runs.size < b.runs.size || (a.runs.size === b.runs.size && a.lastRun < b.lastRun);
}
