import type { Config } from "../config/config.ts";
import { mayDecide } from "../config/principal.ts";
import type { Principal } from "../config/principal.ts";
import type { QuotaKeeper } from "../gateway/quotas.ts";
import type { Clock } from "../lib/clock.ts";
import { errorInfo, RunletError } from "../lib/errors.ts";
import { parseJson } from "../lib/json.ts";
import type { Log } from "../lib/log.ts";
import type { RunQueue } from "../queue/run-queue.ts";
import type { CallRecord, Journal } from "../store/journal.ts";
import { callSize, runSize } from "../store/run-size.ts";
import type { RunRecord, RunStatus, RunStore } from "../store/run-store.ts";
import type { ActiveRun } from "./active-run.ts";
import { ActiveRuns, readState } from "./active-runs.ts";
import { Approvals } from "./approvals.ts";
import { cutPage, PAGE_SIZE } from "./cut-page.ts";
import { Intake } from "./intake.ts";
import { LeftRuns } from "./left-runs.ts";
import { modelNotConfigured } from "./perform.ts";
import type { Performer } from "./perform.ts";
import { RunEnds } from "./run-ends.ts";
import type { RestingRun } from "./run-ends.ts";
import type { RunEvents } from "./run-events.ts";
import type { RunResults } from "./run-results.ts";
import type { ReplayOptions, RunService, SubmitOptions } from "./run-service.ts";
import { failedOutcome, parseOutcome, toApprovals, toCallSummary, toRequestView, toRunView } from "./run-view.ts";
import { RunWorker } from "./run-worker.ts";
import type { CallQuery, RunDecision, RunEvent, RunRequest, RunView, WholeResult } from "./run.ts";

/** What the run service works with. */
export interface RunServiceDeps {
  readonly runs: RunStore;
  readonly journal: Journal;
  readonly queue: RunQueue;
  readonly events: RunEvents;
  readonly performer: Performer;
  readonly results: RunResults;
  readonly quotas: Pick<QuotaKeeper, "take">;
  readonly limits: Config["limits"];
  /** Whether tasks can be planned. */
  readonly canPlan: boolean;
  /** The principal of an id, for runs that another process took in; `undefined` when it is no more. */
  readonly findPrincipal: (id: string) => Principal | undefined;
  /** Told of each run that has ended or waits. */
  readonly onRest: (run: RestingRun) => void;
  /** Refuses a webhook that cannot be delivered. @throws REQUEST_INVALID. @default every one is */
  readonly requireWebhook?: (url: string) => void;
  /** Whether stored runs outlive this process. */
  readonly isDurable: boolean;
  /** Whether other processes take, perform and watch runs of the same store. @default false */
  readonly isShared?: boolean;
  /** Whether this process performs runs. @default true */
  readonly performs?: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

const UNSTARTED: readonly RunStatus[] = ["queued"];
/** How long the end of a run may take to be heard of that was cancelled elsewhere. */
const CANCEL_WITHIN_MS = 10_000;

/** Runs that are stored first and then go through a queue. */
export class QueuedRunService implements RunService {
  readonly #deps: RunServiceDeps;
  readonly #active: ActiveRuns;
  readonly #ends: RunEnds;
  readonly #left: LeftRuns;
  readonly #approvals: Approvals;
  readonly #intake: Intake;
  /** Let go of those who wait for a run, when the service closes. */
  readonly #closing = new AbortController();

  constructor(deps: RunServiceDeps) {
    const { runs, journal, queue, events, performer, findPrincipal, isDurable, onRest, quotas, clock, log } = deps;
    const { isShared = false } = deps;
    this.#deps = deps;
    const active = new ActiveRuns(deps);
    const ends = new RunEnds({ runs, active, events, onRest, clock, log });
    const left = new LeftRuns({ runs, queue, ends, isShared, clock, log });
    this.#active = active;
    this.#ends = ends;
    this.#left = left;
    this.#intake = new Intake({ runs, queue, events, active, ends, quotas, isShared, clock });
    this.#approvals = new Approvals({ runs, journal, clock, log, resume: (id) => left.resume(id) });
    const onWaiting = (id: string): Promise<void> => this.#approvals.goOn(id);
    const work = { runs, journal, queue, performer, active, ends, events, findPrincipal, isDurable, onWaiting, onRest };
    if (deps.performs !== false) new RunWorker({ ...work, clock, log }).start();
  }

  async submit(principal: Principal, request: RunRequest, options: SubmitOptions = {}): Promise<RunView> {
    const { outputSchema, webhook } = request;
    if (request.task !== undefined && !this.#deps.canPlan) throw modelNotConfigured();
    if (webhook !== undefined) (this.#deps.requireWebhook ?? noWebhooks)(webhook.url);
    if (outputSchema !== undefined) await this.#deps.results.requireSchema(outputSchema, principal.id);
    return this.get(principal, await this.#intake.accept(principal, request, options));
  }

  async wait(
    principal: Principal,
    id: string,
    { maxWaitMs, signal }: { readonly maxWaitMs: number; readonly signal?: AbortSignal },
  ): Promise<RunView> {
    const over = new AbortController();
    const timer = this.#deps.clock.after(maxWaitMs, () => over.abort());
    const enough = AbortSignal.any([over.signal, this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    try {
      for (;;) {
        const run = this.#active.get(id);
        if (run === undefined) await this.#restElsewhere(principal, id, enough);
        else {
          this.#authorise(principal, run.record, id);
          if (run.outcome === undefined) await Promise.race([run.rested, whenAborted(enough)]);
        }
        const view = await this.get(principal, id);
        // One that waited may have been taken up again meanwhile.
        if (enough.aborted || (view.status !== "queued" && view.status !== "running")) return view;
      }
    } finally {
      timer.cancel();
      // Whoever listened lets go.
      over.abort();
    }
  }

  async get(principal: Principal, id: string): Promise<RunView> {
    const run = this.#active.get(id);
    if (run !== undefined) {
      this.#authorise(principal, run.record, id);
      return this.#view(run);
    }
    return this.#storedView(await this.#stored(principal, id));
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
    const { page, isLast } = cutPage(await this.#deps.journal.list(id, { ...query, kind: "tool" }), callSize, limit);
    const last = page.at(-1);
    return isLast || last === undefined ? { calls: page } : { calls: page, next: last.seq };
  }

  async list(
    principal: Principal,
    query: { readonly status?: RunView["status"]; readonly limit: number; readonly cursor?: string },
  ): Promise<{ readonly runs: readonly RunView[]; readonly nextCursor?: string }> {
    const records = await this.#deps.runs.list({
      principal: seesAll(principal, query.status) ? undefined : principal.id,
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
    { afterId = 0, signal }: { readonly afterId?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<RunEvent, void, undefined> {
    const run = this.#active.get(id);
    const record = run?.record ?? (await this.#stored(principal, id));
    this.#authorise(principal, record, id);
    const { events } = this.#deps;
    // What waits, or is in line, will have more events; what its attempts told is in its state.
    if (record.endedAtMs === undefined) events.sinkOf(id, readState(record.stateJson).events);
    const told = events.watch(id, afterId, signal);
    if (told !== undefined) {
      yield* told;
      return;
    }
    // The events of a run that ended long ago are gone; how it ended is not.
    const ended = await this.#stored(principal, id);
    const atMs = ended.endedAtMs ?? ended.createdAtMs;
    yield { id: afterId + 1, atMs, type: "ended", run: await this.#storedView(ended) };
  }

  async cancel(principal: Principal, id: string): Promise<RunView> {
    const current = await this.get(principal, id);
    const { status } = current;
    if (status === "succeeded" || status === "failed" || status === "cancelled")
      throw new RunletError("RUN_ENDED", `Cannot cancel the run as it has ended: current status is ${status}`);
    const reason = new RunletError("RUN_CANCELLED", "The run was cancelled by its caller");
    const outcome = failedOutcome(errorInfo(reason.code, reason.message), "cancelled");
    const how = await this.#deps.queue.cancel(id, reason);
    const run = this.#active.get(id);
    if (how === "aborted") {
      if (run !== undefined) await run.rested;
      else await this.wait(principal, id, { maxWaitMs: CANCEL_WITHIN_MS });
    }
    const rested = this.#active.get(id);
    this.#left.remove(id);
    if (rested === undefined) {
      const record = await this.#stored(principal, id);
      const calls = (await this.#deps.journal.list(id, { kind: "tool" })).map(toCallSummary);
      await this.#ends.endStored(record, { ...outcome, calls }, ["queued", "waiting"]);
    } else if (rested.outcome === undefined && rested.record.status === "queued") {
      await this.#ends.end(rested, outcome, UNSTARTED);
    }
    return this.get(principal, id);
  }

  async decide(principal: Principal, id: string, decision: RunDecision): Promise<RunView> {
    const record = this.#active.get(id)?.record ?? (await this.#deps.runs.get(id));
    this.#authorise(principal, record, id);
    if (!mayDecide(principal, record.principal)) throw mayNotDecide(principal);
    await this.#approvals.decide(principal, record, decision);
    // Whoever decides for others sees their runs while they wait, and this once what became of one.
    const run = this.#active.get(id);
    return run === undefined ? this.#storedView((await this.#deps.runs.get(id)) ?? record) : this.#view(run);
  }

  async replay(principal: Principal, id: string, { script, dryRun, ...options }: ReplayOptions): Promise<RunView> {
    const { status } = await this.get(principal, id);
    if (status === "queued" || status === "running" || status === "waiting")
      throw new RunletError(
        "RUN_NOT_ENDED",
        `Cannot replay the run as it must have ended: current status is ${status}`,
      );
    const record = await this.#stored(principal, id);
    const asked = (parseJson(record.requestJson)?.value ?? {}) as RunRequest;
    const { task, webhook: _, delayMs: __, ...request } = asked;
    const text = script ?? request.script ?? parseOutcome(record)?.script;
    if (text === undefined) {
      const message = `Cannot replay the run as it must have a script: its model wrote none for ${JSON.stringify(task)}`;
      throw new RunletError("REQUEST_INVALID", message, { hint: "Send a `script`." });
    }
    return this.submit(principal, { ...request, script: text, replayOf: id, dryRun: dryRun === true }, options);
  }

  /** Takes up what processes that died left behind, see `LeftRuns`; and calls that nobody decides, from now on. */
  async recover(): Promise<void> {
    await this.#left.recover();
    this.#approvals.start();
  }

  /** Ends a run whose job was given up: every process that took it up died. */
  async lost(id: string): Promise<void> {
    const record = await this.#deps.runs.get(id);
    if (record === undefined || record.endedAtMs !== undefined) return;
    const error = errorInfo("EXECUTOR_LOST", "Every process that took this run up died; its calls show what was done", {
      details: { blame: "unknown", calls: 0, emitted: 0 },
    });
    const calls = (await this.#deps.journal.list(id, { kind: "tool" })).map(toCallSummary);
    await this.#ends.endStored(record, { ...failedOutcome(error), calls }, ["queued", "running"]);
  }

  /**
   * Lets running runs end within `graceMs`; then leaves them to the next process where the store outlives this one, and
   * cancels them else. Queued ones stay in the store.
   */
  async close(graceMs: number): Promise<void> {
    this.#left.stop();
    this.#approvals.stop();
    await this.#deps.queue.close(graceMs);
    this.#closing.abort();
    await this.#deps.events.close();
  }

  /** Lets go of runs that ended before an instant, in ms since the epoch: the store keeps them no longer. */
  forgetEndedBefore(endedBeforeMs: number): void {
    this.#active.forgetEndedBefore(endedBeforeMs);
  }

  /** Waits until a run rests that another process performs, or that is in line. */
  async #restElsewhere(principal: Principal, id: string, signal: AbortSignal): Promise<void> {
    for await (const event of this.watch(principal, id, { signal })) {
      if (event.type === "ended") return;
      if (event.type !== "waiting") continue;
      const { status } = await this.get(principal, id);
      if (status !== "queued" && status !== "running") return;
    }
  }

  async #stored(principal: Principal, id: string): Promise<RunRecord> {
    const record = await this.#deps.runs.get(id);
    this.#authorise(principal, record, id);
    return record;
  }

  #authorise(principal: Principal, record: RunRecord | undefined, id: string): asserts record is RunRecord {
    const isOwn = record !== undefined && (record.principal === principal.id || principal.admin);
    const isToDecide = record?.status === "waiting" && mayDecide(principal, record.principal);
    if (record === undefined || (!isOwn && !isToDecide)) {
      throw new RunletError("NOT_FOUND", `There is no run ${JSON.stringify(id.slice(0, 64))}`, {
        hint: "GET /runs lists your runs.",
      });
    }
  }

  #view(run: ActiveRun): RunView {
    const { record, outcome, bridge, request } = run;
    const view = toRunView(record, outcome, outcome?.calls ?? bridge?.calls ?? []);
    return { ...view, ...toRequestView(request) };
  }

  async #storedView(record: RunRecord): Promise<RunView> {
    const active = this.#active.get(record.id);
    if (active !== undefined) return this.#view(active);
    const outcome = parseOutcome(record);
    const request = toRequestView(parseJson(record.requestJson)?.value);
    if (outcome !== undefined) return { ...toRunView(record, outcome, outcome.calls), ...request };
    const calls = record.attempt === 0 ? [] : await this.#deps.journal.list(record.id, { kind: "tool" });
    const approvals = record.status === "waiting" ? { approvals: toApprovals(calls) } : {};
    return { ...toRunView(record, outcome, calls.map(toCallSummary)), ...request, ...approvals };
  }
}

/** Whether a list is of everybody's runs: for administrators, and of those that wait for whoever decides on them. */
function seesAll(principal: Principal, status: RunView["status"] | undefined): boolean {
  return principal.admin || (status === "waiting" && principal.approve === "all");
}

function mayNotDecide({ approve = "own" }: Principal): RunletError {
  return new RunletError(
    "FORBIDDEN",
    `Cannot decide on the run's calls as its caller must be allowed to: approve is ${approve}`,
    {
      hint: "Have somebody decide whose client is configured with `approve: all`.",
    },
  );
}

function noWebhooks(): never {
  throw new RunletError(
    "REQUEST_INVALID",
    "Cannot take the run as this service delivers no webhooks: one was asked for",
    {
      hint: "Leave `webhook` out and watch GET /runs/{id}/events.",
    },
  );
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
