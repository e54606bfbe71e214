import { RecordedAnswers } from "../bridge/recorded-answers.ts";
import type { Principal } from "../config/principal.ts";
import type { Clock } from "../lib/clock.ts";
import { errorInfo, RunletError, toErrorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import { parseJson } from "../lib/json.ts";
import type { Log } from "../lib/log.ts";
import { traceField } from "../lib/trace-context.ts";
import type { Job, RunQueue } from "../queue/run-queue.ts";
import type { Journal } from "../store/journal.ts";
import type { RunRecord, RunStatus, RunStore } from "../store/run-store.ts";
import { toJob } from "./active-run.ts";
import type { ActiveRun } from "./active-run.ts";
import type { ActiveRuns } from "./active-runs.ts";
import type { Performer } from "./perform.ts";
import type { RunEnds, RestingRun } from "./run-ends.ts";
import type { RunEvents } from "./run-events.ts";
import { failedOutcome, toCallSummary } from "./run-view.ts";
import type { RunOutcome, RunRequest } from "./run.ts";

/** What performing queued runs takes. */
export interface RunWorkerDeps {
  readonly runs: RunStore;
  readonly journal: Journal;
  readonly queue: RunQueue;
  readonly performer: Performer;
  readonly active: ActiveRuns;
  readonly ends: RunEnds;
  readonly events: RunEvents;
  /** The principal of an id, for runs that this process did not take in; `undefined` when it is no more. */
  readonly findPrincipal: (id: string) => Principal | undefined;
  /** Whether stored runs outlive this process: then those it cannot finish are left for the next one. */
  readonly isDurable: boolean;
  /** A run waits for decisions and is held no more: those that were made meanwhile are looked for. */
  readonly onWaiting: (runId: string) => Promise<void>;
  readonly onRest: (run: RestingRun) => void;
  readonly clock: Clock;
  readonly log: Log;
}

const RUNNING: readonly RunStatus[] = ["running"];
const UNFINISHED: readonly RunStatus[] = ["queued", "running"];
/** How often a run is taken up again by the process whose executor it lost. */
const MAX_LOST = 3;
/** The same, where its script may be why. */
const MAX_LOST_TO_BLAME = 1;
/** Wait before a run is run again from the start, ms; twice as long each time. */
const RETRY_MS = 1_000;

/** Performs what the queue delivers: takes runs up, and ends them, has them wait, or leaves them to others. */
export class RunWorker {
  readonly #deps: RunWorkerDeps;

  constructor(deps: RunWorkerDeps) {
    this.#deps = deps;
  }

  /** Starts taking jobs. Called once. */
  start(): void {
    this.#deps.queue.start((job, signal) => this.#handle(job, signal));
  }

  /** Never rejects. */
  async #handle(job: Job, signal: AbortSignal): Promise<void> {
    const { active, ends, log } = this.#deps;
    let run: ActiveRun | undefined;
    try {
      run = active.get(job.runId) ?? (await this.#load(job));
      if (run !== undefined) await this.#perform(run, job, signal);
    } catch (error) {
      log.error({ runId: job.runId, ...traceField(run?.trace), err: error }, "a run could not be started");
      if (run !== undefined) await ends.end(run, failedOutcome(toErrorInfo(error)), UNFINISHED);
    }
  }

  async #perform(run: ActiveRun, job: Job, signal: AbortSignal): Promise<void> {
    const { performer, ends } = this.#deps;
    for (let lost = 0; ; lost++) {
      if (!(await this.#take(run, lost > 0 ? run.record.attempt : job.attempt))) return;
      const performance = await performer.perform(run, signal);
      const { outcome } = performance;
      switch (performance.kind) {
        case "lost":
          if (lost < mostLost(outcome) && !signal.aborted) continue;
          return ends.end(run, outcome, UNFINISHED);
        case "ended":
          if (await this.#retry(run, outcome, signal)) return;
          return ends.end(run, outcome, UNFINISHED);
        case "waiting":
          return this.#wait(run, outcome);
        case "left":
          return this.#leave(run, outcome);
        default:
          return performance satisfies never;
      }
    }
  }

  /** Takes a run up. @returns Whether it is this process's to perform. */
  async #take(run: ActiveRun, attempt: number): Promise<boolean> {
    const { runs, journal, clock, active, log } = this.#deps;
    const { id, status } = run.record;
    // A job that is delivered again finds its run queued for it, or begun by a process that died.
    const isExpected = status === "running" ? run.record.attempt >= attempt : run.record.attempt + 1 === attempt;
    const taken = isExpected ? await runs.take(id, [status], clock.now()) : undefined;
    if (taken === undefined) {
      const stored = await runs.get(id);
      if (isExpected && stored?.attempt === run.record.attempt)
        throw new RunletError("INTERNAL", "Cannot start the run as it must be stored as queued: it is not");
      log.debug({ runId: id, attempt }, "a job came for a run that has gone on");
      active.drop(run);
      return false;
    }
    run.record = { ...run.record, status: "running", ...taken };
    run.startMs = taken.startedAtMs;
    if (taken.attempt > 1) {
      run.recorded = await journal.list(id);
      run.told = await run.events.told();
      this.#tellDecisions(run);
    }
    await this.#loadReplayed(run);
    const event =
      taken.attempt === 1 ? ({ type: "started" } as const) : { type: "resumed" as const, attempt: taken.attempt };
    run.events.add(event, clock.now());
    return true;
  }

  #tellDecisions(run: ActiveRun): void {
    for (const { seq, outcome, approval } of run.recorded) {
      const decided = approval?.decided;
      if (outcome === "awaiting" && decided !== undefined)
        run.events.add({ type: "approval.decided", seq, decision: decided.decision }, decided.atMs);
    }
  }

  /** Reads what a run that replays another is answered from. @throws NOT_FOUND when that is gone. */
  async #loadReplayed(run: ActiveRun): Promise<void> {
    const { replayOf, dryRun = false } = run.request;
    if (replayOf === undefined) return;
    const { runs, journal } = this.#deps;
    const replayed = await runs.get(replayOf);
    if (replayed === undefined)
      throw new RunletError("NOT_FOUND", `Cannot replay the run "${replayOf}" as it must be stored: it is gone`);
    run.answers = new RecordedAnswers(await journal.list(replayOf, { kind: "tool" }), { isAll: dryRun });
    run.seed = replayOf;
    run.startMs = replayed.startedAtMs ?? run.startMs;
  }

  /** A run that another process took in, or that waited. @returns `undefined` when there is nothing to do for it. */
  async #load({ runId }: Job): Promise<ActiveRun | undefined> {
    const { runs, active, findPrincipal, log } = this.#deps;
    const record = await runs.get(runId);
    if (record === undefined || !UNFINISHED.includes(record.status)) {
      log.debug({ runId }, "a job came for a run that is over, or waits");
      return undefined;
    }
    const principal = findPrincipal(record.principal);
    const request = parseJson(record.requestJson)?.value as RunRequest | undefined;
    if (principal !== undefined && request !== undefined) return active.take(record, principal, request);
    await this.giveUp(record, principal === undefined ? ownerGone() : unreadable());
    return undefined;
  }

  /** Ends a stored run that cannot be performed. */
  async giveUp(record: RunRecord, error: ErrorInfo): Promise<void> {
    const { journal, ends } = this.#deps;
    const calls = (await journal.list(record.id, { kind: "tool" })).map(toCallSummary);
    await ends.endStored(record, { ...failedOutcome(error), calls }, UNFINISHED);
  }

  /** Runs a run again from the start whose failure may pass and which changed nothing. @returns Whether it is. */
  async #retry(run: ActiveRun, { error }: RunOutcome, signal: AbortSignal): Promise<boolean> {
    const { runs, journal, queue, clock, log } = this.#deps;
    const { id, attempt } = run.record;
    const { retried } = run.state;
    const mayRetry = error?.retryable === true && retried < (run.request.retries ?? 0) && !signal.aborted;
    if (!mayRetry || run.bridge?.changedSomething === true) return false;
    const state = { ...run.state, scripts: [], retried: retried + 1 };
    const stateJson = JSON.stringify(state);
    try {
      await journal.clear(id, attempt);
      if (!(await runs.update(id, RUNNING, { status: "queued", stateJson }, attempt))) return false;
      run.record = { ...run.record, status: "queued" };
      run.state = state;
      run.recorded = [];
      const notBeforeMs = clock.now() + RETRY_MS * 2 ** retried;
      await queue.enqueue({ ...toJob(run), notBeforeMs });
      run.events.add({ type: "queued" }, clock.now());
      return true;
    } catch (reason) {
      log.warn({ runId: id, err: reason }, "a run that failed could not be queued again");
      return false;
    }
  }

  /** Has a run wait for decisions: it is held no more. */
  async #wait(run: ActiveRun, { usage }: RunOutcome): Promise<void> {
    const { runs, active, events, clock, log, onWaiting, onRest } = this.#deps;
    const { id, attempt, source } = run.record;
    run.events.add({ type: "waiting" }, clock.now());
    const told = events.park(id);
    const { wallMs, cpuMs } = usage;
    const stateJson = JSON.stringify({ ...run.state, wallMs, cpuMs, events: told });
    const isOurs = await runs.update(id, RUNNING, { status: "waiting", stateJson }, attempt);
    active.drop(run);
    if (!isOurs) {
      log.debug({ runId: id }, "a run was to wait that another process has taken up, or has ended");
      return;
    }
    onRest({ id, source, outcome: undefined });
    await onWaiting(id);
  }

  /** Leaves a run to another process; one that would be lost with this one ends. */
  async #leave(run: ActiveRun, outcome: RunOutcome): Promise<void> {
    const { active, ends, isDurable, log } = this.#deps;
    if (!isDurable && outcome.error?.code === "SHUTTING_DOWN") return ends.end(run, outcome, UNFINISHED);
    log.debug({ runId: run.record.id, code: outcome.error?.code }, "a run is left to another process");
    active.drop(run);
  }
}

function mostLost({ error }: RunOutcome): number {
  const { details } = error ?? {};
  return isRecord(details) && details["blame"] === "script" ? MAX_LOST_TO_BLAME : MAX_LOST;
}

/** Why a run ends whose client is configured no more. */
function ownerGone(): ErrorInfo {
  return errorInfo("FORBIDDEN", "Cannot take the run up again as its client must be configured: it is no more");
}

/** Why a run ends whose request cannot be read again. */
function unreadable(): ErrorInfo {
  return errorInfo("INTERNAL", "Cannot take the run up again as its request must be JSON: what is stored is not");
}
