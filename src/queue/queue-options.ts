import type { Clock } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";

/** What every queue needs. */
export interface QueueOptions {
  /** Jobs that may wait, at least 0; more are refused. A job that can start at once does not count. */
  readonly depth: number;
  /** Jobs of one principal that may wait. @default depth */
  readonly depthPerPrincipal?: number;
  /** Jobs that run at once in this process, at least 1. */
  readonly concurrency: number;
  /** Jobs of one principal that run here at once, at least 1; asked whenever a job may start. @default concurrency */
  readonly concurrencyOf?: (principal: string) => number;
  /** Why no job of a principal is taken now; thrown by `enqueue`. @default every job is taken */
  readonly refusal?: (principal: string) => RunletError | undefined;
  readonly log: Log;
  readonly clock: Clock;
}

/** What a full queue knows when it refuses a job. */
export interface Fullness {
  /** Whether all places are taken, or only those of the job's principal. */
  readonly whose: "everybody" | "principal";
  /** Jobs that may wait. */
  readonly bound: number;
  /** Jobs that wait now. */
  readonly waiting: number;
  /** Jobs that wait now, of whichever principal. */
  readonly waitingInAll: number;
  /** Jobs that can run at once. */
  readonly concurrency: number;
  /** How long jobs took lately, ms. */
  readonly averageMs: number;
}

/** Bounds of the advice when to come back. */
const RETRY_AFTER_MS = { min: 1_000, max: 60_000 };

/** The QUEUE_FULL of a job; it is to come back when all that waits now will have started, going by how long jobs took lately. */
export function queueFull({ whose, bound, waiting, waitingInAll, concurrency, averageMs }: Fullness): RunletError {
  const rule = whose === "everybody" ? "runs may wait" : "runs of one client may wait";
  const drainMs = (averageMs * waitingInAll) / Math.max(concurrency, 1);
  const retryAfterMs = Math.round(Math.min(Math.max(drainMs, RETRY_AFTER_MS.min), RETRY_AFTER_MS.max));
  return new RunletError("QUEUE_FULL", `Cannot queue a run as at most ${bound} ${rule}: current value is ${waiting}.`, {
    hint: "Try again later.",
    details: { depth: bound, retryAfterMs },
  });
}

/** The SHUTTING_DOWN of a job that comes to a queue which is closing. */
export function queueClosed(): RunletError {
  return new RunletError("SHUTTING_DOWN", "Cannot queue a run as the service must be open: it is stopping.");
}
