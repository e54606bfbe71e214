/** The queue's entry for a run. */
export interface Job {
  readonly runId: string;
  /** Principal's id: places go round robin between principals, then by priority, then first in, first out. */
  readonly principal: string;
  /** Higher goes first among one principal's jobs. @default 0 */
  readonly priority: number;
}

/** Performs one job; the signal aborts when the job is cancelled. Must not reject: failures are the run's own. */
export type RunHandler = (job: Job, signal: AbortSignal) => Promise<void>;

/** Delivers jobs to a handler, bounded and fair between principals. */
export interface RunQueue {
  /** @throws QUEUE_FULL, SHUTTING_DOWN, TOO_MANY_CRASHES. */
  enqueue(job: Job): Promise<void>;
  /** Starts delivering. Called once. */
  start(handler: RunHandler): void;
  /**
   * Takes a waiting job out, or aborts a running one's signal.
   * @returns `removed`: it will never start; `aborted`: its handler was told; `unknown`: no such job.
   */
  cancel(runId: string, reason: Error): Promise<"removed" | "aborted" | "unknown">;
  depth(): { readonly waiting: number; readonly running: number };
  /** Takes no more jobs, lets running ones end within `graceMs`, then aborts them; waiting jobs are left to the store. */
  close(graceMs: number): Promise<void>;
}
