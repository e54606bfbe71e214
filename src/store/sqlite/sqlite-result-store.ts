import type { StatementSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { resultGone, resultWithoutRun } from "../refusals.ts";
import { RESULT_PART_BYTES } from "../result-store.ts";
import type { ResultStore, StoredResult } from "../result-store.ts";
import type { Database } from "./open-database.ts";
import { RowReader } from "./row.ts";
import { violatedConstraint } from "./sqlite-failure.ts";

const PUT_PART = "INSERT INTO result_parts (run_id, part, content) VALUES (:runId, :part, :content)";
/** Written last: a result without it is not there. */
const PUT = "INSERT INTO results (run_id, bytes) VALUES (:runId, :bytes)";
const GET = "SELECT bytes FROM results WHERE run_id = :runId";
const GET_PART = "SELECT content FROM result_parts WHERE run_id = :runId AND part = :part";
const DELETE = "DELETE FROM results WHERE run_id = :runId";
/** The last parts first, so that what is left is never taken for a whole. */
const DELETE_PART = `
  DELETE FROM result_parts WHERE run_id = :runId AND part = (SELECT max(part) FROM result_parts WHERE run_id = :runId)`;
const ENDED_BEFORE = `
  SELECT DISTINCT runs.id FROM runs JOIN result_parts ON run_id = runs.id WHERE ended_at_ms < :endedBeforeMs`;

/** Results in SQLite, in parts: one part is one statement, and other work has its turn between two. */
export class SqliteResultStore implements ResultStore {
  readonly #database: Database;
  readonly #putPart: StatementSync;
  readonly #put: StatementSync;
  readonly #get: StatementSync;
  readonly #getPart: StatementSync;
  readonly #delete: StatementSync;
  readonly #deletePart: StatementSync;
  readonly #endedBefore: StatementSync;

  constructor(database: Database) {
    const { connection } = database;
    this.#database = database;
    this.#putPart = connection.prepare(PUT_PART);
    this.#put = connection.prepare(PUT);
    this.#get = connection.prepare(GET);
    this.#getPart = connection.prepare(GET_PART);
    this.#delete = connection.prepare(DELETE);
    this.#deletePart = connection.prepare(DELETE_PART);
    this.#endedBefore = connection.prepare(ENDED_BEFORE);
  }

  async put(runId: string, json: Uint8Array): Promise<void> {
    await this.delete(runId);
    try {
      for (let part = 0; part * RESULT_PART_BYTES < json.byteLength; part++) {
        const content = json.subarray(part * RESULT_PART_BYTES, (part + 1) * RESULT_PART_BYTES);
        this.#write(runId, () => this.#putPart.run({ runId, part, content }));
        await nextTurn();
      }
      this.#write(runId, () => this.#put.run({ runId, bytes: json.byteLength }));
    } catch (error) {
      await this.delete(runId);
      throw error;
    }
  }

  async get(runId: string): Promise<StoredResult | undefined> {
    const row = this.#database.attempt("read a result", () => this.#get.get({ runId }));
    if (row === undefined) return undefined;
    const bytes = new RowReader(`the result of run "${runId}"`, row).integer("bytes");
    return { bytes, parts: () => this.#parts(runId, bytes) };
  }

  async delete(runId: string): Promise<void> {
    this.#database.attempt("delete a result", () => this.#delete.run({ runId }));
    while (this.#database.attempt("delete a result", () => this.#deletePart.run({ runId })).changes !== 0)
      await nextTurn();
  }

  /** Deletes the results of runs that ended before an instant, part by part. */
  async prune(endedBeforeMs: number): Promise<void> {
    const rows = this.#database.attempt("prune results", () => this.#endedBefore.all({ endedBeforeMs }));
    for (const row of rows) await this.delete(new RowReader("a result to prune", row).text("id"));
  }

  #write(runId: string, work: () => unknown): void {
    this.#database.attempt("keep a result", () => {
      try {
        work();
      } catch (error) {
        throw violatedConstraint(error) === "orphan" ? resultWithoutRun(runId) : error;
      }
    });
  }

  async *#parts(runId: string, bytes: number): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    for (let part = 0; part * RESULT_PART_BYTES < bytes; part++) {
      const row = this.#database.attempt("read a result", () => this.#getPart.get({ runId, part }));
      if (row === undefined) throw resultGone(runId);
      yield new RowReader(`part ${part} of the result of run "${runId}"`, row).bytes("content");
    }
  }
}
