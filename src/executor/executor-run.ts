import type { ExecutionHost } from "../bridge/execution-host.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { PausableTimer } from "../lib/pausable-timer.ts";
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
  timer: Timer | PausableTimer | undefined;
  /** Calls of it for which somebody is asked now. */
  asked: number;
  /** When its wall time stands still no more, on the monotonic clock; set when it first does. */
  stillUntilMs: number | undefined;
  /** Timers that asked and were not answered. */
  ticks: number;
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

/** How long after the first question of a run its wall time may stand still. */
const MAX_STILL_MS = 1_800_000;

/**
 * Somebody is asked for something that a run waits for: meanwhile its wall time stands still, here and in its process, within
 * bounds. A run that asks has acted and is never moved to another process.
 *
 * @param isThere Whether the run goes on in that process.
 * @returns What lets it go on when it is disposed, once.
 */
export function standStill(
  run: ExecutorRun,
  child: ExecutorChild,
  { clock, isThere }: { readonly clock: Clock; readonly isThere: () => boolean },
): Disposable {
  const { timer } = run;
  run.stillUntilMs ??= clock.monotonic() + MAX_STILL_MS;
  const isAllowed = isThere() && clock.monotonic() < run.stillUntilMs;
  if (!isAllowed || timer === undefined || !("pause" in timer)) return { [Symbol.dispose]: () => undefined };
  const paused = timer.pause();
  if (++run.asked === 1) child.still(run.number, { on: true, mayTakeMs: MAX_STILL_MS });
  let over = false;
  return {
    [Symbol.dispose]: () => {
      paused[Symbol.dispose]();
      if (over) return;
      over = true;
      if (--run.asked === 0 && isThere()) child.still(run.number, { on: false });
    },
  };
}
