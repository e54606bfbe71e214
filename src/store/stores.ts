import type { Journal } from "./journal.ts";
import type { ObservationStore } from "./observation-store.ts";
import type { PinStore } from "./pin-store.ts";
import type { ResultStore } from "./result-store.ts";
import type { RunStore } from "./run-store.ts";

/** The ports of one store, and what concerns all of them. A journal entry belongs to a stored run and goes with it. */
export interface Stores {
  readonly runs: RunStore;
  readonly journal: Journal;
  readonly results: ResultStore;
  /** Belongs to no run and has its own `prune`. */
  readonly observations: ObservationStore;
  /** Belongs to no run; nothing in it grows old. */
  readonly pins: PinStore;
  /**
   * Deletes runs that ended before an instant, with their journals and results. Runs that have not ended stay whatever their age.
   * Gives other work its turn between batches.
   *
   * @param endedBeforeMs Milliseconds since the epoch.
   * @returns How many runs were deleted.
   */
  prune(endedBeforeMs: number): Promise<number>;
  /** Writes everything out and lets go of the data folder. Later calls of the ports reject with INTERNAL. Safe to call twice. */
  close(): Promise<void>;
}
