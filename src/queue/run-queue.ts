/** The queue's entry for a run. */
export interface Job {
  readonly runId: string;
  /** Principal's id: places go round robin between principals, then by priority, then first in, first out. */
  readonly principal: string;
  /** Higher goes first among one principal's jobs. @default 0 */
  readonly priority: number;
  /** Number of the attempt this entry is for: a run that is queued again is another entry. */
  readonly attempt: number;
  /** It starts no earlier, in ms since the epoch; until then it takes no place among those that wait. @default at once */
  readonly notBeforeMs?: number | undefined;
}

/**
 * Performs one job; the signal aborts when the job is cancelled. Must not reject: failures are the run's own. A job whose
 * process dies is delivered again where there are others, so a handler must bear being called for a run that was begun.
 */
export type RunHandler = (job: Job, signal: AbortSignal) => Promise<void>;

/** Delivers jobs to a handler, bounded and fair between principals. */
export interface RunQueue {
  /**
   * Takes a job; durable when this resolves, where the queue is. The same entry (run and attempt) a second time is one.
   *
   * @throws QUEUE_FULL with `details.retryAfterMs`, SHUTTING_DOWN, TOO_MANY_CRASHES.
   */
  enqueue(job: Job): Promise<void>;
  /** Starts delivering. Called once; never, in a process that only takes jobs. */
  start(handler: RunHandler): void;
  /**
   * Takes a waiting job out, or has a running one's signal abort, wherever it runs.
   * @returns `removed`: it will never start; `aborted`: its handler was told; `unknown`: no such job.
   */
  cancel(runId: string, reason: Error): Promise<"removed" | "aborted" | "unknown">;
  /** What waits, here or for all processes together, as of a moment ago; what runs in this process. */
  depth(): { readonly waiting: number; readonly running: number };
  /** Takes no more jobs, lets running ones end within `graceMs`, then aborts them; waiting jobs are left to the store. */
  close(graceMs: number): Promise<void>;
}
