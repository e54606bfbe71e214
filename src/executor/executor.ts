import type { ExecutionHost } from "../bridge/execution-host.ts";
import type { ExecutionUsage } from "../bridge/protocol.ts";
import type { RunLimits } from "../config/limits.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import type { RunnableScript } from "../script/script.ts";
import type { ExecutionClock } from "./run-seed.ts";

/** One script to run once. */
export interface ExecutionRequest {
  /** Id of whoever the run belongs to: for placement. */
  readonly principal: string;
  readonly script: RunnableScript;
  /** JSON text of `input`; `undefined` when there is none. */
  readonly inputJson: string | undefined;
  /** JSON text of the names a script can enumerate. */
  readonly namesJson: string;
  readonly limits: RunLimits;
  /** What the script's chance follows from; any text. */
  readonly seed: string;
  /** What the script's clock reads first, in ms since the epoch. */
  readonly startMs: number;
  /** The clock of a seeded run, in place of `seed` and `startMs`. @default one that goes with the answers' times */
  readonly clock?: ExecutionClock | undefined;
  /** Aborting ends the script; the result is then `RUN_CANCELLED`. */
  readonly signal: AbortSignal;
}

/**
 * A script's result as JSON: text that was checked to be JSON when it is small; when it is large, UTF-8 bytes or text as
 * the executor process sent them, which nobody has read yet.
 */
export type ResultJson = string | Uint8Array;

/** How an execution ended. */
export type ExecutionResult =
  | { readonly status: "succeeded"; readonly resultJson: ResultJson | undefined; readonly usage: ExecutionUsage }
  | { readonly status: "failed"; readonly error: ErrorInfo; readonly usage: ExecutionUsage };

/** Runs scripts, each once, each in an isolate of its own that is never reused. */
export interface Executor {
  /** Runs one script. Its failures are part of the result; only failures of the executor itself reject. */
  execute(request: ExecutionRequest, host: ExecutionHost): Promise<ExecutionResult>;
  /** Processes by state and crashes so far. */
  status(): ExecutorStatus;
  /** Resolves when the first process can take runs. @throws EXECUTOR_LOST when none can be started. */
  ready(): Promise<void>;
  /** Ends every process at once. Safe to call twice. */
  close(): Promise<void>;
}

/** What health checks and metrics say of the executor. */
export interface ExecutorStatus {
  readonly ready: number;
  /** Processes that are ready to take the place of another. */
  readonly spare: number;
  readonly starting: number;
  readonly draining: number;
  /** Runs that are executed, or wait for a process. */
  readonly running: number;
  /** Processes that died after they had been ready, and were not to. */
  readonly crashes: number;
}
