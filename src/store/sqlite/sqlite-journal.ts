import type { StatementSync } from "node:sqlite";
import { isErrorCode, type ErrorInfo } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import type { CallOutcome, CallRecord, CallSettlement, CallStart, Journal, JournalQuery } from "../journal.ts";
import { callExists, callNotPending, callWithoutRun } from "../refusals.ts";
import { callSize, takeBySize } from "../run-size.ts";
import type { Database } from "./open-database.ts";
import { RowReader, type Row } from "./row.ts";
import { violatedConstraint } from "./sqlite-failure.ts";

const OUTCOMES: ReadonlySet<CallOutcome> = new Set<CallOutcome>(["pending", "ok", "cached", "error", "denied"]);

const BEGIN = `
  INSERT INTO calls (run_id, seq, server, tool, started_at_ms, outcome, arguments_json)
  VALUES (:runId, :seq, :server, :tool, :startedAtMs, 'pending', :argumentsJson)`;
const SETTLE = `
  UPDATE calls SET outcome = :outcome, settled_at_ms = :settledAtMs, result_json = :resultJson, error_json = :errorJson
  WHERE run_id = :runId AND seq = :seq AND outcome = 'pending'`;
/** A negative limit is none. */
const LIST = "SELECT * FROM calls WHERE run_id = :runId AND seq > :after ORDER BY seq LIMIT :limit";

/** Journal in SQLite; each write is one statement in one transaction. */
export class SqliteJournal implements Journal {
  readonly #database: Database;
  readonly #begin: StatementSync;
  readonly #settle: StatementSync;
  readonly #list: StatementSync;

  constructor(database: Database) {
    this.#database = database;
    this.#begin = database.connection.prepare(BEGIN);
    this.#settle = database.connection.prepare(SETTLE);
    this.#list = database.connection.prepare(LIST);
  }

  /** @throws INTERNAL when the number is taken or the run is not stored. */
  async begin({ runId, seq, server, tool, startedAtMs, argumentsJson }: CallStart): Promise<void> {
    this.#database.attempt("journal a call", () => {
      try {
        this.#begin.run({ runId, seq, server, tool, startedAtMs, argumentsJson });
      } catch (error) {
        const constraint = violatedConstraint(error);
        if (constraint === "duplicate") throw callExists(runId, seq);
        if (constraint === "orphan") throw callWithoutRun(runId);
        throw error;
      }
    });
  }

  /** The first settlement stands. @throws INTERNAL when the call is not pending. */
  async settle(runId: string, seq: number, settlement: CallSettlement): Promise<void> {
    const { changes } = this.#database.attempt("settle a call", () =>
      this.#settle.run({
        runId,
        seq,
        outcome: settlement.outcome,
        settledAtMs: settlement.settledAtMs,
        resultJson: settlement.resultJson ?? null,
        errorJson: settlement.error === undefined ? null : JSON.stringify(settlement.error),
      }),
    );
    if (Number(changes) === 0) throw callNotPending(runId, seq);
  }

  async list(runId: string, { after = 0, limit = -1, maxSize }: JournalQuery = {}): Promise<readonly CallRecord[]> {
    return this.#database.attempt("read a journal", () =>
      takeBySize(toCalls(this.#list.iterate({ runId, after, limit })), callSize, maxSize),
    );
  }
}

/** Read one by one: not all that are asked for may be wanted. */
function* toCalls(rows: Iterable<Row>): Generator<CallRecord> {
  for (const row of rows) yield toCall(row);
}

function toCall(row: Row): CallRecord {
  const read = new RowReader(`call ${row["seq"]} of run "${row["run_id"]}"`, row);
  return {
    runId: read.text("run_id"),
    seq: read.integer("seq"),
    server: read.text("server"),
    tool: read.text("tool"),
    argumentsJson: read.text("arguments_json"),
    startedAtMs: read.integer("started_at_ms"),
    outcome: read.oneOf("outcome", OUTCOMES),
    settledAtMs: read.optionalInteger("settled_at_ms"),
    resultJson: read.optionalText("result_json"),
    error: toError(read),
  };
}

function toError(read: RowReader): ErrorInfo | undefined {
  const value = read.json("error_json");
  if (value === undefined) return undefined;
  if (!isErrorInfo(value)) throw read.damaged("error_json", "an error with code and message");
  return value;
}

function isErrorInfo(value: unknown): value is ErrorInfo {
  return isRecord(value) && isErrorCode(value["code"]) && typeof value["message"] === "string";
}
