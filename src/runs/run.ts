import type { CallSummary } from "../bridge/call-summary.ts";
import type { LogLine } from "../bridge/run-log.ts";
import type { RunLimits } from "../config/limits.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import type { JsonValue } from "../lib/guards.ts";
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

/** A run as callers see it: `code-mode` answer of `POST /run` and `GET /runs/{id}`. Members without a value are absent. */
export interface RunView extends Partial<Omit<RunOutcome, "status" | "calls">> {
  readonly id: string;
  readonly status: RunStatus;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly calls: readonly CallSummary[];
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
      readonly outcome: "ok" | "cached" | "error" | "denied";
      readonly ms: number;
    }
  /** Always the last. */
  | { readonly type: "ended"; readonly run: RunView }
);
