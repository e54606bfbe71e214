/** Ended runs that are held so that their events can still be watched: at most so many. */
const MAX_RUNS = 256;
/** Bytes of memory that they may take together. */
const MAX_BYTES = 128 * 1024 * 1024;
/**
 * Bytes of memory that a byte of JSON takes at most once it is parsed.
 *
 * @source measured on V8 13.6: 14 for `[[],[],…]` and `[{},{},…]`, 1 for texts
 */
const BYTES_PER_JSON_BYTE = 14;

/** Which ended runs are held, oldest first: bounded in number and in the memory they take at most. */
export class RecentRuns {
  readonly #runs: { readonly id: string; readonly bytes: number }[] = [];
  #bytes = 0;

  /** The oldest that is held. */
  get oldest(): string | undefined {
    return this.#runs[0]?.id;
  }

  /**
   * Adds a run that has ended.
   *
   * @param jsonBytes Of its request and outcome.
   * @returns The runs that are to be let go of for it; it may be one of them.
   */
  add(id: string, jsonBytes: number): readonly string[] {
    const bytes = jsonBytes * BYTES_PER_JSON_BYTE;
    this.#runs.push({ id, bytes });
    this.#bytes += bytes;
    const over: string[] = [];
    while (this.#runs.length > MAX_RUNS || this.#bytes > MAX_BYTES) {
      const oldest = this.removeOldest();
      if (oldest === undefined) break;
      over.push(oldest);
    }
    return over;
  }

  /** Takes the oldest out. @returns Its id; `undefined` when none is held. */
  removeOldest(): string | undefined {
    const oldest = this.#runs.shift();
    this.#bytes -= oldest?.bytes ?? 0;
    return oldest?.id;
  }
}
