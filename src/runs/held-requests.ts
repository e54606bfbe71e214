import { RunletError } from "../lib/errors.ts";

const MIB = 1024 * 1024;
/** Text of all requests whose runs have not ended, in UTF-16 units. */
const MAX_UNITS = 256 * MIB;
/** Of one principal's: it must not fill the memory for all others. */
const MAX_UNITS_OF_ONE = MAX_UNITS / 2;
const RETRY_AFTER_MS = 1_000;

/** Counts the texts of requests that are held until their runs end: a queue bounds their number, this their size. */
export class HeldRequests {
  readonly #units = new Map<string, number>();
  #all = 0;

  /** Takes a request in. @param units Length of its JSON. @throws QUEUE_FULL; nothing is taken then. */
  take(principal: string, units: number): void {
    const own = this.#units.get(principal) ?? 0;
    const isOwnFull = own > 0 && own + units > MAX_UNITS_OF_ONE;
    if (!isOwnFull && (this.#all === 0 || this.#all + units <= MAX_UNITS)) {
      this.add(principal, units);
      return;
    }
    const [whose, most, held] = isOwnFull
      ? ["requests of one client", MAX_UNITS_OF_ONE, own]
      : ["requests", MAX_UNITS, this.#all];
    throw new RunletError(
      "QUEUE_FULL",
      `Cannot queue a run as ${whose} that wait or run may have ${most} characters together: current value is ${held}`,
      { hint: "Try again later, or send less `input`.", details: { retryAfterMs: RETRY_AFTER_MS } },
    );
  }

  /** Takes a request in whatever its size: of a run that was accepted before. */
  add(principal: string, units: number): void {
    this.#units.set(principal, (this.#units.get(principal) ?? 0) + units);
    this.#all += units;
  }

  /** Lets a request go that was taken in. */
  release(principal: string, units: number): void {
    const left = (this.#units.get(principal) ?? 0) - units;
    if (left > 0) this.#units.set(principal, left);
    else this.#units.delete(principal);
    this.#all -= units;
  }
}
