import type { StatementSync } from "node:sqlite";
import type { Observation, ObservationKey, ObservationStore } from "../observation-store.ts";
import type { Database } from "./open-database.ts";
import { RowReader, type Row } from "./row.ts";

const LIST = "SELECT * FROM observations ORDER BY seen_at_ms DESC LIMIT :limit";
const WRITE = `
  INSERT INTO observations (principal, server, tool, digest, seen_at_ms, shape)
  VALUES (:principal, :server, :tool, :digest, :seenAtMs, :shape)
  ON CONFLICT (principal, server, tool)
  DO UPDATE SET digest = excluded.digest, seen_at_ms = excluded.seen_at_ms, shape = excluded.shape`;
const REMOVE = "DELETE FROM observations WHERE principal = :principal AND server = :server AND tool = :tool";
const PRUNE = "DELETE FROM observations WHERE seen_at_ms < :seenBeforeMs";

/** Observations in SQLite. */
export class SqliteObservationStore implements ObservationStore {
  readonly #database: Database;
  readonly #list: StatementSync;
  readonly #write: StatementSync;
  readonly #remove: StatementSync;
  readonly #prune: StatementSync;

  constructor(database: Database) {
    const { connection } = database;
    this.#database = database;
    this.#list = connection.prepare(LIST);
    this.#write = connection.prepare(WRITE);
    this.#remove = connection.prepare(REMOVE);
    this.#prune = connection.prepare(PRUNE);
  }

  async list(limit: number): Promise<readonly Observation[]> {
    return this.#database.attempt("list observations", () => this.#list.all({ limit }).map(toObservation));
  }

  async save(written: readonly Observation[], removed: readonly ObservationKey[] = []): Promise<void> {
    const { connection } = this.#database;
    this.#database.attempt("save observations", () => {
      connection.exec("BEGIN IMMEDIATE");
      try {
        for (const { principal, server, tool } of removed) this.#remove.run({ principal, server, tool });
        for (const { principal, server, tool, digest, seenAtMs, shape } of written) {
          this.#write.run({ principal, server, tool, digest, seenAtMs, shape });
        }
        connection.exec("COMMIT");
      } catch (error) {
        if (connection.isTransaction) connection.exec("ROLLBACK");
        throw error;
      }
    });
  }

  async prune(seenBeforeMs: number): Promise<number> {
    const { changes } = this.#database.attempt("prune observations", () => this.#prune.run({ seenBeforeMs }));
    return Number(changes);
  }
}

function toObservation(row: Row): Observation {
  const read = new RowReader(`the observation of tool "${row["tool"]}"`, row);
  return {
    principal: read.text("principal"),
    server: read.text("server"),
    tool: read.text("tool"),
    digest: read.text("digest"),
    shape: read.text("shape"),
    seenAtMs: read.integer("seen_at_ms"),
  };
}
