import type { Clock, Timer } from "../../lib/clock.ts";

/** Whoever computes: is told how much, in milliseconds, since it was told last. */
export interface CpuUser {
  charge(cpuMs: number): void;
}

/** What a ledger reads time and computing time from. */
export interface CpuSharesOptions {
  readonly clock: Clock;
  /** Computing time of this process so far, all threads, in milliseconds. */
  readonly readCpuMs: () => number;
}

const EVERY_MS = 20;

/**
 * Divides the computing time of this process among those who compute in it right now, so that a script is charged for what
 * it used and not for what it waited for on a busy machine.
 *
 * V8 tells the computing time of a running isolate only when it pauses; whoever pauses says then what it used. Those who
 * go on are charged equal shares of what is left, none larger than the time it computed.
 */
export class CpuShares {
  readonly #options: CpuSharesOptions;
  /** Those who compute, and since when. */
  readonly #users = new Map<CpuUser, number>();
  #cpuMs = 0;
  #atMs = 0;
  /** What those used who paused since the last division. */
  #settledMs = 0;
  #timer: Timer | undefined;

  constructor(options: CpuSharesOptions) {
    this.#options = options;
  }

  /** A user begins to compute. */
  open(user: CpuUser): void {
    const { clock, readCpuMs } = this.#options;
    const nowMs = clock.monotonic();
    this.#users.set(user, nowMs);
    if (this.#timer !== undefined) return;
    this.#cpuMs = readCpuMs();
    this.#atMs = nowMs;
    this.#settledMs = 0;
    this.#timer = this.#schedule();
  }

  /** A user pauses. @param usedMs What it used and was not charged for. */
  close(user: CpuUser, usedMs: number): void {
    if (this.#users.delete(user)) this.#settledMs += usedMs;
  }

  #schedule(): Timer {
    return this.#options.clock.after(EVERY_MS, () => this.#divide());
  }

  #divide(): void {
    this.#timer = undefined;
    if (this.#users.size === 0) return;
    this.#timer = this.#schedule();
    const { clock, readCpuMs } = this.#options;
    const [cpuMs, atMs] = [readCpuMs(), clock.monotonic()];
    const share = Math.max(0, cpuMs - this.#cpuMs - this.#settledMs) / this.#users.size;
    const beforeMs = this.#atMs;
    this.#cpuMs = cpuMs;
    this.#atMs = atMs;
    this.#settledMs = 0;
    // A user that is charged too much leaves while we go round.
    for (const [user, openedMs] of Array.from(this.#users))
      user.charge(Math.min(share, atMs - Math.max(beforeMs, openedMs)));
  }
}
