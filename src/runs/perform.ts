import { Bridge } from "../bridge/bridge.ts";
import { CallBytes } from "../bridge/call-bytes.ts";
import type { Catalog, CatalogSource } from "../catalog/catalog.ts";
import { describeForPrompt } from "../catalog/describe-for-prompt.ts";
import type { ExecutionResult, Executor } from "../executor/executor.ts";
import type { ExecutionClock } from "../executor/run-seed.ts";
import type { ArgumentValidator, Gateway } from "../gateway/call.ts";
import type { QuotaKeeper } from "../gateway/quotas.ts";
import type { Clock } from "../lib/clock.ts";
import { RunletError, toErrorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { traceField } from "../lib/trace-context.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { Plan, Planner } from "../planner/planner.ts";
import { explainError } from "../script/explain-error.ts";
import { prepareScript } from "../script/prepare.ts";
import type { PreparedScript } from "../script/prepare.ts";
import type { TypeChecker } from "../script/typecheck/typecheck.ts";
import type { Journal } from "../store/journal.ts";
import type { ActiveRun } from "./active-run.ts";
import { checkScript } from "./check-script.ts";
import type { ReadResult } from "./result-reader.ts";
import { seededClockOf } from "./run-clock.ts";
import { RunTracing } from "./run-tracing.ts";
import type { RunResults } from "./run-results.ts";
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

/** How one script went; `execution` is absent when it never ran. */
interface Attempted {
  readonly error: ErrorInfo | undefined;
  readonly execution: ExecutionResult | undefined;
  /** What it returned, also when that is not accepted. */
  readonly result?: ReadResult | undefined;
}

/** What calls that a script left in flight end with. */
const SCRIPT_ENDED = new RunletError("RUN_CANCELLED", "The script ended before this call was answered");

/** How much longer than the others a server may take to start before a model plans without its tools. */
const PLAN_GRACE_MS = 5_000;

/** Performs a run from script or task to outcome. */
export class Performer {
  readonly #deps: PerformDeps;
  readonly #tracing: RunTracing;
  readonly #callBytes = new CallBytes();

  constructor(deps: PerformDeps) {
    this.#deps = deps;
    this.#tracing = deps.tracing ?? new RunTracing({});
  }

  /** Performs a run. Never rejects: what goes wrong is the outcome. @param signal Aborts when the run is cancelled. */
  perform(run: ActiveRun, signal: AbortSignal): Promise<RunOutcome> {
    return this.#tracing.run(run, () => this.#perform(run, signal));
  }

  async #perform(run: ActiveRun, signal: AbortSignal): Promise<RunOutcome> {
    const bridge = this.#createBridge(run);
    run.bridge = bridge;
    const startedAt = this.#deps.clock.monotonic();
    try {
      const { script, task } = run.request;
      if (script !== undefined)
        return await this.#outcome(run, startedAt, await this.#attempt(run, script, bridge, signal));
      return await this.#performTask(run, task ?? "", bridge, startedAt, signal);
    } catch (error) {
      return await this.#outcome(run, startedAt, { error: this.#toInfo(run, error, signal), execution: undefined });
    }
  }

  async #performTask(
    run: ActiveRun,
    task: string,
    bridge: Bridge,
    startedAt: number,
    signal: AbortSignal,
  ): Promise<RunOutcome> {
    const { planner, planAttempts, catalogs } = this.#deps;
    if (planner === undefined) throw modelNotConfigured();
    const catalog = await catalogs.settled(run.principal, run.narrow, { signal, graceMs: PLAN_GRACE_MS });
    const declarations = describeForPrompt(catalog, { task });
    const { inputJson } = run;
    const { outputSchema } = run.request;
    const outputSchemaJson = outputSchema === undefined ? undefined : JSON.stringify(outputSchema);
    const planned: Planned = { tokens: { input: 0, output: 0 }, attempts: [], cpuMs: 0, heapMiB: 0 };
    const { tokens, attempts } = planned;
    for (let attempt = 1; ; attempt++) {
      this.#event(run, { type: "planning", attempt });
      const previous = attempts.at(-1);
      const failed = previous?.error === undefined ? undefined : { script: previous.script, error: previous.error };
      let plan: Plan;
      try {
        await this.#deps.quotas.require(run.principal, "tokens", "ask the model for a script");
        const request = { task, inputJson, declarations, outputSchemaJson, failed, signal };
        plan = await this.#tracing.plan(run, { model: planner.model, attempt }, () => planner.plan(request));
      } catch (error) {
        // The scripts tried before stay part of the answer.
        const attempted = { error: this.#toInfo(run, error, signal), execution: undefined };
        return await this.#outcome(run, startedAt, attempted, planned);
      }
      tokens.input += plan.usage.inputTokens;
      tokens.output += plan.usage.outputTokens;
      await this.#deps.quotas.spend(run.principal, "tokens", plan.usage.inputTokens + plan.usage.outputTokens);
      this.#event(run, { type: "script", attempt, script: plan.script });
      bridge.discardEmitted();
      const attempted = await this.#attempt(run, plan.script, bridge, signal);
      attempts.push({ attempt, script: plan.script, error: attempted.error });
      if (attempted.error === undefined || attempt >= planAttempts || !canRepair(attempted.error, bridge)) {
        return await this.#outcome(run, startedAt, attempted, planned);
      }
      planned.cpuMs += attempted.execution?.usage.cpuMs ?? 0;
      planned.heapMiB = Math.max(planned.heapMiB, attempted.execution?.usage.heapMiB ?? 0);
    }
  }

  /** Prepares, checks and executes one script, and reads what it returned. */
  async #attempt(run: ActiveRun, text: string, bridge: Bridge, signal: AbortSignal): Promise<Attempted> {
    const attempted = await this.#execute(run, text, bridge, signal);
    const { execution } = attempted;
    if (execution?.status !== "succeeded") return attempted;
    const { replyBytes } = run.limits;
    const { outputSchema } = run.request;
    const needs = { replyBytes, outputSchema, owner: run.principal.id, signal };
    try {
      return {
        execution,
        ...(await this.#deps.results.find(execution.resultJson, needs)),
      };
    } catch (error) {
      return { error: this.#toInfo(run, error, signal), execution };
    }
  }

  /** Prepares, checks and executes one script. */
  async #execute(run: ActiveRun, text: string, bridge: Bridge, signal: AbortSignal): Promise<Attempted> {
    const { executor, log } = this.#deps;
    let script: PreparedScript;
    let catalog: Catalog;
    try {
      const asker = { owner: run.principal.id, signal };
      script = await prepareScript(text, {
        maxBytes: run.limits.sourceBytes,
        maxNodes: run.limits.syntaxNodes,
        asker,
      });
      catalog = await this.#catalogFor(run, script, signal);
      const { validator, typeChecker } = this.#deps;
      const error = await checkScript(run, script, { catalog, validator, typeChecker, bridge, signal });
      if (error !== undefined) return { error, execution: undefined };
    } catch (error) {
      return { error: this.#toInfo(run, error, signal), execution: undefined };
    }
    const over = new AbortController();
    try {
      const request = {
        principal: run.principal.id,
        script,
        inputJson: run.inputJson,
        namesJson: catalog.namesJson,
        limits: run.limits,
        clock: executionClockOf(run),
        signal,
      };
      const host = (trace: TraceContext | undefined) => bridge.host(AbortSignal.any([signal, over.signal]), trace);
      const execution = await this.#tracing.execute(run, (trace) => executor.execute(request, host(trace)));
      if (execution.status === "succeeded") return { error: undefined, execution };
      // Who ended it is told by the signal: the caller, or a service that stops.
      const isCancelled = execution.error.code === "RUN_CANCELLED" && signal.aborted;
      const error = explainError(execution.error, script, catalog);
      return { error: isCancelled ? this.#toInfo(run, signal.reason, signal) : error, execution };
    } catch (error) {
      log.error({ runId: run.record.id, ...traceField(run.trace), err: error }, "the executor failed");
      return { error: this.#toInfo(run, error, signal), execution: undefined };
    } finally {
      over.abort(SCRIPT_ENDED);
      await bridge.settled();
    }
  }

  /**
   * The catalog a script is checked against and enumerates. A script that names only servers whose tools are known, or
   * none, does not wait for the others to start.
   */
  async #catalogFor(run: ActiveRun, script: PreparedScript, signal: AbortSignal): Promise<Catalog> {
    const { catalogs } = this.#deps;
    const current = catalogs.current(run.principal, run.narrow);
    if (current.unlisted.length === 0 || !script.source.includes("mcp")) return current;
    const known = script.calls.length > 0 && script.calls.every((call) => current.resolve(call.path).kind === "tool");
    return known ? current : catalogs.settled(run.principal, run.narrow, { signal });
  }

  #createBridge(run: ActiveRun): Bridge {
    const { catalogs, gateway, journal, clock, log } = this.#deps;
    return new Bridge({
      runId: run.record.id,
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
        log: (line) => this.#event(run, { type: "log", line }),
        emit: (json) => this.#event(run, { type: "emit", json }),
        callStarted: (call) => this.#event(run, { type: "call.started", ...call }),
        callProgress: (progress) => this.#event(run, { type: "call.progress", ...progress }),
        callSettled: (call) => this.#event(run, { type: "call.settled", ...call }),
      },
    });
  }

  #event(run: ActiveRun, event: Parameters<ActiveRun["events"]["add"]>[0]): void {
    run.events.add(event, this.#deps.clock.now());
  }

  async #outcome(
    run: ActiveRun,
    startedAt: number,
    { error, execution, result }: Attempted,
    planned?: Planned,
  ): Promise<RunOutcome> {
    const { bridge } = run;
    const calls = bridge?.calls ?? [];
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
      logs: bridge?.runLog.lines ?? [],
      calls,
      emitted: bridge?.emitted ?? [],
      usage: {
        wallMs: round(this.#deps.clock.monotonic() - startedAt),
        cpuMs: round((planned?.cpuMs ?? 0) + (execution?.usage.cpuMs ?? 0)),
        heapPeakMiB: round(Math.max(planned?.heapMiB ?? 0, execution?.usage.heapMiB ?? 0)),
        toolCalls: calls.length,
        modelTokens: planned?.tokens ?? null,
      },
      script: planned?.attempts.at(-1)?.script,
      attempts: planned?.attempts,
      clock: seededClockOf(run.request),
    };
  }

  #toInfo(run: ActiveRun, error: unknown, signal: AbortSignal): ErrorInfo {
    if (signal.aborted)
      return toErrorInfo(
        signal.reason instanceof RunletError
          ? signal.reason
          : new RunletError("RUN_CANCELLED", "The run was cancelled"),
      );
    const info = toErrorInfo(error);
    if (info.code === "INTERNAL")
      this.#deps.log.error(
        { runId: run.record.id, ...traceField(run.trace), err: error },
        "a run failed for a reason of ours",
      );
    return info;
  }
}

function executionClockOf({ request }: ActiveRun): ExecutionClock | undefined {
  const clock = seededClockOf(request);
  return clock === undefined ? undefined : { seed: clock.seed, nowMs: Date.parse(clock.now) };
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
