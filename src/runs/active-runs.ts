import type { Config } from "../config/config.ts";
import { resolveLimits } from "../config/limits.ts";
import type { Principal } from "../config/principal.ts";
import { isRecord } from "../lib/guards.ts";
import { parseJson } from "../lib/json.ts";
import type { RunRecord } from "../store/run-store.ts";
import { narrowingOf, NO_STATE } from "./active-run.ts";
import type { ActiveRun, RunState } from "./active-run.ts";
import { HeldRequests } from "./held-requests.ts";
import { RecentRuns } from "./recent-runs.ts";
import type { RunEvents } from "./run-events.ts";
import type { RunOrigin } from "./run-service.ts";
import type { RunRequest } from "./run.ts";

/** What the runs of a process are made with. */
export interface ActiveRunsDeps {
  readonly events: RunEvents;
  /** Read for each run. */
  readonly limits: Config["limits"];
}

/** The runs that this process holds: those in line here, those it performs, and those that ended a moment ago. */
export class ActiveRuns {
  readonly #deps: ActiveRunsDeps;
  readonly #runs = new Map<string, ActiveRun>();
  readonly #recent = new RecentRuns();
  readonly #requests = new HeldRequests();

  constructor(deps: ActiveRunsDeps) {
    this.#deps = deps;
  }

  get(id: string): ActiveRun | undefined {
    return this.#runs.get(id);
  }

  /** Counts a request that is to be held. @throws QUEUE_FULL when there is no room for it. */
  makeRoom(principal: string, units: number): void {
    this.#requests.take(principal, units);
  }

  /** Uncounts a request that is not held after all. */
  leaveRoom(principal: string, units: number): void {
    this.#requests.release(principal, units);
  }

  /** Holds a run that was stored before, whatever its size. */
  take(record: RunRecord, principal: Principal, request: RunRequest, from?: RunOrigin): ActiveRun {
    this.#requests.add(principal.id, record.requestJson.length);
    return this.hold(record, principal, request, from);
  }

  /** Holds a stored run whose request is counted. */
  hold(record: RunRecord, principal: Principal, { input, ...request }: RunRequest, from: RunOrigin = {}): ActiveRun {
    const { id, createdAtMs, startedAtMs } = record;
    const { promise: rested, resolve: rest } = Promise.withResolvers<void>();
    const state = readState(record.stateJson);
    const run: ActiveRun = {
      record: { ...record, requestJson: "", stateJson: undefined },
      request,
      inputJson: input === undefined ? undefined : JSON.stringify(input),
      requestUnits: record.requestJson.length,
      principal,
      narrow: narrowingOf(request),
      limits: resolveLimits(request.limits, this.#deps.limits),
      asker: from.asker,
      trace: from.trace,
      events: this.#deps.events.sinkOf(id, state.events),
      state: { ...state, events: undefined },
      seed: id,
      startMs: startedAtMs ?? createdAtMs,
      recorded: [],
      told: { logs: 0, emits: 0 },
      answers: undefined,
      bridge: undefined,
      outcome: undefined,
      rested,
      rest,
    };
    this.#runs.set(id, run);
    return run;
  }

  /** Lets go of a run that rests, or that another process has: those who wait for it look into the store. */
  drop(run: ActiveRun): void {
    this.#runs.delete(run.record.id);
    this.#requests.release(run.principal.id, run.requestUnits);
    run.rest();
  }

  /** A run has ended: it is held for a while. @param bytes Of its request and outcome, as JSON. */
  ended(run: ActiveRun, bytes: number): void {
    this.#requests.release(run.principal.id, run.requestUnits);
    run.rest();
    for (const old of this.#recent.add(run.record.id, bytes)) this.#forget(old);
  }

  /** Lets go of runs that ended before an instant, in ms since the epoch: the store keeps them no longer. */
  forgetEndedBefore(endedBeforeMs: number): void {
    const endedAtMs = (): number | undefined => this.#runs.get(this.#recent.oldest ?? "")?.record.endedAtMs;
    while ((endedAtMs() ?? endedBeforeMs) < endedBeforeMs) this.#forget(this.#recent.removeOldest() ?? "");
  }

  #forget(id: string): void {
    this.#runs.delete(id);
    this.#deps.events.forget(id);
  }
}

/** What earlier attempts left; nothing, where it cannot be read. */
export function readState(json: string | undefined): RunState {
  const parsed = json === undefined ? undefined : parseJson(json)?.value;
  // What was written is a RunState; only a file changed by another hand is not.
  return isRecord(parsed) && Array.isArray(parsed["scripts"]) ? (parsed as unknown as RunState) : NO_STATE;
}
