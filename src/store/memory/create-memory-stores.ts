import type { Stores } from "../stores.ts";
import { MemoryJournal } from "./memory-journal.ts";
import { MemoryRunStore } from "./memory-run-store.ts";

/** Stores in this process's memory, with the guarantees of the others but for durability. */
export function createMemoryStores(): Stores {
  const runs = new MemoryRunStore();
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
