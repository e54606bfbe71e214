import type { StatementSync } from "node:sqlite";
import type { JsonValue } from "../../lib/guards.ts";
import { runExists } from "../refusals.ts";
import { runSize, takeBySize } from "../run-size.ts";
import type {
  ClaimedRun,
  IdempotencyClaim,
  RunChange,
  RunQuery,
  RunRecord,
  RunStatus,
  RunStore,
  RunTaken,
} from "../run-store.ts";
import type { Attempts } from "../attempts.ts";
import type { Database } from "./open-database.ts";
import { RowReader, type Row } from "./row.ts";
import { violatedConstraint } from "./sqlite-failure.ts";

const STATUSES: ReadonlySet<RunStatus> = new Set<RunStatus>([
  "queued",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "cancelled",
]);
const SOURCES: ReadonlySet<RunRecord["source"]> = new Set<RunRecord["source"]>(["script", "task"]);

const INSERT = `
  INSERT INTO runs (id, principal, status, source, created_at_ms, started_at_ms, ended_at_ms, metadata_json, request_json, outcome_json, attempt, state_json)
  VALUES (:id, :principal, :status, :source, :createdAtMs, :startedAtMs, :endedAtMs, :metadataJson, :requestJson, :outcomeJson, :attempt, :stateJson)`;

const CLAIMED = "SELECT run_id, digest FROM claims WHERE principal = :principal AND key = :key";
const CLAIM = "INSERT INTO claims (principal, key, digest, run_id) VALUES (:principal, :key, :digest, :runId)";

const UNCLAIM = "DELETE FROM claims WHERE principal = :principal AND key = :key";

const TAKE = `
  UPDATE runs SET
    status        = 'running',
    attempt       = attempt + 1,
    started_at_ms = coalesce(started_at_ms, :startedAtMs)
  WHERE id = :id AND status IN (SELECT value FROM json_each(:from))
  RETURNING attempt, started_at_ms`;

/** A member that the change does not name keeps its value; one it names as `undefined` becomes NULL. */
const UPDATE = `
  UPDATE runs SET
    status        = coalesce(:status, status),
    started_at_ms = iif(:setStartedAtMs, :startedAtMs, started_at_ms),
    ended_at_ms   = iif(:setEndedAtMs, :endedAtMs, ended_at_ms),
    outcome_json  = iif(:setOutcomeJson, :outcomeJson, outcome_json),
    state_json    = iif(:setStateJson, :stateJson, state_json)
  WHERE id = :id AND status IN (SELECT value FROM json_each(:from)) AND (:attempt IS NULL OR attempt = :attempt)`;

const GET = "SELECT * FROM runs WHERE id = :id";
const UNFINISHED = "SELECT * FROM runs WHERE status IN ('queued', 'running') ORDER BY id";

/** An empty blob is greater than every text: without a cursor the list starts at the newest. */
const LIST = {
  all: "SELECT * FROM runs WHERE id < coalesce(:before, x'') ORDER BY id DESC LIMIT :limit",
  principal:
    "SELECT * FROM runs WHERE principal = :principal AND id < coalesce(:before, x'') ORDER BY id DESC LIMIT :limit",
  status: "SELECT * FROM runs WHERE status = :status AND id < coalesce(:before, x'') ORDER BY id DESC LIMIT :limit",
  both: "SELECT * FROM runs WHERE principal = :principal AND status = :status AND id < coalesce(:before, x'') ORDER BY id DESC LIMIT :limit",
} as const;

/** Runs in SQLite. Each method is one statement or one transaction, so it happens as a whole or not at all. */
export class SqliteRunStore implements RunStore {
  readonly #database: Database;
  readonly #attempts: Attempts;
  readonly #insert: StatementSync;
  readonly #claimed: StatementSync;
  readonly #claim: StatementSync;
  readonly #unclaim: StatementSync;
  readonly #take: StatementSync;
  readonly #update: StatementSync;
  readonly #get: StatementSync;
  readonly #unfinished: StatementSync;
  readonly #list: Readonly<Record<keyof typeof LIST, StatementSync>>;

  /** @param database Closed with this store. @param attempts Told of each run that is taken up or performed no more. */
  constructor(database: Database, attempts: Attempts) {
    const { connection } = database;
    this.#database = database;
    this.#attempts = attempts;
    this.#insert = connection.prepare(INSERT);
    this.#claimed = connection.prepare(CLAIMED);
    this.#claim = connection.prepare(CLAIM);
    this.#unclaim = connection.prepare(UNCLAIM);
    this.#take = connection.prepare(TAKE);
    this.#update = connection.prepare(UPDATE);
    this.#get = connection.prepare(GET);
    this.#unfinished = connection.prepare(UNFINISHED);
    this.#list = {
      all: connection.prepare(LIST.all),
      principal: connection.prepare(LIST.principal),
      status: connection.prepare(LIST.status),
      both: connection.prepare(LIST.both),
    };
  }

  async insert(run: RunRecord, claim?: IdempotencyClaim): Promise<ClaimedRun | undefined> {
    return this.#database.attempt("insert a run", () => {
      if (claim === undefined) {
        this.#insertOne(run);
        return undefined;
      }
      const { principal } = run;
      const { key, digest } = claim;
      // One connection, and nothing waits in between: no other write can come in.
      const claimed = this.#findClaim(principal, key);
      if (claimed !== undefined) return claimed;
      this.#database.transaction(() => {
        this.#insertOne(run);
        this.#claim.run({ principal, key, digest, runId: run.id });
      });
      return undefined;
    });
  }

  #insertOne(run: RunRecord): void {
    try {
      this.#insert.run({
        id: run.id,
        principal: run.principal,
        status: run.status,
        source: run.source,
        createdAtMs: run.createdAtMs,
        startedAtMs: run.startedAtMs ?? null,
        endedAtMs: run.endedAtMs ?? null,
        metadataJson: run.metadata === undefined ? null : JSON.stringify(run.metadata),
        requestJson: run.requestJson,
        outcomeJson: run.outcomeJson ?? null,
        attempt: run.attempt,
        stateJson: run.stateJson ?? null,
      });
    } catch (error) {
      throw violatedConstraint(error) === "duplicate" ? runExists(run.id) : error;
    }
  }

  async claimed(principal: string, key: string): Promise<ClaimedRun | undefined> {
    return this.#database.attempt("look an idempotency key up", () => this.#findClaim(principal, key));
  }

  #findClaim(principal: string, key: string): ClaimedRun | undefined {
    const row = this.#claimed.get({ principal, key });
    if (row === undefined) return undefined;
    const read = new RowReader("idempotency key", row);
    return { runId: read.text("run_id"), digest: read.text("digest") };
  }

  async unclaim(principal: string, key: string): Promise<void> {
    this.#database.attempt("free an idempotency key", () => this.#unclaim.run({ principal, key }));
  }

  async take(id: string, from: readonly RunStatus[], startedAtMs: number): Promise<RunTaken | undefined> {
    return this.#database.attempt("take a run up", () => {
      const row = this.#take.get({ id, from: JSON.stringify(from), startedAtMs });
      if (row === undefined) return undefined;
      const read = new RowReader(`run "${id}"`, row);
      const attempt = read.integer("attempt");
      this.#attempts.set(id, attempt);
      return { attempt, startedAtMs: read.integer("started_at_ms") };
    });
  }

  async update(id: string, from: readonly RunStatus[], change: RunChange, attempt?: number): Promise<boolean> {
    const { changes } = this.#database.attempt("update a run", () =>
      this.#update.run({
        id,
        from: JSON.stringify(from),
        attempt: attempt ?? null,
        status: change.status ?? null,
        setStartedAtMs: Object.hasOwn(change, "startedAtMs") ? 1 : 0,
        startedAtMs: change.startedAtMs ?? null,
        setEndedAtMs: Object.hasOwn(change, "endedAtMs") ? 1 : 0,
        endedAtMs: change.endedAtMs ?? null,
        setOutcomeJson: Object.hasOwn(change, "outcomeJson") ? 1 : 0,
        outcomeJson: change.outcomeJson ?? null,
        setStateJson: Object.hasOwn(change, "stateJson") ? 1 : 0,
        stateJson: change.stateJson ?? null,
      }),
    );
    if (Number(changes) === 0) return false;
    if (change.status !== undefined && change.status !== "running") this.#attempts.forget(id);
    return true;
  }

  async get(id: string): Promise<RunRecord | undefined> {
    const row = this.#database.attempt("read a run", () => this.#get.get({ id }));
    return row === undefined ? undefined : toRun(row);
  }

  async list(query: RunQuery): Promise<readonly RunRecord[]> {
    return this.#database.attempt("list runs", () => takeBySize(this.#select(query), runSize, query.maxSize));
  }

  async unfinished(): Promise<readonly RunRecord[]> {
    const rows = this.#database.attempt("list unfinished runs", () => this.#unfinished.all());
    return rows.map(toRun);
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  *#select(query: RunQuery): Generator<RunRecord> {
    for (const row of this.#rows(query)) yield toRun(row);
  }

  /** Read one by one: not all that are asked for may be wanted. */
  #rows({ principal, status, limit, before }: RunQuery): Iterable<Row> {
    const page = { limit, before: before ?? null };
    if (principal !== undefined && status !== undefined) return this.#list.both.iterate({ ...page, principal, status });
    if (principal !== undefined) return this.#list.principal.iterate({ ...page, principal });
    if (status !== undefined) return this.#list.status.iterate({ ...page, status });
    return this.#list.all.iterate(page);
  }
}

function toRun(row: Row): RunRecord {
  const read = new RowReader(`run "${row["id"]}"`, row);
  return {
    id: read.text("id"),
    principal: read.text("principal"),
    status: read.oneOf("status", STATUSES),
    source: read.oneOf("source", SOURCES),
    createdAtMs: read.integer("created_at_ms"),
    startedAtMs: read.optionalInteger("started_at_ms"),
    endedAtMs: read.optionalInteger("ended_at_ms"),
    requestJson: read.text("request_json"),
    outcomeJson: read.optionalText("outcome_json"),
    attempt: read.integer("attempt"),
    stateJson: read.optionalText("state_json"),
    metadata: read.json("metadata_json") as JsonValue | undefined,
  };
}
