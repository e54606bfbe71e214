import type { JsonValue } from "../lib/guards.ts";

/**
 * Where a run is in its life; in `waiting` a call of it waits for approval, and no isolate is held:
 *
 *     queued ──► running ──► succeeded | failed | cancelled
 *       ▲          │  ▲ (the next attempt, after its process or executor died)
 *       │          ▼  │
 *       └────── waiting        queued, waiting ──► cancelled
 */
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
  /** How often it was taken up to be performed: 0 while it never was. Each attempt fences off those before it. */
  readonly attempt: number;
  /** What one attempt leaves to the next (scripts a model wrote, what was used, grants) as JSON text. */
  readonly stateJson: string | undefined;
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
export type RunChange = Partial<Pick<RunRecord, "status" | "startedAtMs" | "endedAtMs" | "outcomeJson" | "stateJson">>;

/** The key under which a caller submits a run once. */
export interface IdempotencyClaim {
  /** Chosen by the caller; counts together with the principal of the run. */
  readonly key: string;
  /** Of the request, to tell another one under the same key. */
  readonly digest: string;
}

/** The run that had a key first. */
export interface ClaimedRun {
  readonly runId: string;
  readonly digest: string;
}

/** A run that was taken up. */
export interface RunTaken {
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** When the first attempt began: the instant that was given, if this is it. */
  readonly startedAtMs: number;
}

/** Keeps runs. A write that resolved is durable against the death of the process. */
export interface RunStore {
  /**
   * Keeps a run that was not there before; with a claim only if nobody holds its key, in one step. The key is held as long
   * as the run is kept.
   *
   * @returns The run that holds the key, and then nothing was kept; `undefined` when the run was kept.
   * @throws INTERNAL when the id exists.
   */
  insert(run: RunRecord, claim?: IdempotencyClaim): Promise<ClaimedRun | undefined>;
  /** The run that holds a key; `undefined` when none does. */
  claimed(principal: string, key: string): Promise<ClaimedRun | undefined>;
  /** Frees the key of a run that was refused after all; one that is not held is no fault. */
  unclaim(principal: string, key: string): Promise<void>;
  /**
   * Takes a run up to perform it, if its status is one of `from`: it is `running` then, and its number of attempts one more.
   * Attempts before this one can neither change the run nor journal calls any more.
   *
   * @returns `undefined` when it was not taken.
   */
  take(id: string, from: readonly RunStatus[], startedAtMs: number): Promise<RunTaken | undefined>;
  /**
   * Changes a run if its status is one of `from`: the one place where two changes race.
   *
   * @param attempt Only if this is the latest attempt. @default whichever it is
   * @returns Whether it was changed.
   */
  update(id: string, from: readonly RunStatus[], change: RunChange, attempt?: number): Promise<boolean>;
  get(id: string): Promise<RunRecord | undefined>;
  /** Newest first. */
  list(query: RunQuery): Promise<readonly RunRecord[]>;
  /** Runs that are queued or running, oldest first; those of a dead process among them. */
  unfinished(): Promise<readonly RunRecord[]>;
  /** Safe to call twice. */
  close(): Promise<void>;
}
