import type { Clock } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Job, RunHandler, RunQueue } from "./run-queue.ts";
import { WaitingJobs } from "./waiting-jobs.ts";

/** What a queue in process needs. */
export interface LocalQueueOptions {
  /** Jobs that may wait, at least 0; more are refused. A job that can start at once does not count. */
  readonly depth: number;
  /** Jobs of one principal that may wait. @default depth */
  readonly depthPerPrincipal?: number;
  /** Jobs that run at once, at least 1. */
  readonly concurrency: number;
  /** Jobs of one principal that run at once, at least 1; asked whenever a job may start. @default concurrency */
  readonly concurrencyOf?: (principal: string) => number;
  /** Why no job of a principal is taken now; thrown by `enqueue`. @default every job is taken */
  readonly refusal?: (principal: string) => RunletError | undefined;
  readonly log: Log;
  readonly clock: Clock;
}

interface Running {
  readonly job: Job;
  readonly controller: AbortController;
}

/** Handlers get this long to end after their signals aborted at `close`; then they are left behind, and told in the log. */
const ABORT_GRACE_MS = 5_000;
/** Bounds of the advice when to come back. */
const RETRY_AFTER_MS = { min: 1_000, max: 60_000 };
/** Weight of the latest job in the moving average of durations. */
const DURATION_WEIGHT = 0.1;

/**
 * A queue in this process: what waits in it is lost with the process, the run store knows it.
 *
 * A handler starts in a later turn of the event loop than its job's `enqueue`, so that what follows the `enqueue` comes
 * first. Cancelling frees a waiting job's place at once, a running one's when its handler has ended.
 */
export function createLocalQueue(options: LocalQueueOptions): RunQueue {
  return new LocalQueue(options);
}

class LocalQueue implements RunQueue {
  readonly #options: LocalQueueOptions;
  readonly #waiting = new WaitingJobs();
  readonly #running = new Map<string, Running>();
  #handler: RunHandler | undefined;
  #scheduled = false;
  #averageMs = 0;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: LocalQueueOptions) {
    this.#options = options;
  }

  async enqueue(job: Job): Promise<void> {
    if (this.#closing !== undefined) {
      throw new RunletError("SHUTTING_DOWN", "Cannot queue a run as the service must be open: it is stopping.");
    }
    if (this.#waiting.has(job.runId) || this.#running.has(job.runId)) {
      throw new RunletError(
        "INTERNAL",
        `Cannot queue a run as it must not be queued yet: current id is "${job.runId}".`,
      );
    }
    const refusal = this.#options.refusal?.(job.principal);
    if (refusal !== undefined) throw refusal;
    this.#refuseWhenFull(job);
    this.#waiting.add(job);
    this.#schedule();
  }

  start(handler: RunHandler): void {
    if (this.#handler !== undefined) {
      throw new RunletError("INTERNAL", "Cannot start the queue as it must be started once: it has a handler.");
    }
    this.#handler = handler;
    this.#schedule();
  }

  async cancel(runId: string, reason: Error): Promise<"removed" | "aborted" | "unknown"> {
    if (this.#waiting.delete(runId)) return "removed";
    const running = this.#running.get(runId);
    if (running === undefined) return "unknown";
    running.controller.abort(reason);
    return "aborted";
  }

  depth(): { readonly waiting: number; readonly running: number } {
    return { waiting: this.#waiting.size, running: this.#running.size };
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#shutDown(graceMs);
    return this.#closing;
  }

  /** Places that are free count: before they are taken, in the next turn, a burst may wait for them. */
  #refuseWhenFull({ principal }: Job): void {
    const { depth, concurrency, depthPerPrincipal = depth } = this.#options;
    const free = this.#handler === undefined ? 0 : concurrency - this.#running.size;
    const own = this.#waiting.sizeOf(principal);
    const isFull = this.#waiting.size >= depth + free;
    if (!isFull && own < depthPerPrincipal + free) return;
    const [rule, waiting, bound] = isFull
      ? ["runs may wait", this.#waiting.size, depth]
      : ["runs of one client may wait", own, depthPerPrincipal];
    throw new RunletError(
      "QUEUE_FULL",
      `Cannot queue a run as at most ${bound} ${rule}: current value is ${waiting}.`,
      {
        hint: "Try again later.",
        details: { depth: bound, retryAfterMs: this.#retryAfterMs() },
      },
    );
  }

  /** When all that waits now will have started, going by how long jobs took lately. */
  #retryAfterMs(): number {
    const drainMs = (this.#averageMs * this.#waiting.size) / this.#options.concurrency;
    return Math.round(Math.min(Math.max(drainMs, RETRY_AFTER_MS.min), RETRY_AFTER_MS.max));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    while (this.#closing === undefined && this.#running.size < this.#options.concurrency) {
      const job = this.#waiting.take((principal) => this.#mayRunMore(principal));
      if (job === undefined) return;
      const running = { job, controller: new AbortController() };
      this.#running.set(job.runId, running);
      void this.#perform(handler, running);
    }
  }

  #mayRunMore(principal: string): boolean {
    const most = this.#options.concurrencyOf?.(principal) ?? Infinity;
    if (most >= this.#options.concurrency) return true;
    let own = 0;
    for (const { job } of this.#running.values()) if (job.principal === principal) own++;
    return own < most;
  }

  /** Never rejects: a handler's rejection is a defect and goes to the log. */
  async #perform(handler: RunHandler, { job, controller }: Running): Promise<void> {
    const { clock, log } = this.#options;
    const startedAt = clock.monotonic();
    try {
      await handler(job, controller.signal);
    } catch (error) {
      log.error({ runId: job.runId, err: error }, "The handler of a run rejected; the run may be left unfinished.");
    }
    const tookMs = clock.monotonic() - startedAt;
    this.#averageMs = this.#averageMs === 0 ? tookMs : this.#averageMs + (tookMs - this.#averageMs) * DURATION_WEIGHT;
    this.#running.delete(job.runId);
    if (this.#running.size === 0) this.#onIdle?.();
    this.#schedule();
  }

  async #shutDown(graceMs: number): Promise<void> {
    if (await this.#idleWithin(graceMs)) return;
    const reason = new RunletError(
      "SHUTTING_DOWN",
      "Cannot finish the run as the service is stopping: its grace is over.",
    );
    for (const { controller } of this.#running.values()) controller.abort(reason);
    if (await this.#idleWithin(ABORT_GRACE_MS)) return;
    this.#options.log.error(
      { runIds: [...this.#running.keys()] },
      "Runs did not end after they were aborted; they are left behind.",
    );
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
