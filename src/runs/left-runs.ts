import type { Clock, Timer } from "../lib/clock.ts";
import { RunletError, toErrorInfo } from "../lib/errors.ts";
import { parseJson } from "../lib/json.ts";
import type { Log } from "../lib/log.ts";
import type { RunQueue } from "../queue/run-queue.ts";
import type { RunRecord, RunStatus, RunStore } from "../store/run-store.ts";
import { toJob } from "./active-run.ts";
import type { RunEnds } from "./run-ends.ts";
import { failedOutcome } from "./run-view.ts";
import type { RunRequest } from "./run.ts";

/** How soon runs that had no place in the queue try again. */
const RETRY_QUEUE_MS = 250;
const UNSTARTED: readonly RunStatus[] = ["queued"];

/** What queueing stored runs takes. */
export interface LeftRunsDeps {
  readonly runs: RunStore;
  readonly queue: RunQueue;
  readonly ends: RunEnds;
  /** Whether other processes perform runs of the same store: then what runs is not this one's to take up. */
  readonly isShared: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Queues runs that are stored and that no queue knows: those that a process which died left, and those that waited. */
export class LeftRuns {
  readonly #deps: LeftRunsDeps;
  /** Those for which the queue had no place yet, oldest first; only what their jobs need. */
  readonly #left = new Map<string, RunRecord>();
  #retry: Timer | undefined;
  #stopped = false;

  constructor(deps: LeftRunsDeps) {
    this.#deps = deps;
  }

  /** Takes up what a process that died left: as many at once as the queue takes. Runs that were in progress go on. */
  async recover(): Promise<void> {
    const { runs, log, isShared } = this.#deps;
    const left = await runs.unfinished();
    for (const record of left) {
      if (record.status === "queued") this.#add(record);
      else if (!isShared && (await runs.update(record.id, ["running"], { status: "queued" }))) this.#add(record);
    }
    const found = this.#left.size;
    await this.#queueLeft();
    if (found > 0) log.info({ runs: found }, "took up runs that an earlier process left");
  }

  /** Queues a run that waited. @returns Whether it was one. */
  async resume(id: string): Promise<boolean> {
    const { runs } = this.#deps;
    if (!(await runs.update(id, ["waiting"], { status: "queued" }))) return false;
    const record = await runs.get(id);
    if (record === undefined) return false;
    this.#add({ ...record, status: "queued" });
    await this.#queueLeft();
    return true;
  }

  /** Takes one out that waits for a place in the queue. @returns Whether there was one. */
  remove(id: string): boolean {
    return this.#left.delete(id);
  }

  /** Queues no more of them; they stay in the store. */
  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
  }

  #add(record: RunRecord): void {
    const { priority, delayMs } = (parseJson(record.requestJson)?.value ?? {}) as Partial<RunRequest>;
    const requestJson = JSON.stringify({ priority, delayMs });
    this.#left.set(record.id, { ...record, requestJson, stateJson: undefined });
  }

  /** Queues them until the queue is full, and tries again while there are more. Never rejects. */
  async #queueLeft(): Promise<void> {
    const { queue, clock, log, ends } = this.#deps;
    for (const [id, record] of this.#left) {
      if (this.#stopped) return;
      try {
        const request = JSON.parse(record.requestJson) as RunRequest;
        await queue.enqueue(toJob({ record, request }));
        this.#left.delete(id);
      } catch (error) {
        const code = error instanceof RunletError ? error.code : undefined;
        if (code === "SHUTTING_DOWN") return;
        if (code === "QUEUE_FULL") {
          this.#retry?.cancel();
          this.#retry = clock.after(RETRY_QUEUE_MS, () => void this.#queueLeft(), { background: true });
          return;
        }
        log.error({ runId: id, err: error }, "a stored run could not be queued");
        if (this.#left.delete(id)) await ends.endStored(record, failedOutcome(toErrorInfo(error)), UNSTARTED);
      }
    }
  }
}
