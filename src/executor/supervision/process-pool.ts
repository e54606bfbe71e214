import type { ExecutorMessage } from "../../bridge/protocol.ts";
import type { Timer } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { ExecutorChild } from "./executor-child.ts";
import type { ChildOptions } from "./executor-child.ts";
import type { Finding } from "./watchdog.ts";

/** What a pool of executor processes tells whoever places runs on them. */
export interface ProcessPoolListener {
  /** A process said something of a run; see `ChildListener`. */
  message(child: ExecutorChild, message: ExecutorMessage, body: Uint8Array | undefined): void;
  /** A process takes runs from now on. */
  ready(): void;
  /** A process is gone; `child.runs` are those it still held, `child.death` says how it ended. */
  died(child: ExecutorChild): void;
  /** Processes died one after another before they were of use and none takes runs; starting one is tried further. */
  cannotStart(error: RunletError): void;
}

/** What a pool is made of. */
export interface ProcessPoolOptions extends ChildOptions {
  /** Processes that take runs, or will soon, at once. */
  readonly places: number;
  /** Processes that are ready to take the place of another. */
  readonly spares: number;
  /** Processes, beside those, for runs that must be alone. */
  readonly cells: number;
}

/** Processes by what they are doing. */
export interface ProcessCounts {
  /** Those that take runs. */
  readonly ready: number;
  /** Those that are ready to take the place of another. */
  readonly spare: number;
  readonly starting: number;
  readonly draining: number;
}

/** What a process is for: any runs; to become either of the others at once; one run at a time. */
type Role = "place" | "spare" | "cell";

/** Processes that only finish their runs, by place: more would be memory that nobody bounded. */
const DRAINING_PER_PLACE = 2;
/** Starts in a row without success after which nobody waits for one any longer. */
const FUTILE_STARTS = 3;
const FIRST_RESPAWN_MS = 100;
const LONGEST_RESPAWN_MS = 10_000;
/** How long a cell without a run is kept: what was alone once often comes again. */
const CELL_KEPT_MS = 10_000;
/** How long the runs of a process that computes more than they may are left. */
const DRAIN_MS = 5_000;

/**
 * The executor processes: so many that take runs, spares that replace one at once when it dies or drains, cells for runs
 * that must be alone, and a bounded number that drain. Replacements of processes that died before they were of use come
 * later and later.
 */
export class ProcessPool {
  readonly #options: ProcessPoolOptions;
  readonly #listener: ProcessPoolListener;
  readonly #children = new Map<ExecutorChild, Role>();
  /** Processes that go when a spare is ready to replace them. */
  readonly #retiring = new Set<ExecutorChild>();
  readonly #readyWaiters = new Set<{ resolve(): void; reject(error: unknown): void }>();
  readonly #allDead = Promise.withResolvers<void>();
  #failedStarts = 0;
  /** Set while no process is started, because the last ones died at once. */
  #pause: Timer | undefined;
  #closed = false;

  /** Starts the processes; they become ready in the background. */
  constructor(options: ProcessPoolOptions, listener: ProcessPoolListener) {
    this.#options = options;
    this.#listener = listener;
    this.#restock();
  }

  /** The processes that take runs now. */
  places(): ExecutorChild[] {
    return this.#with("place", (child) => child.takesRuns);
  }

  /** A process for one run alone; `undefined` when there is none yet. Then one is made ready if there may be one more. */
  cell(): ExecutorChild | undefined {
    const cells = this.#with("cell", (child) => !child.isLeaving);
    const free = cells.find((child) => child.takesRuns && child.load === 0);
    if (free !== undefined) return free;
    if (cells.length >= this.#options.cells || cells.some((child) => child.state === "starting")) return undefined;
    const spare = this.#spare();
    if (spare === undefined) this.#spawn("cell");
    else {
      this.#children.set(spare, "cell");
      this.#restock();
    }
    return spare?.takesRuns === true ? spare : undefined;
  }

  /** How many cells hold a run of a principal. */
  cellsOf(principal: string): number {
    return this.#with("cell", (child) => child.load > 0 && child.isOnlyOf(principal)).length;
  }

  /** A process has no run any more: a cell is kept for a while, should the next come. */
  rest(cell: ExecutorChild): void {
    if (this.#children.get(cell) !== "cell") return;
    const { taken } = cell;
    this.#options.clock.after(
      CELL_KEPT_MS,
      () => {
        if (cell.taken === taken) cell.kill();
      },
      { background: true },
    );
  }

  /** Lets another take the place of a process, without fewer taking runs meanwhile. */
  replace(child: ExecutorChild): void {
    if (child.isLeaving) return;
    // Nothing is placed on a spare or a cell by and by: what they hold is over soon.
    if (this.#children.get(child) !== "place") child.drain();
    else {
      this.#retiring.add(child);
      this.#swap();
      this.#restock();
    }
  }

  counts(): ProcessCounts {
    return {
      ready: this.places().length,
      spare: this.#with("spare", (child) => child.takesRuns).length,
      starting: this.#all((child) => child.state === "starting").length,
      draining: this.#all((child) => child.state === "draining").length,
    };
  }

  /** Process ids of those that take runs or hold some. @param spares The spares, too. */
  pids({ spares = false } = {}): number[] {
    const wanted = this.#all((child) => spares || this.#children.get(child) !== "spare");
    return wanted.flatMap((child) => (child.pid === undefined ? [] : [child.pid]));
  }

  /** Resolves when a process takes runs. @throws EXECUTOR_LOST when none can be started; SHUTTING_DOWN. */
  ready(): Promise<void> {
    if (this.places().length > 0) return Promise.resolve();
    if (this.#closed) return Promise.reject(closedError());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#readyWaiters.add({ resolve, reject });
    return promise;
  }

  /** Kills every process; resolves when all are gone. Safe to call twice. */
  close(): Promise<void> {
    this.#closed = true;
    this.#pause?.cancel();
    this.#refuseWaiters(closedError());
    for (const child of this.#children.keys()) child.kill();
    if (this.#children.size === 0) this.#allDead.resolve();
    return this.#allDead.promise;
  }

  #all(is: (child: ExecutorChild) => boolean): ExecutorChild[] {
    return Array.from(this.#children.keys()).filter(is);
  }

  #with(role: Role, is: (child: ExecutorChild) => boolean): ExecutorChild[] {
    return this.#all((child) => this.#children.get(child) === role && is(child));
  }

  /** A spare, rather one that is ready. */
  #spare(): ExecutorChild | undefined {
    const spares = this.#with("spare", (child) => !child.isLeaving);
    return spares.find((child) => child.takesRuns) ?? spares[0];
  }

  /** Fills the places with spares or new processes, then the spares: those that leave have left their places. */
  #restock(): void {
    if (this.#closed) return;
    const { places, spares } = this.#options;
    while (this.#with("place", (child) => !child.isLeaving).length < places) {
      const spare = this.#spare();
      if (spare === undefined) {
        if (!this.#spawn("place")) return;
      } else {
        this.#children.set(spare, "place");
        if (spare.takesRuns) this.#tellReady();
      }
    }
    // Spares wait until the places are ready: those are waited for.
    if (this.#with("place", (child) => child.state === "starting").length > 0) return;
    const wanted = Math.max(spares, Math.min(1, this.#retiring.size));
    while (this.#with("spare", (child) => !child.isLeaving).length < wanted) if (!this.#spawn("spare")) return;
  }

  /** @returns Whether a process was started. */
  #spawn(role: Role): boolean {
    if (this.#closed || this.#pause !== undefined) return false;
    try {
      const child = new ExecutorChild(this.#options, {
        message: (from, message, body) => this.#listener.message(from, message, body),
        changed: (from) => this.#changed(from),
        found: (from, finding) => this.#found(from, finding),
      });
      this.#children.set(child, role);
      return true;
    } catch (error) {
      this.#options.log.error({ err: error }, "an executor process could not be started");
      this.#restockLater();
      return false;
    }
  }

  #found(child: ExecutorChild, { act, because }: Finding): void {
    if (act === "replace") this.replace(child);
    else if (because === "cpu") child.drain({ graceMs: DRAIN_MS, because: "cpu" });
    else child.drain();
  }

  #changed(child: ExecutorChild): void {
    if (child.state === "dead") this.#buried(child);
    else if (child.state === "draining") {
      this.#retiring.delete(child);
      this.#boundDraining();
      // One that was never of use is replaced when it is dead, and then not at once.
      if (child.taken > 0) this.#restock();
    } else if (child.state === "ready") {
      this.#failedStarts = 0;
      if (this.#children.get(child) !== "spare") this.#tellReady();
      this.#swap();
      this.#restock();
    }
  }

  #tellReady(): void {
    for (const waiter of this.#readyWaiters) waiter.resolve();
    this.#readyWaiters.clear();
    this.#listener.ready();
  }

  /** Puts ready spares in the places of those that are to go. */
  #swap(): void {
    for (const child of this.#retiring) {
      const spare = this.#spare();
      if (spare?.takesRuns !== true) return;
      this.#retiring.delete(child);
      if (child.isLeaving) continue;
      this.#children.set(spare, "place");
      child.drain();
      this.#tellReady();
    }
  }

  /** Ends those with the fewest runs first, among equals the oldest. */
  #boundDraining(): void {
    const draining = this.#all((child) => child.state === "draining").toSorted((a, b) => a.load - b.load);
    const over = draining.length - this.#options.places * DRAINING_PER_PLACE;
    for (const child of draining.slice(0, Math.max(0, over))) child.kill();
  }

  #buried(child: ExecutorChild): void {
    if (!this.#children.delete(child)) return;
    this.#retiring.delete(child);
    if (this.#closed) {
      if (this.#children.size === 0) this.#allDead.resolve();
      return;
    }
    if (child.taken > 0 || child.death?.reason === "asked") this.#restock();
    else this.#restockLater();
    this.#listener.died(child);
  }

  #restockLater(): void {
    this.#failedStarts++;
    const delayMs = Math.min(LONGEST_RESPAWN_MS, FIRST_RESPAWN_MS * 2 ** this.#failedStarts);
    if (this.#failedStarts >= FUTILE_STARTS && this.places().length === 0) this.#giveUpWaiting();
    this.#pause ??= this.#options.clock.after(
      delayMs,
      () => {
        this.#pause = undefined;
        this.#restock();
      },
      { background: true },
    );
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
