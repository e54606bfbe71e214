import type { ErrorInfo } from "../lib/errors.ts";

/** How a journaled call ended; `pending`: it was sent and nothing is known yet. */
export type CallOutcome = "pending" | "ok" | "cached" | "error" | "denied";

/** One call of a run, as written before it leaves. */
export interface CallStart {
  readonly runId: string;
  /** Number of the call within its run, from 1, in the order the script made them. */
  readonly seq: number;
  readonly server: string;
  readonly tool: string;
  /** Canonical JSON text of the arguments. */
  readonly argumentsJson: string;
  readonly startedAtMs: number;
}

/** What is added when a call settles. */
export interface CallSettlement {
  readonly outcome: Exclude<CallOutcome, "pending">;
  readonly settledAtMs: number;
  /** JSON text of the unwrapped answer; `undefined` unless it went well. */
  readonly resultJson: string | undefined;
  readonly error: ErrorInfo | undefined;
}

/** A journaled call; the settlement's members are absent while it is pending. */
export interface CallRecord extends CallStart {
  readonly outcome: CallOutcome;
  readonly settledAtMs: number | undefined;
  readonly resultJson: string | undefined;
  readonly error: ErrorInfo | undefined;
}

/** Which of a run's calls to read. */
export interface JournalQuery {
  /** Only calls after the one of this number. @default 0 */
  readonly after?: number;
  /** @default all */
  readonly limit?: number;
  /** Reading stops after the call whose texts make all larger than this, in UTF-16 units. @default none */
  readonly maxSize?: number;
}

/** Ordered record of a run's calls and their outcomes. A write that resolved outlives the process. */
export interface Journal {
  begin(call: CallStart): Promise<void>;
  settle(runId: string, seq: number, settlement: CallSettlement): Promise<void>;
  /** In the order of `seq`. */
  list(runId: string, query?: JournalQuery): Promise<readonly CallRecord[]>;
}
