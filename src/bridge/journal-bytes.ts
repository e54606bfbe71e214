import { byteLength } from "../lib/bounded-text.ts";
import { RunletError } from "../lib/errors.ts";
import type { CallRecord } from "../store/journal.ts";

/** Counts what a run journals: it must be read again when the run is taken up. */
export class JournalBytes {
  readonly #limit: number;
  #bytes = 0;

  /** @param recorded What earlier attempts journaled: it counts once more when the script makes those calls again. */
  constructor(limit: number, recorded: readonly CallRecord[] = []) {
    this.#limit = limit;
    for (const { argumentsJson, resultJson } of recorded)
      this.#bytes += byteLength(argumentsJson) + (resultJson === undefined ? 0 : byteLength(resultJson));
  }

  /** Whether there are more than may be read again: calls in flight are counted when they are answered. */
  get isOver(): boolean {
    return this.#bytes > this.#limit;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** @throws JOURNAL_LIMIT when so many more would be over the limit. */
  require(bytes: number): void {
    if (this.#bytes + bytes <= this.#limit) return;
    throw new RunletError(
      "JOURNAL_LIMIT",
      `Cannot make the call as the arguments and answers of a run's calls may have ${this.#limit} bytes together: current value is ${this.#bytes + bytes}`,
      { hint: "Have tools answer less, split the work into several runs, or ask for more with limits.journalBytes." },
    );
  }
}
