/** What the runs of a process may use altogether, by their own limits. */
export interface Allowance {
  readonly runs: number;
  readonly cpuMs: number;
  readonly memoryMiB: number;
}

/** Runs that ended since the last reading, and what they were charged for. */
export interface Ended {
  readonly runs: number;
  readonly cpuMs: number;
}

/**
 * What must be done with a process. `kill`: at once; `drain`: it takes no more runs, those it has may end; `replace`: it
 * goes when another is ready.
 */
export interface Finding {
  readonly act: "kill" | "drain" | "replace";
  readonly because: "memory" | "cpu";
}

/** Memory at which a process is killed: it may take no more from the machine, whoever is in it. */
const KILL_RSS_MIB = 1_536;
/** Memory above which a process takes no more runs, however much those it has may use. */
const DRAIN_RSS_MIB = 1_024;
/** What a run adds to both. @source measured: one that waits for a tool holds 1.7 MiB */
const RSS_MIB_PER_RUN = 3;
/**
 * Memory of a process without runs above which it is replaced. @source measured: 45–75 MiB when started, up to 160 after
 * honest and most hostile runs; one that stays above was left swollen, and its next run would pay for it
 */
const IDLE_RSS_MIB = 224;
/** What a run may hold beside its heap: a result, arguments and answers on their way. */
const BESIDE_HEAP = 2;
/** Readings in a row that must say the same: an isolate is put away a moment after its run was told to have ended. */
const READINGS = 2;

/**
 * Share of a core a process without runs may use, beat by beat: it makes isolates ready and collects garbage. Low, because
 * on a busy machine a thread that spins gets no more; for long, because what is needed is over sooner.
 */
const IDLE_SHARE = 0.05;
const IDLE_BEATS = 8;
/** What a process uses beside its runs: for each of them, and as a share of time (the collector's own threads). */
const MS_PER_RUN = 100;
const OWN_SHARE = 0.25;
/** How much more than their limits the runs of a process may have cost it. */
const EXCESS = 2;
const EXCESS_MS = 5_000;

/**
 * Judges one process by the kernel's figures, from outside: what it says of itself counts for nothing more than a run's
 * limit allows. Readings are taken by its owner.
 */
export class Watchdog {
  #large = 0;
  #swollen = 0;
  #cpuMs: number | undefined;
  #atMs = 0;
  #busyBeats = 0;
  /** Computing time that no run accounts for yet. */
  #owedMs = 0;

  /** Whether the last reading was of a process without runs that holds more than one should: the next run is better elsewhere. */
  get isSwollen(): boolean {
    return this.#swollen > 0;
  }

  /** The last run ended: until the next reading says otherwise, what the process holds now was left behind. */
  emptied(rssMiB: number): void {
    if (rssMiB > IDLE_RSS_MIB && this.#swollen === 0) this.#swollen = 1;
  }

  /** Judges a reading of memory. */
  memory(rssMiB: number, { runs, memoryMiB }: Allowance): Finding | undefined {
    const ownMiB = runs * RSS_MIB_PER_RUN;
    if (rssMiB > KILL_RSS_MIB + ownMiB) return { act: "kill", because: "memory" };
    const most = runs === 0 ? IDLE_RSS_MIB : Math.min(DRAIN_RSS_MIB + ownMiB, IDLE_RSS_MIB + BESIDE_HEAP * memoryMiB);
    const isOver = rssMiB > most;
    this.#swollen = runs === 0 && isOver ? this.#swollen + 1 : 0;
    this.#large = runs > 0 && isOver ? this.#large + 1 : 0;
    if (this.#swollen >= READINGS) return { act: "replace", because: "memory" };
    return this.#large >= READINGS ? { act: "drain", because: "memory" } : undefined;
  }

  /**
   * Judges a reading of computing time: a process without runs must not compute (a thread of a run that ended never
   * stopped), and one with runs not much more than they may.
   */
  computing(cpuMs: number, atMs: number, allowed: Allowance, ended: Ended): Finding | undefined {
    const usedMs = cpuMs - (this.#cpuMs ?? cpuMs);
    const passedMs = atMs - this.#atMs;
    this.#cpuMs = cpuMs;
    this.#atMs = atMs;
    const isIdle = allowed.runs === 0 && ended.runs === 0;
    this.#busyBeats = isIdle && usedMs > passedMs * IDLE_SHARE ? this.#busyBeats + 1 : 0;
    if (this.#busyBeats >= IDLE_BEATS) return { act: "kill", because: "cpu" };
    const accountedMs = ended.cpuMs + ended.runs * MS_PER_RUN + passedMs * OWN_SHARE;
    this.#owedMs = isIdle ? 0 : Math.max(0, this.#owedMs + usedMs - accountedMs);
    return this.#owedMs > allowed.cpuMs * EXCESS + EXCESS_MS ? { act: "drain", because: "cpu" } : undefined;
  }
}
