/** What one call earns of a retry. @source attempts are to be at most 1.2 times the calls */
const SHARE = 0.2;
/** Retries a server gets before its calls have earned any; its first calls pay them back. */
const ADVANCE = 2;
/** The most that can be earned ahead: quiet times do not pay for a storm. */
const MAX_EARNED = 10;

/**
 * Bounds the retries of one server by its calls: from the start on they are at most the larger of 2 and a fifth of the calls, and
 * of any stretch of calls at most a fifth of those and of the 50 before. Without it, retries would multiply the load of a
 * server that cannot bear what it has.
 */
export class RetryBudget {
  #left = ADVANCE;
  /** Calls that pay the advance back. */
  #owed = ADVANCE / SHARE;

  /** Notes a call, whatever becomes of it. */
  earn(): void {
    if (this.#owed > 0) this.#owed--;
    else this.#left = Math.min(MAX_EARNED, this.#left + SHARE);
  }

  /** @returns Whether one more attempt may be made, which is then counted. */
  take(): boolean {
    // A fifth has no exact binary form: five of them may be a little less than one.
    if (this.#left < 1 - 1e-9) return false;
    this.#left -= 1;
    return true;
  }
}
