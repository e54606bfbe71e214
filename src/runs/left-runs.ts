import type { Principal } from "../config/principal.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { errorInfo, toErrorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import { parseJson } from "../lib/json.ts";
import type { Log } from "../lib/log.ts";
import type { RunQueue } from "../queue/run-queue.ts";
import type { Journal } from "../store/journal.ts";
import type { RunRecord, RunStore } from "../store/run-store.ts";
import { toJob } from "./active-run.ts";
import type { ActiveRun } from "./active-run.ts";
import { failedOutcome, toCallSummary } from "./run-view.ts";
import type { RunOutcome, RunRequest } from "./run.ts";

/** How soon runs that had no place in the queue try again. */
const RETRY_QUEUE_MS = 250;
const UNFINISHED: readonly RunRecord["status"][] = ["queued", "running"];

/** What taking up runs needs. */
export interface LeftRunsDeps {
  readonly runs: RunStore;
  readonly journal: Journal;
  readonly queue: RunQueue;
  /** The principal of an id; `undefined` when it is no more. */
  readonly findPrincipal: (id: string) => Principal | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Holds a stored run, whatever its size. */
  readonly hold: (record: RunRecord, principal: Principal, request: RunRequest) => ActiveRun;
  /** Ends a held run that could not be queued. */
  readonly fail: (run: ActiveRun, error: ErrorInfo) => Promise<void>;
}

/** What a process that died left behind: its queued runs are queued again, those that were running are ended. */
export class LeftRuns {
  readonly #deps: LeftRunsDeps;
  /** Those for which the queue had no place yet, oldest first. */
  readonly #left = new Map<string, ActiveRun>();
  #retry: Timer | undefined;

  constructor(deps: LeftRunsDeps) {
    this.#deps = deps;
  }

  /**
   * Takes them up, as many at once as the queue takes. A run that was running is not repeated, because its calls may have had
   * effects.
   */
  async recover(): Promise<void> {
    const { runs, log, findPrincipal, hold } = this.#deps;
    const left = await runs.unfinished();
    for (const record of left) {
      const principal = findPrincipal(record.principal);
      const request = parseJson(record.requestJson)?.value as RunRequest | undefined;
      if (record.status !== "queued") await this.#giveUp(record, interrupted());
      else if (principal === undefined) await this.#giveUp(record, ownerGone());
      else if (request === undefined) await this.#giveUp(record, unreadable());
      else this.#left.set(record.id, hold(record, principal, request));
    }
    await this.#queueLeft();
    if (left.length > 0) log.info({ runs: left.length }, "took up runs that an earlier process left");
  }

  /** Takes one out that waits for a place in the queue. @returns Whether there was one. */
  remove(id: string): boolean {
    return this.#left.delete(id);
  }

  /** Queues no more of them; they stay in the store. */
  stop(): void {
    this.#retry?.cancel();
  }

  /** Queues them until the queue is full, and tries again while there are more. Never rejects. */
  async #queueLeft(): Promise<void> {
    const { queue, clock, log, fail } = this.#deps;
    for (const [id, run] of this.#left) {
      try {
        await queue.enqueue(toJob(run));
        this.#left.delete(id);
      } catch (error) {
        const info = toErrorInfo(error);
        if (info.code === "SHUTTING_DOWN") return;
        if (info.code === "QUEUE_FULL") {
          this.#retry = clock.after(RETRY_QUEUE_MS, () => void this.#queueLeft(), { background: true });
          return;
        }
        log.error({ runId: id, err: error }, "a run that an earlier process left could not be queued");
        if (this.#left.delete(id)) await fail(run, info);
      }
    }
  }

  async #giveUp(record: RunRecord, error: ErrorInfo): Promise<void> {
    const { runs, journal, clock } = this.#deps;
    const calls = (await journal.list(record.id)).map(toCallSummary);
    const outcome: RunOutcome = { ...failedOutcome(error), calls };
    await runs.update(record.id, UNFINISHED, {
      status: "failed",
      endedAtMs: clock.now(),
      outcomeJson: JSON.stringify(outcome),
    });
  }
}

/** Why a run ends that was in progress when its process ended. */
function interrupted(): ErrorInfo {
  return errorInfo("EXECUTOR_LOST", "The service stopped while this run was in progress; its calls show what was done");
}

/** Why a run ends whose client is configured no more. */
function ownerGone(): ErrorInfo {
  return errorInfo("FORBIDDEN", "Cannot take the run up again as its client must be configured: it is no more");
}

/** Why a run ends whose request cannot be read again. */
function unreadable(): ErrorInfo {
  return errorInfo("INTERNAL", "Cannot take the run up again as its request must be JSON: what is stored is not");
}
