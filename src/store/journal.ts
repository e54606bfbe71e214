import type { ErrorInfo } from "../lib/errors.ts";
import type { JsonValue } from "../lib/guards.ts";

/**
 * How a journaled call is or ended. `pending`: it was sent and nothing is known yet; `awaiting`: it waits for somebody's
 * decision and was not sent; `unknown`: it was sent by an attempt that died, and nobody knows what became of it; `skipped`: a
 * dry run did not make it.
 */
export type CallOutcome = "pending" | "awaiting" | "ok" | "cached" | "error" | "denied" | "unknown" | "skipped";

/** `tool`: a call of an MCP tool; `own`: one that Runlet answers itself, or that failed before a tool was found. */
export type CallKind = "tool" | "own";

/** One call of a run, as written before it leaves. */
export interface CallStart {
  readonly runId: string;
  /** Number of the call within its run, from 1, in the order the script made them. */
  readonly seq: number;
  /** The attempt of the run that makes it. */
  readonly attempt: number;
  readonly kind: CallKind;
  /** Digest of the names and arguments as the script wrote them: the same call made again has the same. */
  readonly key: string;
  /** Empty for a call of kind `own`, whose `tool` is what the script wrote. */
  readonly server: string;
  readonly tool: string;
  /** Canonical JSON text of the arguments. */
  readonly argumentsJson: string;
  readonly startedAtMs: number;
}

/** What is added when a call settles. */
export interface CallSettlement {
  readonly outcome: Exclude<CallOutcome, "pending" | "awaiting">;
  /** What the script's clock reads when it is told. */
  readonly settledAtMs: number;
  /** Place among the calls of its run in the order in which the script is told, from 1. */
  readonly order: number;
  /** JSON text of the unwrapped answer; `undefined` unless it went well. */
  readonly resultJson: string | undefined;
  readonly error: ErrorInfo | undefined;
}

/** Later calls of a run that are approved with one that waited. */
export interface CallGrant {
  /** @default of any server */
  readonly server?: string;
  /** Glob of tools' names. */
  readonly tool: string;
  /** How many calls. @default any number */
  readonly times?: number;
  /** Members that their arguments must have, as JSON. @default any arguments */
  readonly match?: Readonly<Record<string, JsonValue>>;
}

/** What was decided of a call that waits. */
export interface CallDecision {
  readonly decision: "approve" | "deny";
  /** Id of the principal; `undefined` when the time was over, or a grant decided. */
  readonly by: string | undefined;
  readonly atMs: number;
  /** For the script, where the call was denied. */
  readonly reason: string | undefined;
  /** What was approved together with it. */
  readonly grant?: CallGrant | undefined;
  /** Number of the call whose grant approved this one. */
  readonly grantedBy?: number | undefined;
}

/** That a call waits for a decision, and which one it got. */
export interface CallApproval {
  readonly askedAtMs: number;
  /** When it counts as denied. */
  readonly expiresAtMs: number;
  readonly decided: CallDecision | undefined;
}

/** A journaled call; the settlement's members are absent until it has settled. */
export interface CallRecord extends CallStart {
  readonly outcome: CallOutcome;
  readonly settledAtMs: number | undefined;
  readonly order: number | undefined;
  readonly resultJson: string | undefined;
  readonly error: ErrorInfo | undefined;
  /** `undefined` for a call that never waited for one. */
  readonly approval: CallApproval | undefined;
}

/** Which of a run's calls to read. */
export interface JournalQuery {
  /** Only calls after the one of this number. @default 0 */
  readonly after?: number;
  /** @default all */
  readonly limit?: number;
  /** Only of this kind. @default both */
  readonly kind?: CallKind;
  /** Reading stops after the call whose texts make all larger than this, in UTF-16 units. @default none */
  readonly maxSize?: number;
}

/** A call that waits for a decision. */
export type AwaitingCall = Pick<CallRecord, "runId" | "seq">;

/**
 * Ordered record of a run's calls and their outcomes. A write that resolved outlives the process. Writes name the attempt
 * that makes them and are refused once a later one has taken the run up: RUN_SUPERSEDED.
 */
export interface Journal {
  /**
   * Writes a call down before it is sent. One of the same number that is `pending` of an earlier attempt, or `awaiting`, is made
   * again: its start is replaced and it is `pending`, with its approval kept.
   *
   * @throws RUN_SUPERSEDED; INTERNAL when the number is taken otherwise, or the run is not stored.
   */
  begin(call: CallStart): Promise<void>;
  /** Writes down how a pending call ended; the first settlement stands. @throws RUN_SUPERSEDED; INTERNAL when it is not pending. */
  settle(call: Pick<CallStart, "runId" | "seq" | "attempt">, settlement: CallSettlement): Promise<void>;
  /**
   * Writes down at once a call that was not sent, and how it ended. One that is `pending` of an earlier attempt, or
   * `awaiting`, ends so.
   *
   * @throws as `begin` does.
   */
  record(call: CallStart, settlement: CallSettlement): Promise<void>;
  /** Writes down that a call, pending of the same attempt, is not sent until somebody decides. @throws as `settle` does. */
  ask(
    call: Pick<CallStart, "runId" | "seq" | "attempt">,
    approval: Pick<CallApproval, "askedAtMs" | "expiresAtMs">,
  ): Promise<void>;
  /**
   * Writes down what was decided of a call that is `awaiting`; it stays so until the run goes on. The first decision stands.
   *
   * @returns The decision that stands; `undefined` when no such call was ever asked for.
   */
  decide(call: AwaitingCall, decision: CallDecision): Promise<CallDecision | undefined>;
  /** Undecided calls whose time to decide is over, the one that was over first first. */
  expired(nowMs: number, limit: number): Promise<readonly AwaitingCall[]>;
  /** In the order of `seq`. */
  list(runId: string, query?: JournalQuery): Promise<readonly CallRecord[]>;
  /** Forgets all calls of a run. @throws RUN_SUPERSEDED. */
  clear(runId: string, attempt: number): Promise<void>;
}
