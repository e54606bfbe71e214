import type { Stores } from "../stores.ts";
import { MemoryJournal } from "./memory-journal.ts";
import { MemoryRunStore } from "./memory-run-store.ts";

/** What a store in memory may hold. */
export interface MemoryStoreOptions {
  /** Ended runs that are kept, with their journals; the one that ended first goes first. @default 1000 */
  readonly endedRuns?: number;
}

const ENDED_RUNS = 1_000;

/**
 * Stores in this process's memory, with the guarantees of the others but for durability; only the latest ended runs are
 * kept, so that a process that lives long does not grow.
 */
export function createMemoryStores({ endedRuns = ENDED_RUNS }: MemoryStoreOptions = {}): Stores {
  const runs = new MemoryRunStore({ endedRuns, onDropped: (runId) => journal.delete(runId) });
  const journal = new MemoryJournal((runId) => runs.has(runId));
  return {
    runs,
    journal,
    async prune(endedBeforeMs) {
      const deleted = runs.deleteEndedBefore(endedBeforeMs);
      for (const runId of deleted) journal.delete(runId);
      return deleted.length;
    },
    async close() {
      await runs.close();
      journal.close();
    },
  };
}
