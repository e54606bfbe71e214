import type { Principal } from "../config/principal.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { CallRecord } from "../store/journal.ts";
import type { Asker } from "../upstream/asker.ts";
import type { CallQuery, RunDecision, RunEvent, RunRequest, RunView, WholeResult } from "./run.ts";

/** Where a run comes from, while this process knows. */
export interface RunOrigin {
  readonly asker?: Asker | undefined;
  /** What the run is part of. */
  readonly trace?: TraceContext | undefined;
}

/** What a run is submitted with. */
export interface SubmitOptions extends RunOrigin {
  readonly idempotencyKey?: string;
}

/** The run: submit, watch, cancel. All front doors stand on this. */
export interface RunService {
  /**
   * Takes a run: it is stored and queued when this resolves.
   * @param options `idempotencyKey`: the same key, principal and request give the same run. `asker`: who can be asked for
   *   what a tool wants to know while this process performs the run. `trace`: what the run is part of; one that another
   *   process takes up begins a trace of its own.
   * @throws QUEUE_FULL, TOO_MANY_CRASHES, SHUTTING_DOWN, MODEL_NOT_CONFIGURED, IDEMPOTENCY_CONFLICT; REQUEST_INVALID for an
   *   output schema that cannot be used.
   */
  submit(principal: Principal, request: RunRequest, options?: SubmitOptions): Promise<RunView>;
  /**
   * Waits for the end of a run, or until it waits for a decision.
   * @param signal Stops waiting, not the run.
   * @returns The run: ended, or as it is when `maxWaitMs` has passed or the signal aborted.
   * @throws NOT_FOUND.
   */
  wait(
    principal: Principal,
    id: string,
    options: { readonly maxWaitMs: number; readonly signal?: AbortSignal },
  ): Promise<RunView>;
  /** @throws NOT_FOUND: no such run of this principal (admins see all). */
  get(principal: Principal, id: string): Promise<RunView>;
  /**
   * The whole result of a run, also where its answer carries only a part.
   * @throws NOT_FOUND, RUN_NOT_ENDED; RUN_WITHOUT_RESULT when it ended without one; RESULT_GONE when the whole is not kept.
   */
  result(principal: Principal, id: string): Promise<WholeResult>;
  /**
   * The journaled calls of a run with their arguments and results, in the order the script made them.
   * @returns A page, bounded in size too; `next` is the number to go on after.
   * @throws NOT_FOUND.
   */
  calls(
    principal: Principal,
    id: string,
    query: CallQuery,
  ): Promise<{ readonly calls: readonly CallRecord[]; readonly next?: number }>;
  /** Newest first. */
  list(
    principal: Principal,
    query: { readonly status?: RunView["status"]; readonly limit: number; readonly cursor?: string },
  ): Promise<{ readonly runs: readonly RunView[]; readonly nextCursor?: string }>;
  /**
   * The events of a run from the one after `afterId`, those that happened already first; ends after `ended`.
   * @throws NOT_FOUND.
   */
  watch(
    principal: Principal,
    id: string,
    options?: { readonly afterId?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<RunEvent>;
  /**
   * Cancels a queued, waiting or running run and its upstream calls.
   * @returns The run after it ended.
   * @throws NOT_FOUND, RUN_ENDED.
   */
  cancel(principal: Principal, id: string): Promise<RunView>;
  /**
   * Decides calls of a run that wait; the run goes on. Deciding the same again changes nothing.
   * @returns The run as it is then: `queued`, or already further.
   * @throws NOT_FOUND, RUN_ENDED; NOT_AWAITING when no such call waits, or it was decided otherwise; FORBIDDEN.
   */
  decide(principal: Principal, id: string, decision: RunDecision): Promise<RunView>;
  /**
   * Submits a new run whose calls are answered from an ended run's; calls that one did not make are made, or refused in a dry
   * replay.
   * @throws NOT_FOUND, RUN_NOT_ENDED, and what `submit` throws.
   */
  replay(principal: Principal, id: string, options: ReplayOptions): Promise<RunView>;
}

/** How a run is replayed. */
export interface ReplayOptions extends SubmitOptions {
  /** @default the script of that run */
  readonly script?: string | undefined;
  /** @default false */
  readonly dryRun?: boolean | undefined;
}
