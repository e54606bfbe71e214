import type { CallSummary } from "../bridge/call-summary.ts";
import type { LogLine } from "../bridge/run-log.ts";
import type { RunLimits } from "../config/limits.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import type { JsonValue } from "../lib/guards.ts";
import type { CallGrant } from "../store/journal.ts";
import type { RunStatus } from "../store/run-store.ts";
import type { ClockSetting, SeededClock } from "./run-clock.ts";

/** A validated request for a run: exactly one of `script` and `task`. */
export interface RunRequest {
  readonly script?: string;
  readonly task?: string;
  /** `input` in the script; never spliced into code. */
  readonly input?: JsonValue;
  /** Globs of servers; narrow what the run may see. */
  readonly servers?: readonly string[];
  /** Globs of tools by server; narrow what the run may see. */
  readonly tools?: Readonly<Record<string, readonly string[]>>;
  readonly limits?: Partial<RunLimits>;
  /** JSON Schema that the result must satisfy; a script without a result is checked as if it had returned `null`. */
  readonly outputSchema?: JsonValue;
  /**
   * What is looked for before anything runs. `names`: unknown tools and impossible literal arguments; `types`: also what the
   * types of the script and its tools show must fail. Default: `names`, and `types` for scripts that a model wrote for a task.
   */
  readonly check?: "none" | "names" | "types";
  /** How the script reads time and chance. @default "coarse" */
  readonly clock?: ClockSetting;
  readonly priority?: number;
  /** Calls that would change something are listed and not made; scripts get `null` for them. @default false */
  readonly dryRun?: boolean;
  /** Run whose calls answer this one's. Never from a request's body. */
  readonly replayOf?: string;
  /** How long after it was accepted it starts at the earliest, ms. @default 0 */
  readonly delayMs?: number;
  /**
   * How often it is run again from the start when it failed for a reason that may pass, provided that it changed nothing.
   *
   * @default 0
   */
  readonly retries?: number;
  /** Who is told of its end, and of its waiting, with a signed request. */
  readonly webhook?: { readonly url: string; readonly events?: readonly ("ended" | "waiting")[] };
  readonly metadata?: JsonValue;
}

/** What a run used. */
export interface RunUsage {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly heapPeakMiB: number;
  readonly toolCalls: number;
  readonly modelTokens: { readonly input: number; readonly output: number } | null;
}

/** A script that was tried for a task, with how it went. */
export interface ScriptAttempt {
  readonly attempt: number;
  readonly script: string;
  readonly error: ErrorInfo | undefined;
}

/** Everything that is known when a run has ended. */
export interface RunOutcome {
  readonly status: "succeeded" | "failed" | "cancelled";
  /** `null` when there is none; of one larger than `limits.replyBytes` the part that an answer carries. */
  readonly result: JsonValue;
  /** Size of the whole result as JSON; `undefined` when there is none. */
  readonly resultBytes: number | undefined;
  /** Kind of the value before it became JSON. */
  readonly resultType: "json" | "undefined" | "none";
  /** Whether `result` is a part of the whole. */
  readonly truncated: boolean;
  /** Whether the whole of a result that is cut was kept. */
  readonly wholeKept: boolean;
  readonly error: ErrorInfo | undefined;
  readonly logs: readonly LogLine[];
  readonly emitted: readonly JsonValue[];
  readonly usage: RunUsage;
  /** The script that ran, when a model wrote it. */
  readonly script: string | undefined;
  /** All scripts that were tried, when a model wrote them. */
  readonly attempts: readonly ScriptAttempt[] | undefined;
  readonly calls: readonly CallSummary[];
  /** The clock of a seeded run: a request with it, and the same script, input and tool answers, gives the same run. */
  readonly clock?: SeededClock | undefined;
}

/** The whole result of a run. */
export interface WholeResult {
  /** Kind of the value before it became JSON; what is `undefined` is `null` as JSON. */
  readonly type: "json" | "undefined";
  /** Size of the JSON text. */
  readonly bytes: number;
  /** The JSON text in UTF-8, part by part; parts may end inside a character. @throws RESULT_GONE */
  parts(): AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** Which of a run's calls are asked for. */
export interface CallQuery {
  readonly limit: number;
  /** Only calls after the one of this number. @default 0 */
  readonly after?: number;
}

/** A call of a run that waits for somebody's decision. */
export interface PendingApproval {
  /** Number of the call within its run. */
  readonly callId: number;
  readonly server: string;
  readonly tool: string;
  readonly arguments: JsonValue;
  readonly askedAt: string;
  /** When it counts as denied. */
  readonly expiresAt: string;
  /** Set once it is decided and the run has not gone on yet. */
  readonly decision?: "approve" | "deny";
  /** Who decided. */
  readonly by?: string;
}

/** What somebody decides of calls that wait. */
export interface RunDecision {
  /** Number of the call, or all that wait now. */
  readonly calls: number | "all";
  readonly decision: "approve" | "deny";
  /** For the script and the record. */
  readonly reason?: string;
  /** Later calls of the run that are approved with it. */
  readonly grant?: CallGrant;
}

/** A run as callers see it: `code-mode` answer of `POST /run` and `GET /runs/{id}`. Members without a value are absent. */
export interface RunView extends Partial<Omit<RunOutcome, "status" | "calls">> {
  readonly id: string;
  readonly status: RunStatus;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly calls: readonly CallSummary[];
  /** While it waits. */
  readonly approvals?: readonly PendingApproval[];
  readonly dryRun?: true;
  readonly replayOf?: string;
  /** How often it was taken up; absent when that was once, or never. */
  readonly attempt?: number;
  readonly metadata?: JsonValue;
}

/** One thing that happened to a run; `id` grows from 1 within the run. */
export type RunEvent = { readonly id: number; readonly atMs: number } & (
  | { readonly type: "queued" }
  | { readonly type: "planning"; readonly attempt: number }
  | { readonly type: "script"; readonly attempt: number; readonly script: string }
  | { readonly type: "started" }
  | { readonly type: "log"; readonly line: LogLine }
  | { readonly type: "emit"; readonly value: JsonValue }
  | { readonly type: "call.started"; readonly seq: number; readonly server: string; readonly tool: string }
  /** What a server reports of a call under way: not more often than each 100 ms, and not more than 1,000 times a run. */
  | {
      readonly type: "call.progress";
      readonly seq: number;
      readonly server: string;
      readonly tool: string;
      readonly progress: number;
      readonly total?: number | undefined;
      readonly message?: string | undefined;
    }
  | {
      readonly type: "call.settled";
      readonly seq: number;
      readonly server: string;
      readonly tool: string;
      readonly outcome: "ok" | "cached" | "error" | "denied" | "unknown" | "skipped";
      readonly ms: number;
    }
  | {
      readonly type: "approval.requested";
      readonly seq: number;
      readonly server: string;
      readonly tool: string;
      /** ISO 8601. */
      readonly expiresAt: string;
    }
  | { readonly type: "approval.decided"; readonly seq: number; readonly decision: "approve" | "deny" }
  /** Nothing goes on until somebody has decided. */
  | { readonly type: "waiting" }
  /** Taken up again: what was done is not done again. */
  | { readonly type: "resumed"; readonly attempt: number }
  /** Always the last. */
  | { readonly type: "ended"; readonly run: RunView }
);
