import { Attempts } from "../attempts.ts";
import type { Stores } from "../stores.ts";
import { MemoryJournal } from "./memory-journal.ts";
import { MemoryObservationStore } from "./memory-observation-store.ts";
import { MemoryPinStore } from "./memory-pin-store.ts";
import { MemoryResultStore } from "./memory-result-store.ts";
import { MemoryRunStore } from "./memory-run-store.ts";

/** What a store in memory may hold. */
export interface MemoryStoreOptions {
  /** Ended runs that are kept, with their journals; the one that ended first goes first. @default 1000 */
  readonly endedRuns?: number;
  /** Whole results that are kept, in bytes together; the one kept first goes first. @default 256 MiB */
  readonly resultBytes?: number;
}

const ENDED_RUNS = 1_000;
const RESULT_BYTES = 256 * 1024 * 1024;

/**
 * Stores in this process's memory, with the guarantees of the others but for durability; only the latest ended runs are
 * kept, so that a process that lives long does not grow.
 */
export function createMemoryStores({
  endedRuns = ENDED_RUNS,
  resultBytes = RESULT_BYTES,
}: MemoryStoreOptions = {}): Stores {
  const forget = (runId: string): void => {
    journal.delete(runId);
    results.forget(runId);
  };
  const runs = new MemoryRunStore({ endedRuns, onDropped: forget });
  const results = new MemoryResultStore({ maxBytes: resultBytes, isStored: (runId) => runs.has(runId) });
  const journal = new MemoryJournal(new Attempts((runId) => runs.attemptOf(runId)));
  const observations = new MemoryObservationStore();
  const pins = new MemoryPinStore();
  return {
    runs,
    journal,
    results,
    observations,
    pins,
    async prune(endedBeforeMs) {
      const deleted = runs.deleteEndedBefore(endedBeforeMs);
      for (const runId of deleted) forget(runId);
      return deleted.length;
    },
    async close() {
      await runs.close();
      journal.close();
      results.close();
      observations.close();
      pins.close();
    },
  };
}
