import type { JsonValue } from "../lib/guards.ts";

/** Where a run is in its life; `waiting` is reserved for approvals. */
export type RunStatus = "queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled";

/** A run as it is kept. Texts that the store need not understand are JSON. */
export interface RunRecord {
  readonly id: string;
  /** Id of the principal that owns it. */
  readonly principal: string;
  readonly status: RunStatus;
  readonly source: "script" | "task";
  readonly createdAtMs: number;
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  /** The validated request as JSON text. */
  readonly requestJson: string;
  /** Everything known after the end (result, error, logs, usage …) as JSON text; `undefined` before. */
  readonly outcomeJson: string | undefined;
  readonly metadata: JsonValue | undefined;
}

/** Which runs to list. */
export interface RunQuery {
  /** Only this principal's. */
  readonly principal: string | undefined;
  readonly status: RunStatus | undefined;
  readonly limit: number;
  /** Only runs older than the one with this id. */
  readonly before: string | undefined;
  /** Reading stops after the run whose texts make all larger than this, in UTF-16 units. @default none */
  readonly maxSize?: number;
}

/** What changes when a run moves on. */
export type RunChange = Partial<Pick<RunRecord, "status" | "startedAtMs" | "endedAtMs" | "outcomeJson">>;

/** Keeps runs. A write that resolved is durable against the death of the process. */
export interface RunStore {
  /** @throws INTERNAL when the id exists. */
  insert(run: RunRecord): Promise<void>;
  /**
   * Changes a run if its status is one of `from`: the one place where two changes race.
   * @returns Whether it was changed.
   */
  update(id: string, from: readonly RunStatus[], change: RunChange): Promise<boolean>;
  get(id: string): Promise<RunRecord | undefined>;
  /** Newest first. */
  list(query: RunQuery): Promise<readonly RunRecord[]>;
  /** Runs that a dead process left queued or running, oldest first. */
  unfinished(): Promise<readonly RunRecord[]>;
  /** Safe to call twice. */
  close(): Promise<void>;
}
