import type { Timer } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import { queueClosed, queueFull, type QueueOptions } from "./queue-options.ts";
import type { Job, RunHandler, RunQueue } from "./run-queue.ts";
import { RunningJobs } from "./running-jobs.ts";
import { WaitingJobs } from "./waiting-jobs.ts";

/** What a queue in process needs. */
export type LocalQueueOptions = QueueOptions;

/** A job whose time has not come. */
interface LaterJob {
  readonly job: Job;
  readonly timer: Timer;
}

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
  /** Jobs whose time has not come, by their runs. */
  readonly #later = new Map<string, LaterJob>();
  readonly #running: RunningJobs;
  #handler: RunHandler | undefined;
  #scheduled = false;
  #closing: Promise<void> | undefined;

  constructor(options: LocalQueueOptions) {
    this.#options = options;
    this.#running = new RunningJobs(options);
  }

  async enqueue(job: Job): Promise<void> {
    if (this.#closing !== undefined) throw queueClosed();
    const refusal = this.#options.refusal?.(job.principal);
    if (refusal !== undefined) throw refusal;
    const queued = this.#waiting.get(job.runId) ?? this.#later.get(job.runId)?.job;
    if (this.#running.has(job) || (queued !== undefined && queued.attempt >= job.attempt)) return;
    const delayMs = (job.notBeforeMs ?? 0) - this.#options.clock.now();
    if (delayMs <= 0) this.#refuseWhenFull(job);
    this.#remove(job.runId);
    if (delayMs > 0) this.#putOff(job, delayMs);
    else this.#add(job);
  }

  start(handler: RunHandler): void {
    if (this.#handler !== undefined) {
      throw new RunletError("INTERNAL", "Cannot start the queue as it must be started once: it has a handler.");
    }
    this.#handler = handler;
    this.#schedule();
  }

  async cancel(runId: string, reason: Error): Promise<"removed" | "aborted" | "unknown"> {
    const isAborted = this.#running.cancel(runId, reason);
    if (this.#remove(runId)) return "removed";
    return isAborted ? "aborted" : "unknown";
  }

  depth(): { readonly waiting: number; readonly running: number } {
    return { waiting: this.#waiting.size, running: this.#running.size };
  }

  close(graceMs: number): Promise<void> {
    if (this.#closing === undefined) {
      for (const { timer } of this.#later.values()) timer.cancel();
      this.#closing = this.#running.close(graceMs);
    }
    return this.#closing;
  }

  #add(job: Job): void {
    this.#waiting.add(job);
    this.#schedule();
  }

  #putOff(job: Job, delayMs: number): void {
    const wake = (): void => {
      this.#later.delete(job.runId);
      this.#add(job);
    };
    this.#later.set(job.runId, { job, timer: this.#options.clock.after(delayMs, wake, { background: true }) });
  }

  /** Takes out what waits of a run. @returns Whether anything did. */
  #remove(runId: string): boolean {
    const later = this.#later.get(runId);
    if (later === undefined) return this.#waiting.delete(runId);
    later.timer.cancel();
    return this.#later.delete(runId);
  }

  /** Places that are free count: before they are taken, in the next turn, a burst may wait for them. */
  #refuseWhenFull({ principal }: Job): void {
    const { depth, concurrency, depthPerPrincipal = depth } = this.#options;
    const free = this.#handler === undefined ? 0 : concurrency - this.#running.size;
    const waitingInAll = this.#waiting.size;
    const own = this.#waiting.sizeOf(principal);
    const known = { waitingInAll, concurrency, averageMs: this.#running.averageMs };
    if (waitingInAll >= depth + free)
      throw queueFull({ whose: "everybody", bound: depth, waiting: waitingInAll, ...known });
    if (own >= depthPerPrincipal + free)
      throw queueFull({ whose: "principal", bound: depthPerPrincipal, waiting: own, ...known });
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
      void this.#running.perform(handler, job).then(() => this.#schedule());
    }
  }

  #mayRunMore(principal: string): boolean {
    const most = this.#options.concurrencyOf?.(principal) ?? Infinity;
    return most >= this.#options.concurrency || this.#running.countOf(principal) < most;
  }
}
