import { setImmediate as nextTurn } from "node:timers/promises";
import { Attempts } from "../attempts.ts";
import type { Stores } from "../stores.ts";
import { openDatabase } from "./open-database.ts";
import { SqliteJournal } from "./sqlite-journal.ts";
import { SqliteObservationStore } from "./sqlite-observation-store.ts";
import { SqlitePinStore } from "./sqlite-pin-store.ts";
import { SqliteResultStore } from "./sqlite-result-store.ts";
import { SqliteRunStore } from "./sqlite-run-store.ts";

/** Runs deleted at a time: other work waits for one batch at most. */
const PRUNE_BATCH = 200;
const PRUNE = `
  DELETE FROM runs WHERE id IN (
    SELECT id FROM runs WHERE ended_at_ms < :endedBeforeMs ORDER BY ended_at_ms LIMIT ${PRUNE_BATCH}
  )`;

/**
 * Stores in one SQLite database. What resolved is in the operating system's hands: it survives the death of the process;
 * the last writes may be lost when the machine loses power, the database stays whole.
 *
 * @param dataDir Folder for `runlet.db`, or `:memory:`.
 * @throws CONFIG_INVALID when the folder cannot be used, another process holds it, or a newer version wrote it.
 */
export function createSqliteStores(dataDir: string): Stores {
  const database = openDatabase(dataDir);
  const prune = database.connection.prepare(PRUNE);
  const results = new SqliteResultStore(database);
  const attemptOf = database.connection.prepare("SELECT attempt FROM runs WHERE id = :runId");
  const attempts = new Attempts((runId) => {
    const row = attemptOf.get({ runId });
    return row === undefined ? undefined : Number(row["attempt"]);
  });
  return {
    runs: new SqliteRunStore(database, attempts),
    journal: new SqliteJournal(database, attempts),
    results,
    observations: new SqliteObservationStore(database),
    pins: new SqlitePinStore(database),
    async prune(endedBeforeMs) {
      // First and in small steps: a run that takes a large result with it would hold up everybody.
      await results.prune(endedBeforeMs);
      let total = 0;
      for (;;) {
        const { changes } = database.attempt("prune runs", () => prune.run({ endedBeforeMs }));
        total += Number(changes);
        if (Number(changes) < PRUNE_BATCH) return total;
        await nextTurn();
      }
    },
    async close() {
      database.close();
    },
  };
}
