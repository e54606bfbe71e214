import type { Config } from "../config/config.ts";
import { resolveLimits } from "../config/limits.ts";
import type { RunLimits } from "../config/limits.ts";
import type { Principal } from "../config/principal.ts";
import type { QuotaKeeper } from "../gateway/quotas.ts";
import type { Clock } from "../lib/clock.ts";
import { errorInfo, RunletError, toErrorInfo } from "../lib/errors.ts";
import { createId } from "../lib/ids.ts";
import type { Log } from "../lib/log.ts";
import { traceField } from "../lib/trace-context.ts";
import type { Job, RunQueue } from "../queue/run-queue.ts";
import type { CallRecord, Journal } from "../store/journal.ts";
import { callSize, runSize } from "../store/run-size.ts";
import type { RunRecord, RunStore } from "../store/run-store.ts";
import { narrowingOf, toJob } from "./active-run.ts";
import type { ActiveRun } from "./active-run.ts";
import { cutPage, PAGE_SIZE } from "./cut-page.ts";
import { HeldRequests } from "./held-requests.ts";
import { IdempotencyKeys } from "./idempotency.ts";
import { LeftRuns } from "./left-runs.ts";
import { modelNotConfigured } from "./perform.ts";
import type { Performer } from "./perform.ts";
import { RecentRuns } from "./recent-runs.ts";
import { withWholeClock } from "./run-clock.ts";
import { RunEventLog } from "./run-events.ts";
import type { RunResults } from "./run-results.ts";
import type { RunOrigin, RunService, SubmitOptions } from "./run-service.ts";
import { failedOutcome, parseOutcome, toCallSummary, toRunView } from "./run-view.ts";
import type { CallQuery, RunEvent, RunOutcome, RunRequest, RunView, WholeResult } from "./run.ts";

/** What the run service works with. */
export interface RunServiceDeps {
  readonly runs: RunStore;
  readonly journal: Journal;
  readonly queue: RunQueue;
  readonly performer: Performer;
  readonly results: RunResults;
  readonly quotas: Pick<QuotaKeeper, "take">;
  readonly limits: Config["limits"];
  /** Whether tasks can be planned. */
  readonly canPlan: boolean;
  /** The principal of an id, for runs that another process left; `undefined` when it is no more. */
  readonly findPrincipal: (id: string) => Principal | undefined;
  /** Told of each run that ended. */
  readonly onEnded: (run: {
    readonly id: string;
    readonly source: "script" | "task";
    readonly outcome: RunOutcome;
  }) => void;
  readonly clock: Clock;
  readonly log: Log;
}

const UNSTARTED: readonly RunRecord["status"][] = ["queued"];
const UNFINISHED: readonly RunRecord["status"][] = ["queued", "running"];

/** Runs that are stored first and then go through a queue. */
export class QueuedRunService implements RunService {
  readonly #deps: RunServiceDeps;
  readonly #active = new Map<string, ActiveRun>();
  readonly #recent = new RecentRuns();
  readonly #requests = new HeldRequests();
  readonly #left: LeftRuns;
  readonly #keys = new IdempotencyKeys();
  /** Let go of those who wait for a run, when the service closes. */
  readonly #waiters = new Set<() => void>();
  #closed = false;

  constructor(deps: RunServiceDeps) {
    this.#deps = deps;
    const { runs, journal, queue, findPrincipal, clock, log } = deps;
    this.#left = new LeftRuns({
      runs,
      journal,
      queue,
      findPrincipal,
      clock,
      log,
      hold: (record, principal, request) => {
        this.#requests.add(principal.id, record.requestJson.length);
        return this.#hold(record, principal, request);
      },
      fail: (run, error) => this.#finish(run, failedOutcome(error), UNSTARTED),
    });
    queue.start((job, signal) => this.#perform(job, signal));
  }

  async submit(
    principal: Principal,
    request: RunRequest,
    { idempotencyKey, ...origin }: SubmitOptions = {},
  ): Promise<RunView> {
    if (request.task !== undefined && !this.#deps.canPlan) throw modelNotConfigured();
    const { outputSchema } = request;
    if (outputSchema !== undefined) await this.#deps.results.requireSchema(outputSchema, principal.id);
    const id =
      idempotencyKey === undefined
        ? await this.#accept(principal, request, origin)
        : await this.#keys.once(principal.id, idempotencyKey, request, () => this.#accept(principal, request, origin));
    return this.get(principal, id);
  }

  async wait(
    principal: Principal,
    id: string,
    options: { readonly maxWaitMs: number; readonly signal?: AbortSignal },
  ): Promise<RunView> {
    const run = this.#active.get(id);
    if (run === undefined || run.outcome !== undefined) return this.get(principal, id);
    this.#authorise(principal, run.record, id);
    const { maxWaitMs, signal } = options;
    if (this.#closed || signal?.aborted === true) return this.#view(run);
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    const stop = (): void => resolve();
    const timer = this.#deps.clock.after(maxWaitMs, stop);
    signal?.addEventListener("abort", stop, { once: true });
    this.#waiters.add(stop);
    await Promise.race([run.ended, enough]);
    timer.cancel();
    signal?.removeEventListener("abort", stop);
    this.#waiters.delete(stop);
    return this.#view(run);
  }

  async get(principal: Principal, id: string): Promise<RunView> {
    const run = this.#active.get(id);
    if (run !== undefined) {
      this.#authorise(principal, run.record, id);
      return this.#view(run);
    }
    const record = await this.#deps.runs.get(id);
    this.#authorise(principal, record, id);
    return this.#storedView(record);
  }

  async result(principal: Principal, id: string): Promise<WholeResult> {
    return this.#deps.results.whole(await this.get(principal, id));
  }

  async calls(
    principal: Principal,
    id: string,
    { limit, after }: CallQuery,
  ): Promise<{ readonly calls: readonly CallRecord[]; readonly next?: number }> {
    await this.get(principal, id);
    const query = { limit: limit + 1, maxSize: PAGE_SIZE, ...(after === undefined ? {} : { after }) };
    const { page, isLast } = cutPage(await this.#deps.journal.list(id, query), callSize, limit);
    const last = page.at(-1);
    return isLast || last === undefined ? { calls: page } : { calls: page, next: last.seq };
  }

  async list(
    principal: Principal,
    query: { readonly status?: RunView["status"]; readonly limit: number; readonly cursor?: string },
  ): Promise<{ readonly runs: readonly RunView[]; readonly nextCursor?: string }> {
    const records = await this.#deps.runs.list({
      principal: principal.admin ? undefined : principal.id,
      status: query.status,
      limit: query.limit + 1,
      before: query.cursor,
      maxSize: PAGE_SIZE,
    });
    const { page, isLast } = cutPage(records, runSize, query.limit);
    const runs = await Promise.all(page.map((record) => this.#storedView(record)));
    const last = page.at(-1);
    return isLast || last === undefined ? { runs } : { runs, nextCursor: last.id };
  }

  async *watch(
    principal: Principal,
    id: string,
    options: { readonly afterId?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<RunEvent, void, undefined> {
    const run = this.#active.get(id);
    if (run !== undefined) {
      this.#authorise(principal, run.record, id);
      yield* run.events.watch(options.afterId ?? 0, options.signal);
      return;
    }
    const record = await this.#deps.runs.get(id);
    this.#authorise(principal, record, id);
    // The events of a run that ended long ago are gone; how it ended is not.
    yield {
      id: (options.afterId ?? 0) + 1,
      atMs: record.endedAtMs ?? record.createdAtMs,
      type: "ended",
      run: await this.#storedView(record),
    };
  }

  async cancel(principal: Principal, id: string): Promise<RunView> {
    const current = await this.get(principal, id);
    const run = this.#active.get(id);
    if (run === undefined || run.outcome !== undefined) {
      throw new RunletError("RUN_ENDED", `Cannot cancel the run as it has ended: current status is ${current.status}`);
    }
    const reason = new RunletError("RUN_CANCELLED", "The run was cancelled by its caller");
    const how = await this.#deps.queue.cancel(id, reason);
    if (how === "removed" || this.#left.remove(id))
      await this.#finish(run, failedOutcome(errorInfo(reason.code, reason.message), "cancelled"), UNSTARTED);
    else await run.ended;
    return this.#view(run);
  }

  /** Takes up what a process that died left behind, see `LeftRuns`. */
  recover(): Promise<void> {
    return this.#left.recover();
  }

  /** Lets running runs end within `graceMs`, then cancels them; queued ones stay in the store. */
  async close(graceMs: number): Promise<void> {
    this.#left.stop();
    await this.#deps.queue.close(graceMs);
    this.#closed = true;
    for (const stop of this.#waiters) stop();
  }

  async #accept(principal: Principal, asked: RunRequest, origin: RunOrigin): Promise<string> {
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
      metadata: request.metadata,
    };
    const { length } = record.requestJson;
    this.#requests.take(principal.id, length);
    try {
      await this.#deps.runs.insert(record);
    } catch (error) {
      this.#requests.release(principal.id, length);
      throw error;
    }
    await this.#enqueue(this.#hold(record, principal, request, origin));
    return record.id;
  }

  /** @param record Stored, and its request counted. */
  #hold(record: RunRecord, principal: Principal, { input, ...request }: RunRequest, from: RunOrigin = {}): ActiveRun {
    const limits: RunLimits = resolveLimits(request.limits, this.#deps.limits);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const run: ActiveRun = {
      record: { ...record, requestJson: "" },
      request,
      inputJson: input === undefined ? undefined : JSON.stringify(input),
      requestUnits: record.requestJson.length,
      principal,
      narrow: narrowingOf(request),
      limits,
      asker: from.asker,
      trace: from.trace,
      events: new RunEventLog(),
      bridge: undefined,
      outcome: undefined,
      ended,
      end,
    };
    this.#active.set(record.id, run);
    run.events.add({ type: "queued" }, record.createdAtMs);
    return run;
  }

  /** Queues a stored run; a run the queue refuses ends at once, so that none is left behind in the store. */
  async #enqueue(run: ActiveRun): Promise<void> {
    try {
      await this.#deps.queue.enqueue(toJob(run));
    } catch (error) {
      await this.#finish(run, failedOutcome(toErrorInfo(error)), UNSTARTED);
      throw error;
    }
  }

  async #perform(job: Job, signal: AbortSignal): Promise<void> {
    const { runs, clock, log, performer } = this.#deps;
    const run = this.#active.get(job.runId);
    if (run === undefined) {
      log.error({ runId: job.runId }, "the queue delivered a run that this process does not hold");
      return;
    }
    const startedAtMs = clock.now();
    try {
      if (!(await runs.update(job.runId, UNSTARTED, { status: "running", startedAtMs })))
        throw new RunletError("INTERNAL", "Cannot start the run as it must be stored as queued: it is not");
    } catch (error) {
      log.error({ runId: job.runId, ...traceField(run.trace), err: error }, "a run could not be started");
      await this.#finish(run, failedOutcome(toErrorInfo(error)), UNSTARTED);
      return;
    }
    run.record = { ...run.record, status: "running", startedAtMs };
    run.events.add({ type: "started" }, startedAtMs);
    await this.#finish(run, await performer.perform(run, signal), UNFINISHED);
  }

  async #finish(run: ActiveRun, outcome: RunOutcome, from: readonly RunRecord["status"][]): Promise<void> {
    const { runs, clock, log, onEnded } = this.#deps;
    const endedAtMs = clock.now();
    const { id } = run.record;
    let bytes = run.requestUnits;
    try {
      const outcomeJson = JSON.stringify(outcome);
      await runs.update(id, from, { status: outcome.status, endedAtMs, outcomeJson });
      bytes += outcomeJson.length;
    } catch (error) {
      log.error({ runId: id, ...traceField(run.trace), err: error }, "a run ended and its outcome could not be stored");
    }
    run.record = { ...run.record, status: outcome.status, endedAtMs };
    run.outcome = outcome;
    run.bridge = undefined;
    run.events.add({ type: "ended", run: this.#view(run) }, endedAtMs);
    run.end();
    this.#requests.release(run.principal.id, run.requestUnits);
    for (const old of this.#recent.add(id, bytes)) this.#active.delete(old);
    onEnded({ id, source: run.record.source, outcome });
  }

  /** Lets go of runs that ended before an instant, in ms since the epoch: the store keeps them no longer. */
  forgetEndedBefore(endedBeforeMs: number): void {
    const endedAtMs = (): number | undefined => this.#active.get(this.#recent.oldest ?? "")?.record.endedAtMs;
    while ((endedAtMs() ?? endedBeforeMs) < endedBeforeMs) this.#active.delete(this.#recent.removeOldest() ?? "");
  }

  #authorise(principal: Principal, record: RunRecord | undefined, id: string): asserts record is RunRecord {
    if (record === undefined || (record.principal !== principal.id && !principal.admin)) {
      throw new RunletError("NOT_FOUND", `There is no run ${JSON.stringify(id.slice(0, 64))}`, {
        hint: "GET /runs lists your runs.",
      });
    }
  }

  #view(run: ActiveRun): RunView {
    return toRunView(run.record, run.outcome, run.outcome?.calls ?? run.bridge?.calls ?? []);
  }

  async #storedView(record: RunRecord): Promise<RunView> {
    const active = this.#active.get(record.id);
    if (active !== undefined) return this.#view(active);
    const outcome = parseOutcome(record);
    return toRunView(record, outcome, outcome?.calls ?? (await this.#deps.journal.list(record.id)).map(toCallSummary));
  }
}
