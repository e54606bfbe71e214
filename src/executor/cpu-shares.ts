import type { Clock, Timer } from "../lib/clock.ts";

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
 * V8 tells the computing time of a running isolate only when it pauses. Until then equal shares of the process's own time
 * are charged, none larger than the time that has passed.
 */
export class CpuShares {
  readonly #options: CpuSharesOptions;
  readonly #users = new Set<CpuUser>();
  #cpuMs = 0;
  #atMs = 0;
  #timer: Timer | undefined;
  #dividing = false;

  constructor(options: CpuSharesOptions) {
    this.#options = options;
  }

  /** Starts to charge a user. */
  open(user: CpuUser): void {
    this.#divide();
    this.#users.add(user);
    this.#timer ??= this.#schedule();
  }

  /** Charges a user for the last time. */
  close(user: CpuUser): void {
    this.#divide();
    this.#users.delete(user);
    if (this.#users.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(): Timer {
    return this.#options.clock.after(EVERY_MS, () => {
      this.#timer = this.#schedule();
      this.#divide();
    });
  }

  #divide(): void {
    // A user that is charged too much leaves while we go round.
    if (this.#dividing) return;
    this.#dividing = true;
    const { clock, readCpuMs } = this.#options;
    const [cpuMs, atMs] = [readCpuMs(), clock.monotonic()];
    const share = Math.min((cpuMs - this.#cpuMs) / this.#users.size, atMs - this.#atMs);
    this.#cpuMs = cpuMs;
    this.#atMs = atMs;
    for (const user of Array.from(this.#users)) user.charge(share);
    this.#dividing = false;
  }
}
