import { createHash } from "node:crypto";
import type { Principal } from "../config/principal.ts";
import type { QuotaKeeper } from "../gateway/quotas.ts";
import type { Clock } from "../lib/clock.ts";
import { RunletError, toErrorInfo } from "../lib/errors.ts";
import { createId } from "../lib/ids.ts";
import { canonicalJson } from "../lib/json.ts";
import type { RunQueue } from "../queue/run-queue.ts";
import type { ClaimedRun, IdempotencyClaim, RunRecord, RunStatus, RunStore } from "../store/run-store.ts";
import { toJob } from "./active-run.ts";
import type { ActiveRuns } from "./active-runs.ts";
import { withWholeClock } from "./run-clock.ts";
import type { RunEnds } from "./run-ends.ts";
import type { RunEvents } from "./run-events.ts";
import type { SubmitOptions } from "./run-service.ts";
import { failedOutcome } from "./run-view.ts";
import type { RunRequest } from "./run.ts";

/** What taking runs in needs. */
export interface IntakeDeps {
  readonly runs: RunStore;
  readonly queue: RunQueue;
  readonly events: RunEvents;
  readonly active: ActiveRuns;
  readonly ends: RunEnds;
  readonly quotas: Pick<QuotaKeeper, "take">;
  /** Whether other processes perform runs of the same store: then none is held here before its turn. */
  readonly isShared: boolean;
  readonly clock: Clock;
}

const UNSTARTED: readonly RunStatus[] = ["queued"];

/** Takes runs in: each is stored, then queued; under one key only once. */
export class Intake {
  readonly #deps: IntakeDeps;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /**
   * Takes a run in.
   *
   * @returns Its id, or that of the run that has the key.
   * @throws QUEUE_FULL, TOO_MANY_CRASHES, SHUTTING_DOWN, QUOTA_EXCEEDED; IDEMPOTENCY_CONFLICT.
   */
  async accept(principal: Principal, asked: RunRequest, { idempotencyKey, ...origin }: SubmitOptions): Promise<string> {
    const digest = (): string => createHash("sha256").update(canonicalJson(asked)).digest("base64");
    const claim = idempotencyKey === undefined ? undefined : { key: idempotencyKey, digest: digest() };
    // A request that comes again costs nothing.
    const known = claim && (await this.#deps.runs.claimed(principal.id, claim.key));
    if (known !== undefined) return sameRun(known, claim);
    await this.#deps.quotas.take(principal, "runs", "start the run");
    const createdAtMs = this.#deps.clock.now();
    const request = withWholeClock(asked, createdAtMs);
    const record: RunRecord = {
      id: createId("run", createdAtMs),
      principal: principal.id,
      status: "queued",
      source: request.task === undefined ? "script" : "task",
      createdAtMs,
      startedAtMs: undefined,
      endedAtMs: undefined,
      requestJson: JSON.stringify(request),
      outcomeJson: undefined,
      attempt: 0,
      stateJson: undefined,
      metadata: request.metadata,
    };
    const claimed = await this.#insert(record, claim);
    if (claimed !== undefined) return claimed;
    const run = this.#deps.isShared ? undefined : this.#deps.active.hold(record, principal, request, origin);
    (run?.events ?? this.#deps.events.sinkOf(record.id)).add({ type: "queued" }, createdAtMs);
    try {
      await this.#deps.queue.enqueue(toJob(run ?? { record, request }));
    } catch (error) {
      // What the queue refuses ends at once, so that none is left behind in the store; its key is free again.
      const outcome = failedOutcome(toErrorInfo(error));
      if (claim !== undefined) await this.#deps.runs.unclaim(principal.id, claim.key);
      if (run === undefined) await this.#deps.ends.endStored(record, outcome, UNSTARTED);
      else await this.#deps.ends.end(run, outcome, UNSTARTED);
      throw error;
    }
    return record.id;
  }

  /** @returns The id of the run that has the key. @throws IDEMPOTENCY_CONFLICT when that is of another request. */
  async #insert(record: RunRecord, claim: IdempotencyClaim | undefined): Promise<string | undefined> {
    const { principal, requestJson } = record;
    this.#deps.active.makeRoom(principal, requestJson.length);
    let isHeld = false;
    try {
      const claimed = await this.#deps.runs.insert(record, claim);
      isHeld = claimed === undefined && !this.#deps.isShared;
      if (claimed === undefined) return undefined;
      return sameRun(claimed, claim);
    } finally {
      if (!isHeld) this.#deps.active.leaveRoom(principal, requestJson.length);
    }
  }
}

/** The run that a key made before. @throws IDEMPOTENCY_CONFLICT when that was for another request. */
function sameRun({ runId, digest }: ClaimedRun, claim: IdempotencyClaim | undefined): string {
  if (digest === claim?.digest) return runId;
  throw new RunletError(
    "IDEMPOTENCY_CONFLICT",
    "Cannot use the idempotency key again as it came with another request before",
    { hint: "Use a new key for a new request." },
  );
}
