import type { StatementSync } from "node:sqlite";
import { isErrorCode, type ErrorInfo } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import type { Attempts } from "../attempts.ts";
import type {
  AwaitingCall,
  CallApproval,
  CallDecision,
  CallKind,
  CallOutcome,
  CallRecord,
  CallSettlement,
  CallStart,
  Journal,
  JournalQuery,
} from "../journal.ts";
import { callExists, callNotPending } from "../refusals.ts";
import { callSize, takeBySize } from "../run-size.ts";
import type { Database } from "./open-database.ts";
import { RowReader, type Row } from "./row.ts";

const OUTCOMES: ReadonlySet<CallOutcome> = new Set<CallOutcome>([
  "pending",
  "awaiting",
  "ok",
  "cached",
  "error",
  "denied",
  "unknown",
  "skipped",
]);
const KINDS: ReadonlySet<CallKind> = new Set<CallKind>(["tool", "own"]);

/** What may be made again: a call that an earlier attempt left, and one that waits for a decision. */
const WRITE = `
  INSERT INTO calls (run_id, seq, attempt, kind, key, server, tool, started_at_ms, arguments_json, outcome, settled_at_ms, settled_order, result_json, error_json)
  VALUES (:runId, :seq, :attempt, :kind, :key, :server, :tool, :startedAtMs, :argumentsJson, :outcome, :settledAtMs, :order, :resultJson, :errorJson)
  ON CONFLICT (run_id, seq) DO UPDATE SET
    attempt = excluded.attempt, kind = excluded.kind, key = excluded.key, server = excluded.server, tool = excluded.tool,
    started_at_ms = excluded.started_at_ms, arguments_json = excluded.arguments_json, outcome = excluded.outcome,
    settled_at_ms = excluded.settled_at_ms, settled_order = excluded.settled_order,
    result_json = excluded.result_json, error_json = excluded.error_json
  WHERE calls.outcome = 'awaiting' OR (calls.outcome = 'pending' AND calls.attempt < excluded.attempt)`;
const SETTLE = `
  UPDATE calls SET outcome = :outcome, settled_at_ms = :settledAtMs, settled_order = :order, result_json = :resultJson, error_json = :errorJson
  WHERE run_id = :runId AND seq = :seq AND outcome = 'pending' AND attempt = :attempt`;
const ASK = `
  UPDATE calls SET outcome = 'awaiting', asked_at_ms = :askedAtMs, expires_at_ms = :expiresAtMs, decision_json = NULL
  WHERE run_id = :runId AND seq = :seq AND outcome = 'pending' AND attempt = :attempt`;
const DECIDE = `
  UPDATE calls SET decision_json = :decisionJson
  WHERE run_id = :runId AND seq = :seq AND outcome = 'awaiting' AND decision_json IS NULL`;
const DECIDED = "SELECT run_id, seq, decision_json FROM calls WHERE run_id = :runId AND seq = :seq";
const EXPIRED = `
  SELECT run_id, seq FROM calls
  WHERE outcome = 'awaiting' AND decision_json IS NULL AND expires_at_ms <= :nowMs ORDER BY expires_at_ms LIMIT :limit`;
/** A negative limit is none. */
const LIST = "SELECT * FROM calls WHERE run_id = :runId AND seq > :after ORDER BY seq LIMIT :limit";
const LIST_KIND =
  "SELECT * FROM calls WHERE run_id = :runId AND seq > :after AND kind = :kind ORDER BY seq LIMIT :limit";
const CLEAR = "DELETE FROM calls WHERE run_id = :runId";

const UNSETTLED = { outcome: "pending", settledAtMs: null, order: null, resultJson: null, errorJson: null } as const;

/** Journal in SQLite; each write is one statement in one transaction. */
export class SqliteJournal implements Journal {
  readonly #database: Database;
  readonly #attempts: Attempts;
  readonly #write: StatementSync;
  readonly #settle: StatementSync;
  readonly #ask: StatementSync;
  readonly #decide: StatementSync;
  readonly #decided: StatementSync;
  readonly #expired: StatementSync;
  readonly #list: StatementSync;
  readonly #listKind: StatementSync;
  readonly #clear: StatementSync;

  /** @param attempts Knows which attempt of a run is the latest. */
  constructor(database: Database, attempts: Attempts) {
    const { connection } = database;
    this.#database = database;
    this.#attempts = attempts;
    this.#write = connection.prepare(WRITE);
    this.#settle = connection.prepare(SETTLE);
    this.#ask = connection.prepare(ASK);
    this.#decide = connection.prepare(DECIDE);
    this.#decided = connection.prepare(DECIDED);
    this.#expired = connection.prepare(EXPIRED);
    this.#list = connection.prepare(LIST);
    this.#listKind = connection.prepare(LIST_KIND);
    this.#clear = connection.prepare(CLEAR);
  }

  async begin(call: CallStart): Promise<void> {
    this.#writeCall(call, UNSETTLED);
  }

  async record(call: CallStart, settlement: CallSettlement): Promise<void> {
    this.#writeCall(call, toColumns(settlement));
  }

  async settle(call: Pick<CallStart, "runId" | "seq" | "attempt">, settlement: CallSettlement): Promise<void> {
    this.#change("settle a call", this.#settle, call, toColumns(settlement));
  }

  async ask(
    call: Pick<CallStart, "runId" | "seq" | "attempt">,
    { askedAtMs, expiresAtMs }: Pick<CallApproval, "askedAtMs" | "expiresAtMs">,
  ): Promise<void> {
    this.#change("ask for a call", this.#ask, call, { askedAtMs, expiresAtMs });
  }

  async decide({ runId, seq }: AwaitingCall, decision: CallDecision): Promise<CallDecision | undefined> {
    return this.#database.attempt("decide on a call", () => {
      this.#decide.run({ runId, seq, decisionJson: JSON.stringify(decision) });
      const row = this.#decided.get({ runId, seq });
      return row === undefined ? undefined : toDecision(readerOf(row));
    });
  }

  async expired(nowMs: number, limit: number): Promise<readonly AwaitingCall[]> {
    const rows = this.#database.attempt("list calls that wait too long", () => this.#expired.all({ nowMs, limit }));
    return rows.map((row) => {
      const read = readerOf(row);
      return { runId: read.text("run_id"), seq: read.integer("seq") };
    });
  }

  async list(
    runId: string,
    { after = 0, limit = -1, kind, maxSize }: JournalQuery = {},
  ): Promise<readonly CallRecord[]> {
    return this.#database.attempt("read a journal", () => {
      const page = { runId, after, limit };
      const rows = kind === undefined ? this.#list.iterate(page) : this.#listKind.iterate({ ...page, kind });
      return takeBySize(toCalls(rows), callSize, maxSize);
    });
  }

  async clear(runId: string, attempt: number): Promise<void> {
    this.#database.attempt("clear a journal", () => {
      this.#attempts.require(runId, attempt);
      this.#clear.run({ runId });
    });
  }

  #writeCall(call: CallStart, settled: ReturnType<typeof toColumns> | typeof UNSETTLED): void {
    const { runId, seq, attempt, kind, key, server, tool, startedAtMs, argumentsJson } = call;
    const { changes } = this.#database.attempt("journal a call", () => {
      this.#attempts.require(runId, attempt);
      const start = { runId, seq, attempt, kind, key, server, tool, startedAtMs, argumentsJson };
      return this.#write.run({ ...start, ...settled });
    });
    if (Number(changes) === 0) throw callExists(runId, seq);
  }

  #change(
    action: string,
    statement: StatementSync,
    { runId, seq, attempt }: Pick<CallStart, "runId" | "seq" | "attempt">,
    values: Readonly<Record<string, string | number | null>>,
  ): void {
    const { changes } = this.#database.attempt(action, () => {
      this.#attempts.require(runId, attempt);
      return statement.run({ runId, seq, attempt, ...values });
    });
    if (Number(changes) === 0) throw callNotPending(runId, seq);
  }
}

function toColumns({ outcome, settledAtMs, order, resultJson, error }: CallSettlement) {
  const errorJson = error === undefined ? null : JSON.stringify(error);
  return { outcome, settledAtMs, order, resultJson: resultJson ?? null, errorJson };
}

function readerOf(row: Row): RowReader {
  return new RowReader(`call ${row["seq"]} of run "${row["run_id"]}"`, row);
}

/** Read one by one: not all that are asked for may be wanted. */
function* toCalls(rows: Iterable<Row>): Generator<CallRecord> {
  for (const row of rows) yield toCall(row);
}

function toCall(row: Row): CallRecord {
  const read = readerOf(row);
  return {
    runId: read.text("run_id"),
    seq: read.integer("seq"),
    attempt: read.integer("attempt"),
    kind: read.oneOf("kind", KINDS),
    key: read.text("key"),
    server: read.text("server"),
    tool: read.text("tool"),
    argumentsJson: read.text("arguments_json"),
    startedAtMs: read.integer("started_at_ms"),
    outcome: read.oneOf("outcome", OUTCOMES),
    settledAtMs: read.optionalInteger("settled_at_ms"),
    order: read.optionalInteger("settled_order"),
    resultJson: read.optionalText("result_json"),
    error: toError(read),
    approval: toApproval(read),
  };
}

function toApproval(read: RowReader): CallApproval | undefined {
  const askedAtMs = read.optionalInteger("asked_at_ms");
  if (askedAtMs === undefined) return undefined;
  return { askedAtMs, expiresAtMs: read.integer("expires_at_ms"), decided: toDecision(read) };
}

function toDecision(read: RowReader): CallDecision | undefined {
  const value = read.json("decision_json");
  if (value === undefined) return undefined;
  const isDecision = isRecord(value) && (value["decision"] === "approve" || value["decision"] === "deny");
  if (!isDecision) throw read.damaged("decision_json", "a decision");
  const { decision, by, atMs, reason, grant, grantedBy } = value as unknown as CallDecision;
  return { decision, by, atMs, reason, ...(grant && { grant }), ...(grantedBy !== undefined && { grantedBy }) };
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
