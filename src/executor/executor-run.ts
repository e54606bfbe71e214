import type { ExecutionHost } from "../bridge/execution-host.ts";
import type { Timer } from "../lib/clock.ts";
import type { ExecutorChild } from "./supervision/executor-child.ts";
import type { ExecutionRequest, ExecutionResult } from "./executor.ts";

/** One run, from the call of `execute` to its answer. */
export interface ExecutorRun {
  /** Never used again, so that what a process says of a run it held once is not heard. */
  readonly number: number;
  readonly principal: string;
  readonly request: ExecutionRequest;
  readonly host: ExecutionHost;
  readonly resolve: (result: ExecutionResult) => void;
  readonly onAbort: () => void;
  /** Where it runs; `undefined` while it waits. */
  child: ExecutorChild | undefined;
  /** Its wall limit while it runs, its delay before. */
  timer: Timer | undefined;
  /** Calls and values others saw of it: running it again could repeat them. */
  calls: number;
  emitted: number;
  /** When it was sent to its process, on the monotonic clock. */
  startedAtMs: number;
  /** How often it was moved off a process that died. */
  moves: number;
  /** It may have been why that process died: it is run alone. */
  isSuspect: boolean;
}

/** Whether others saw something of the run. */
export function hasActed({ calls, emitted }: ExecutorRun): boolean {
  return calls > 0 || emitted > 0;
}
