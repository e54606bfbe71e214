/** The whole of one run's result. */
export interface StoredResult {
  /** Size of the JSON text in bytes. */
  readonly bytes: number;
  /**
   * The text in UTF-8, part by part, each read when it is asked for; parts may end inside a character.
   *
   * @throws RESULT_GONE when the run was deleted meanwhile.
   */
  parts(): AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** Keeps whole results that are larger than what an answer carries. A result belongs to a stored run and goes with it. */
export interface ResultStore {
  /**
   * Keeps the result of a run, in place of one there may be. Gives other work its turn meanwhile; a result whose write was
   * not finished is not kept at all.
   *
   * @param json JSON text in UTF-8.
   * @throws INTERNAL when the run is not stored or the result cannot be written.
   */
  put(runId: string, json: Uint8Array): Promise<void>;
  /** @returns `undefined` when there is none, or none any more. */
  get(runId: string): Promise<StoredResult | undefined>;
  /** Deletes the result of a run; one that is not there is no fault. */
  delete(runId: string): Promise<void>;
}

/** Size of the parts that a result is written and read in: the longest that other work waits. */
export const RESULT_PART_BYTES = 1024 * 1024;
