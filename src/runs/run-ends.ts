import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { traceField } from "../lib/trace-context.ts";
import type { RunRecord, RunStatus, RunStore } from "../store/run-store.ts";
import type { ActiveRun } from "./active-run.ts";
import type { ActiveRuns } from "./active-runs.ts";
import { readState } from "./active-runs.ts";
import type { RunEvents } from "./run-events.ts";
import { toRunView } from "./run-view.ts";
import type { RunOutcome } from "./run.ts";

/** A run that rests: it has ended, or it waits for a decision. */
export interface RestingRun {
  readonly id: string;
  readonly source: RunRecord["source"];
  /** `undefined`: it waits. */
  readonly outcome: RunOutcome | undefined;
}

/** What ending runs takes. */
export interface RunEndsDeps {
  readonly runs: RunStore;
  readonly active: ActiveRuns;
  readonly events: RunEvents;
  /** Told of each run that rests, once that is stored. Must not throw. */
  readonly onRest: (run: RestingRun) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Ends runs: in the store first, then for those who watch and wait. */
export class RunEnds {
  readonly #deps: RunEndsDeps;

  constructor(deps: RunEndsDeps) {
    this.#deps = deps;
  }

  /**
   * Ends a run that this process holds. Never rejects: where the end cannot be stored, those who wait are told all the same.
   *
   * @param from What the run must be in the store.
   */
  async end(run: ActiveRun, outcome: RunOutcome, from: readonly RunStatus[]): Promise<void> {
    const { runs, active, clock, log, onRest } = this.#deps;
    const endedAtMs = clock.now();
    const { id, attempt, source } = run.record;
    let bytes = run.requestUnits;
    try {
      const outcomeJson = JSON.stringify(outcome);
      const change = { status: outcome.status, endedAtMs, outcomeJson, stateJson: undefined };
      const isOurs = await runs.update(id, from, change, attempt === 0 ? undefined : attempt);
      if (!isOurs && (await this.#isElsewhere(run))) {
        log.debug({ runId: id }, "a run ended here that another process has taken up, or has ended");
        active.drop(run);
        return;
      }
      bytes += outcomeJson.length;
    } catch (error) {
      log.error({ runId: id, ...traceField(run.trace), err: error }, "a run ended and its outcome could not be stored");
    }
    run.record = { ...run.record, status: outcome.status, endedAtMs };
    run.outcome = outcome;
    run.bridge = undefined;
    run.recorded = [];
    run.events.add({ type: "ended", run: toRunView(run.record, outcome, outcome.calls) }, endedAtMs);
    active.ended(run, bytes);
    onRest({ id, source, outcome });
  }

  /** Ends a run that nobody holds. @returns Whether it was in one of the states. */
  async endStored(record: RunRecord, outcome: RunOutcome, from: readonly RunStatus[]): Promise<boolean> {
    const { runs, events, clock, onRest } = this.#deps;
    const endedAtMs = clock.now();
    const { id, source } = record;
    const outcomeJson = JSON.stringify(outcome);
    const change = { status: outcome.status, endedAtMs, outcomeJson, stateJson: undefined };
    if (!(await runs.update(id, from, change))) return false;
    const ended = { ...record, status: outcome.status, endedAtMs };
    const sink = events.sinkOf(id, readState(record.stateJson).events);
    sink.add({ type: "ended", run: toRunView(ended, outcome, outcome.calls) }, endedAtMs);
    events.forget(id);
    onRest({ id, source, outcome });
    return true;
  }

  /** Whether the run that could not be changed is another attempt's now. */
  async #isElsewhere({ record: { id, attempt } }: ActiveRun): Promise<boolean> {
    const stored = await this.#deps.runs.get(id);
    return stored !== undefined && stored.attempt > attempt;
  }
}
