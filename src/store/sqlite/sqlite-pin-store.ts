import type { StatementSync } from "node:sqlite";
import type { PinKey, PinRecord, PinStore } from "../pin-store.ts";
import type { Database } from "./open-database.ts";
import { RowReader, type Row } from "./row.ts";

const KINDS: ReadonlySet<PinKey["kind"]> = new Set(["approved", "listed"]);
const LIST = "SELECT * FROM pins ORDER BY server, kind";
const GET = "SELECT * FROM pins WHERE server = :server AND kind = :kind";
const WRITE = `
  INSERT INTO pins (server, kind, digest, at_ms, approved_by, listing)
  VALUES (:server, :kind, :digest, :atMs, :approvedBy, :listing)
  ON CONFLICT (server, kind)
  DO UPDATE SET digest = excluded.digest, at_ms = excluded.at_ms, approved_by = excluded.approved_by,
    listing = excluded.listing`;
const REMOVE = "DELETE FROM pins WHERE server = :server AND kind = :kind";

/** Pins in SQLite. */
export class SqlitePinStore implements PinStore {
  readonly #database: Database;
  readonly #list: StatementSync;
  readonly #get: StatementSync;
  readonly #write: StatementSync;
  readonly #remove: StatementSync;

  constructor(database: Database) {
    const { connection } = database;
    this.#database = database;
    this.#list = connection.prepare(LIST);
    this.#get = connection.prepare(GET);
    this.#write = connection.prepare(WRITE);
    this.#remove = connection.prepare(REMOVE);
  }

  async list(): Promise<readonly PinRecord[]> {
    return this.#database.attempt("list pins", () => this.#list.all().map(toPin));
  }

  async get({ server, kind }: PinKey): Promise<PinRecord | undefined> {
    return this.#database.attempt("read a pin", () => {
      const row = this.#get.get({ server, kind });
      return row === undefined ? undefined : toPin(row);
    });
  }

  async save(written: readonly PinRecord[], removed: readonly PinKey[] = []): Promise<void> {
    const { connection } = this.#database;
    this.#database.attempt("save pins", () => {
      connection.exec("BEGIN IMMEDIATE");
      try {
        for (const { server, kind } of removed) this.#remove.run({ server, kind });
        for (const { server, kind, digest, atMs, approvedBy, listing } of written) {
          this.#write.run({ server, kind, digest, atMs, approvedBy: approvedBy ?? null, listing });
        }
        connection.exec("COMMIT");
      } catch (error) {
        if (connection.isTransaction) connection.exec("ROLLBACK");
        throw error;
      }
    });
  }
}

function toPin(row: Row): PinRecord {
  const read = new RowReader(`the pin of server "${row["server"]}"`, row);
  return {
    server: read.text("server"),
    kind: read.oneOf("kind", KINDS),
    digest: read.text("digest"),
    atMs: read.integer("at_ms"),
    approvedBy: read.optionalText("approved_by"),
    listing: read.text("listing"),
  };
}
