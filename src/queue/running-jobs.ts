import { RunletError } from "../lib/errors.ts";
import type { QueueOptions } from "./queue-options.ts";
import type { Job, RunHandler } from "./run-queue.ts";

interface Running {
  readonly job: Job;
  readonly controller: AbortController;
}

/** Handlers get this long to end after their signals aborted at `close`; then they are left behind, and told in the log. */
const ABORT_GRACE_MS = 5_000;
/** Weight of the latest job in the moving average of durations. */
const DURATION_WEIGHT = 0.1;

/** The jobs that run in this process. */
export class RunningJobs {
  readonly #options: Pick<QueueOptions, "log" | "clock">;
  readonly #running = new Set<Running>();
  #averageMs = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: Pick<QueueOptions, "log" | "clock">) {
    this.#options = options;
  }

  get size(): number {
    return this.#running.size;
  }

  /** How long jobs took lately, ms; 0 before one ended. */
  get averageMs(): number {
    return this.#averageMs;
  }

  /** The jobs, in the order in which they started. */
  jobs(): Job[] {
    return Array.from(this.#running, ({ job }) => job);
  }

  /** How many of each principal run. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { job } of this.#running) counts.set(job.principal, (counts.get(job.principal) ?? 0) + 1);
    return counts;
  }

  countOf(principal: string): number {
    let count = 0;
    for (const { job } of this.#running) if (job.principal === principal) count++;
    return count;
  }

  /** Whether this very entry, run and attempt, runs. */
  has({ runId, attempt }: Job): boolean {
    for (const { job } of this.#running) if (job.runId === runId && job.attempt === attempt) return true;
    return false;
  }

  /** Aborts the signals of a run's jobs. @returns Whether there was one. */
  cancel(runId: string, reason: Error): boolean {
    let found = false;
    for (const { job, controller } of this.#running) {
      if (job.runId !== runId) continue;
      found = true;
      controller.abort(reason);
    }
    return found;
  }

  /**
   * Has a job performed. Never rejects: a handler's rejection is a defect and goes to the log.
   *
   * @returns Whether it was let end; `false` when `close` aborted it.
   */
  async perform(handler: RunHandler, job: Job): Promise<boolean> {
    const { clock, log } = this.#options;
    const running = { job, controller: new AbortController() };
    const { signal } = running.controller;
    this.#running.add(running);
    const startedAt = clock.monotonic();
    try {
      await handler(job, signal);
    } catch (error) {
      log.error({ runId: job.runId, err: error }, "The handler of a run rejected; the run may be left unfinished.");
    }
    const tookMs = clock.monotonic() - startedAt;
    this.#averageMs = this.#averageMs === 0 ? tookMs : this.#averageMs + (tookMs - this.#averageMs) * DURATION_WEIGHT;
    this.#running.delete(running);
    if (this.#running.size === 0) this.#onIdle?.();
    return !(signal.reason instanceof GraceOver);
  }

  /** Lets all end within `graceMs`, then aborts them and waits for their handlers, which a while later are left behind. */
  async close(graceMs: number): Promise<void> {
    if (await this.#idleWithin(graceMs)) return;
    const reason = new GraceOver();
    for (const { controller } of this.#running) controller.abort(reason);
    if (await this.#idleWithin(ABORT_GRACE_MS)) return;
    const runIds = this.jobs().map(({ runId }) => runId);
    this.#options.log.error({ runIds }, "Runs did not end after they were aborted; they are left behind.");
  }

  /** @returns Whether nothing runs any more. */
  #idleWithin(ms: number): Promise<boolean> {
    if (this.#running.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(ms, () => {
        this.#onIdle = undefined;
        resolve(false);
      });
      this.#onIdle = () => {
        timer.cancel();
        resolve(true);
      };
    });
  }
}

/** Why `close` aborts a job: of a class of its own, so that what a caller cancelled is told apart. */
class GraceOver extends RunletError {
  constructor() {
    super("SHUTTING_DOWN", "Cannot finish the run as the service is stopping: its grace is over.");
  }
}
