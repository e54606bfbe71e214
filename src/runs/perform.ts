import { AttemptOver } from "../bridge/attempt-over.ts";
import { Bridge } from "../bridge/bridge.ts";
import { CallBytes } from "../bridge/call-bytes.ts";
import type { CatalogSource } from "../catalog/catalog.ts";
import { describeForPrompt } from "../catalog/describe-for-prompt.ts";
import type { Executor } from "../executor/executor.ts";
import type { ArgumentValidator, Gateway } from "../gateway/call.ts";
import type { QuotaKeeper } from "../gateway/quotas.ts";
import type { Clock } from "../lib/clock.ts";
import { RunletError, toErrorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Planner } from "../planner/planner.ts";
import type { TypeChecker } from "../script/typecheck/typecheck.ts";
import type { Journal } from "../store/journal.ts";
import type { ActiveRun, RunState } from "./active-run.ts";
import type { Performance } from "./performance.ts";
import { seededClockOf } from "./run-clock.ts";
import type { RunResults } from "./run-results.ts";
import { canFollow, ScriptRunner } from "./run-script.ts";
import type { Attempted } from "./run-script.ts";
import { RunTracing } from "./run-tracing.ts";
import { toIso } from "./run-view.ts";
import type { RunOutcome, ScriptAttempt } from "./run.ts";

/** What performing a run takes. */
export interface PerformDeps {
  readonly executor: Executor;
  readonly gateway: Gateway;
  readonly catalogs: CatalogSource;
  readonly validator: ArgumentValidator;
  readonly typeChecker: TypeChecker;
  readonly journal: Journal;
  /** `undefined`: no model is configured, tasks are refused. */
  readonly planner: Planner | undefined;
  /** Scripts a model may write for one task. */
  readonly planAttempts: number;
  readonly results: RunResults;
  /** @default one that notes nothing */
  readonly tracing?: RunTracing;
  readonly quotas: Pick<QuotaKeeper, "require" | "spend">;
  /** Keeps what the next attempt of a run needs, before anything of it is done. @default it is not kept */
  readonly keepState?: ((run: ActiveRun) => Promise<void>) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** The scripts a model wrote for a task: how they went, and what those before the last one used. */
interface Planned {
  readonly tokens: { input: number; output: number };
  readonly attempts: ScriptAttempt[];
  cpuMs: number;
  heapMiB: number;
}

/** How much longer than the others a server may take to start before a model plans without its tools. */
const PLAN_GRACE_MS = 5_000;

/** One attempt of a run under way. */
interface Attempt {
  readonly run: ActiveRun;
  readonly bridge: Bridge;
  /** Aborts when the run is cancelled, or the attempt is over. */
  readonly signal: AbortSignal;
  /** Monotonic. */
  readonly startedAt: number;
}

/** Performs attempts of runs, from script or task to outcome. */
export class Performer {
  readonly #deps: PerformDeps;
  readonly #tracing: RunTracing;
  readonly #scripts: ScriptRunner;
  readonly #callBytes = new CallBytes();

  constructor(deps: PerformDeps) {
    const { executor, catalogs, validator, typeChecker, results, log, tracing = new RunTracing({}) } = deps;
    this.#deps = deps;
    this.#tracing = tracing;
    this.#scripts = new ScriptRunner({ executor, catalogs, validator, typeChecker, results, tracing, log });
  }

  /**
   * Performs one attempt of a run that was taken up. Never rejects: what goes wrong is the outcome.
   *
   * @param cancelled Aborts when the run is cancelled, or this process stops.
   */
  perform(run: ActiveRun, cancelled: AbortSignal): Promise<Performance> {
    return this.#tracing.run(run, () => this.#perform(run, cancelled));
  }

  async #perform(run: ActiveRun, cancelled: AbortSignal): Promise<Performance> {
    const stop = new AbortController();
    const signal = AbortSignal.any([cancelled, stop.signal]);
    const bridge = this.#createBridge(run, stop);
    run.bridge = bridge;
    const attempt: Attempt = { run, bridge, signal, startedAt: this.#deps.clock.monotonic() };
    const outcome = await this.#outcomeOf(attempt);
    bridge.close();
    const reason: unknown = stop.signal.aborted ? stop.signal.reason : undefined;
    // Who cancels a run that is about to wait cancels it.
    if (reason instanceof AttemptOver && !isCancelled(cancelled)) return { kind: "waiting", outcome };
    const error = reason === undefined || reason instanceof AttemptOver ? outcome.error : toErrorInfo(reason);
    if (error?.code === "RUN_SUPERSEDED" || error?.code === "SHUTTING_DOWN")
      return { kind: "left", outcome: { ...outcome, status: "failed", error } };
    if (reason !== undefined && !(reason instanceof AttemptOver))
      return { kind: "ended", outcome: { ...outcome, status: "failed", error } };
    const isLost = error !== undefined && canFollow(error) && bridge.canBeResumed;
    return { kind: isLost ? "lost" : "ended", outcome };
  }

  async #outcomeOf(attempt: Attempt): Promise<RunOutcome> {
    const { run, bridge, signal } = attempt;
    const { script, task } = run.request;
    try {
      if (script === undefined) return await this.#performTask(attempt, task ?? "");
      const { startMs } = run;
      return await this.#outcome(attempt, await this.#scripts.run(run, { text: script, bridge, signal, startMs }));
    } catch (error) {
      const info = this.#scripts.failureOf(run, error, signal);
      return this.#outcome(attempt, { error: info, execution: undefined });
    }
  }

  async #performTask(attempt: Attempt, task: string): Promise<RunOutcome> {
    const { run, bridge, signal } = attempt;
    const planned: Planned = { tokens: { input: 0, output: 0 }, attempts: [], cpuMs: 0, heapMiB: 0 };
    for (let number = 1; ; number++) {
      let script: RunState["scripts"][number];
      try {
        script = await this.#scriptOf(attempt, { task, number, planned });
      } catch (error) {
        // The scripts tried before stay part of the answer.
        const attempted = { error: this.#scripts.failureOf(run, error, signal), execution: undefined };
        return this.#outcome(attempt, attempted, planned);
      }
      planned.tokens.input += script.inputTokens;
      planned.tokens.output += script.outputTokens;
      bridge.discardEmitted();
      const { script: text, startedAtMs: startMs } = script;
      const attempted = await this.#scripts.run(run, { text, bridge, signal, startMs });
      const { error } = attempted;
      planned.attempts.push({ attempt: number, script: text, error });
      const isLast = error === undefined || number >= this.#deps.planAttempts || !canRepair(error, bridge);
      if (isLast || signal.aborted || canFollow(error)) return this.#outcome(attempt, attempted, planned);
      planned.cpuMs += attempted.execution?.usage.cpuMs ?? 0;
      planned.heapMiB = Math.max(planned.heapMiB, attempted.execution?.usage.heapMiB ?? 0);
    }
  }

  /** The script that a model wrote in an earlier attempt of the run, or writes now. */
  async #scriptOf(
    { run, signal }: Attempt,
    { task, number, planned }: { readonly task: string; readonly number: number; readonly planned: Planned },
  ): Promise<RunState["scripts"][number]> {
    const known = run.state.scripts[number - 1];
    if (known !== undefined) return known;
    const { planner, catalogs, quotas, clock, keepState } = this.#deps;
    if (planner === undefined) throw modelNotConfigured();
    const catalog = await catalogs.settled(run.principal, run.narrow, { signal, graceMs: PLAN_GRACE_MS });
    const declarations = describeForPrompt(catalog, { task });
    const { inputJson } = run;
    const { outputSchema } = run.request;
    const outputSchemaJson = outputSchema === undefined ? undefined : JSON.stringify(outputSchema);
    this.#event(run, { type: "planning", attempt: number });
    const previous = planned.attempts.at(-1);
    const failed = previous?.error === undefined ? undefined : { script: previous.script, error: previous.error };
    await quotas.require(run.principal, "tokens", "ask the model for a script");
    const request = { task, inputJson, declarations, outputSchemaJson, failed, signal };
    const { script, usage } = await this.#tracing.plan(run, { model: planner.model, attempt: number }, () =>
      planner.plan(request),
    );
    const { inputTokens, outputTokens } = usage;
    await quotas.spend(run.principal, "tokens", inputTokens + outputTokens);
    this.#event(run, { type: "script", attempt: number, script });
    const written = { script, inputTokens, outputTokens, startedAtMs: clock.now() };
    run.state = { ...run.state, scripts: [...run.state.scripts, written] };
    await keepState?.(run);
    return written;
  }

  #createBridge(run: ActiveRun, stop: AbortController): Bridge {
    const { catalogs, gateway, journal, clock, log } = this.#deps;
    let logs = 0;
    let emits = 0;
    return new Bridge({
      runId: run.record.id,
      attempt: run.record.attempt,
      recorded: run.recorded,
      answers: run.answers,
      dryRun: run.request.dryRun === true,
      onStill: () => stop.abort(new AttemptOver()),
      onBroken: (error) => stop.abort(error),
      principal: run.principal,
      narrow: run.narrow,
      limits: run.limits,
      catalogs,
      gateway,
      journal,
      callBytes: this.#callBytes,
      clock,
      log,
      asker: run.asker,
      listener: {
        log: (line) => {
          if (++logs > run.told.logs) this.#event(run, { type: "log", line });
        },
        emit: (json) => {
          if (++emits > run.told.emits) this.#event(run, { type: "emit", json });
        },
        callStarted: (call) => this.#event(run, { type: "call.started", ...call }),
        callProgress: (progress) => this.#event(run, { type: "call.progress", ...progress }),
        callSettled: (call) => this.#event(run, { type: "call.settled", ...call }),
        approvalRequested: ({ expiresAtMs, ...call }) =>
          this.#event(run, { type: "approval.requested", ...call, expiresAt: toIso(expiresAtMs) }),
      },
    });
  }

  #event(run: ActiveRun, event: Parameters<ActiveRun["events"]["add"]>[0]): void {
    run.events.add(event, this.#deps.clock.now());
  }

  async #outcome(
    { run, bridge, startedAt }: Attempt,
    { error, execution, result }: Attempted,
    planned?: Planned,
  ): Promise<RunOutcome> {
    const { calls } = bridge;
    const succeeded = error === undefined;
    const hadNoValue = execution?.status === "succeeded" && execution.resultJson === undefined;
    const wholeKept = result?.whole !== undefined && (await this.#deps.results.keep(run.record.id, result.whole));
    return {
      status: succeeded ? "succeeded" : error?.code === "RUN_CANCELLED" ? "cancelled" : "failed",
      result: result?.value ?? null,
      resultType: result !== undefined ? "json" : hadNoValue ? "undefined" : "none",
      resultBytes: result?.bytes,
      truncated: result?.whole !== undefined,
      wholeKept,
      error,
      logs: bridge.runLog.lines,
      calls,
      emitted: bridge.emitted,
      usage: {
        wallMs: round(run.state.wallMs + this.#deps.clock.monotonic() - startedAt),
        cpuMs: round(run.state.cpuMs + (planned?.cpuMs ?? 0) + (execution?.usage.cpuMs ?? 0)),
        heapPeakMiB: round(Math.max(planned?.heapMiB ?? 0, execution?.usage.heapMiB ?? 0)),
        toolCalls: calls.length,
        modelTokens: planned?.tokens ?? null,
      },
      script: planned?.attempts.at(-1)?.script,
      attempts: planned?.attempts,
      clock: seededClockOf(run.request),
    };
  }
}

function isCancelled({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof RunletError && reason.code === "SHUTTING_DOWN");
}

/** What a caller is told who posts a task to a service without a model. */
export function modelNotConfigured(): RunletError {
  return new RunletError("MODEL_NOT_CONFIGURED", "Cannot plan a task as no model is configured", {
    hint: "Set model.baseURL and model.model in the configuration, or post a script.",
  });
}

/** Whether a model may try again: the script was at fault, and no call that changes something has been made. */
function canRepair(error: ErrorInfo, bridge: Bridge): boolean {
  const atFault =
    error.fault === "script" ||
    error.code === "TOOL_NOT_FOUND" ||
    error.code === "TOOL_ARGUMENTS_INVALID" ||
    error.code === "TOOL_FAILED";
  return atFault && !bridge.changedSomething;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
