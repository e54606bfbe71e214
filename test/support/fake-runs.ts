import type { Principal } from "../../src/config/principal.ts";
import { RunletError } from "../../src/lib/errors.ts";
import type { RunService } from "../../src/runs/run-service.ts";
import type { RunEvent, RunOutcome, RunRequest, RunView } from "../../src/runs/run.ts";

/** What a fake run may do while it runs. */
export interface FakeRunControl {
  /** Aborts when the run is cancelled. */
  readonly signal: AbortSignal;
  /** Makes a tool call that settles at once, at the given time of the run. */
  readonly settleCall: (server: string, tool: string, atMs: number) => void;
  /** Makes a tool call that must be approved. */
  readonly askForCall: (server: string, tool: string, expiresAt: string, atMs: number) => void;
}

/** Says how a run ends. A rejection is a failed run with SCRIPT_ERROR. */
export type FakePerform = (request: RunRequest, control: FakeRunControl) => Promise<Partial<RunOutcome>>;

/** A run service in memory whose runs do what a test says. */
export interface FakeRunService extends RunService {
  /** Every request that was submitted. */
  readonly submitted: readonly { readonly principal: Principal; readonly request: RunRequest }[];
  /** Ids of runs that were cancelled, in order. */
  readonly cancelled: readonly string[];
  /** Number of watchers that are waiting now. */
  watchers(): number;
  /** Number of runs that have not ended. */
  live(): number;
}

type EventBody = RunEvent extends infer Each ? (Each extends RunEvent ? Omit<Each, "id" | "atMs"> : never) : never;

interface FakeRun {
  readonly owner: string;
  readonly abort: AbortController;
  readonly events: RunEvent[];
  readonly listeners: Set<() => void>;
  view: RunView;
  calls: RunView["calls"];
}

const USAGE = { wallMs: 1, cpuMs: 1, heapPeakMiB: 1, toolCalls: 0, modelTokens: null };

/** Makes a run service that performs each run with `perform` as soon as it is submitted. */
export function createFakeRuns(perform: FakePerform): FakeRunService {
  const runs = new Map<string, FakeRun>();
  const submitted: { readonly principal: Principal; readonly request: RunRequest }[] = [];
  const cancelled: string[] = [];
  let watching = 0;

  const find = (principal: Principal, id: string): FakeRun => {
    const run = runs.get(id);
    if (run === undefined || run.owner !== principal.id) throw new RunletError("NOT_FOUND", "No such run");
    return run;
  };
  const push = (run: FakeRun, body: EventBody, atMs = 0): void => {
    run.events.push({ ...body, id: run.events.length + 1, atMs });
    for (const listener of run.listeners) listener();
  };
  const end = (run: FakeRun, outcome: Partial<RunOutcome>): void => {
    if (run.view.endedAt !== undefined) return;
    const status = outcome.status ?? "succeeded";
    const usage = { ...USAGE, toolCalls: run.calls.length };
    const whole = { result: null, logs: [], emitted: [], usage, truncated: false, ...outcome };
    run.view = { ...run.view, ...whole, status, calls: run.calls, endedAt: new Date(0).toISOString() };
    push(run, { type: "ended", run: run.view });
  };

  return {
    submitted,
    cancelled,
    watchers: () => watching,
    live: () => [...runs.values()].filter(({ view }) => view.endedAt === undefined).length,
    async submit(principal, request) {
      submitted.push({ principal, request });
      const id = `run_${runs.size + 1}`;
      const view: RunView = { id, status: "running", createdAt: new Date(0).toISOString(), calls: [] };
      const run: FakeRun = {
        owner: principal.id,
        abort: new AbortController(),
        events: [],
        listeners: new Set(),
        view,
        calls: [],
      };
      runs.set(id, run);
      push(run, { type: "started" });
      const control: FakeRunControl = {
        signal: run.abort.signal,
        settleCall(server, tool, atMs) {
          const call = { seq: run.calls.length + 1, server, tool, ms: 1.4, outcome: "ok" } as const;
          run.calls = [...run.calls, { ...call, argsBytes: 2, resultBytes: 2 }];
          push(run, { type: "call.settled", ...call }, atMs);
        },
        askForCall(server, tool, expiresAt, atMs) {
          push(run, { type: "approval.requested", seq: run.calls.length + 1, server, tool, expiresAt }, atMs);
          push(run, { type: "waiting" }, atMs);
        },
      };
      void perform(request, control).then(
        (outcome) => end(run, outcome),
        (thrown: unknown) => {
          const error = { code: "SCRIPT_ERROR", message: String(thrown), fault: "script", retryable: false } as const;
          end(run, { status: "failed", error });
        },
      );
      return view;
    },
    wait: (principal, id) => Promise.resolve(find(principal, id).view),
    get: async (principal, id) => find(principal, id).view,
    result: () => Promise.reject(new RunletError("RESULT_GONE", "These runs keep no results")),
    calls: () => Promise.resolve({ calls: [] }),
    list: () => Promise.resolve({ runs: [...runs.values()].map(({ view }) => view) }),
    async *watch(principal, id, { afterId = 0, signal } = {}) {
      const run = find(principal, id);
      for (let next = afterId; ; next += 1) {
        if (signal?.aborted === true) return;
        if (next >= run.events.length) {
          watching += 1;
          await new Promise<void>((resolve) => {
            run.listeners.add(resolve);
            signal?.addEventListener("abort", () => resolve(), { once: true });
          });
          watching -= 1;
        }
        const event = run.events[next];
        if (event === undefined) return;
        yield event;
        if (event.type === "ended") return;
      }
    },
    async cancel(principal, id) {
      const run = find(principal, id);
      if (run.view.endedAt !== undefined) throw new RunletError("RUN_ENDED", "The run has ended");
      cancelled.push(id);
      const error = {
        code: "RUN_CANCELLED",
        message: "The caller cancelled",
        fault: "client",
        retryable: false,
      } as const;
      end(run, { status: "cancelled", error });
      run.abort.abort(new RunletError("RUN_CANCELLED", "The caller cancelled"));
      return run.view;
    },
    decide: () => Promise.reject(new RunletError("NOT_AWAITING", "These runs wait for nothing")),
    replay: () => Promise.reject(new RunletError("RESULT_GONE", "These runs are not replayed")),
  };
}
