import type { Bridge } from "../bridge/bridge.ts";
import { AttemptOver } from "../bridge/attempt-over.ts";
import type { Catalog, CatalogSource } from "../catalog/catalog.ts";
import type { ExecutionResult, Executor } from "../executor/executor.ts";
import type { ExecutionClock } from "../executor/run-seed.ts";
import type { ArgumentValidator } from "../gateway/call.ts";
import { isRecord } from "../lib/guards.ts";
import { RunletError, toErrorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { traceField } from "../lib/trace-context.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import { explainError } from "../script/explain-error.ts";
import { prepareScript } from "../script/prepare.ts";
import type { PreparedScript } from "../script/prepare.ts";
import type { TypeChecker } from "../script/typecheck/typecheck.ts";
import type { ActiveRun } from "./active-run.ts";
import { checkScript } from "./check-script.ts";
import type { ReadResult } from "./result-reader.ts";
import { seededClockOf } from "./run-clock.ts";
import type { RunResults } from "./run-results.ts";
import type { RunTracing } from "./run-tracing.ts";

/** What running a script takes. */
export interface ScriptRunnerDeps {
  readonly executor: Executor;
  readonly catalogs: CatalogSource;
  readonly validator: ArgumentValidator;
  readonly typeChecker: TypeChecker;
  readonly results: RunResults;
  readonly tracing: RunTracing;
  readonly log: Log;
}

/** How one script went; `execution` is absent when it never ran. */
export interface Attempted {
  readonly error: ErrorInfo | undefined;
  readonly execution: ExecutionResult | undefined;
  /** What it returned, also when that is not accepted. */
  readonly result?: ReadResult | undefined;
}

/** One script of a run, and what it is run with. */
export interface ScriptToRun {
  readonly text: string;
  readonly bridge: Bridge;
  /** Aborts when the run is cancelled, or its attempt is over. */
  readonly signal: AbortSignal;
  /** What the script's clock reads first, in ms since the epoch. */
  readonly startMs: number;
}

/** What calls that a script left in flight end with. */
const SCRIPT_ENDED = new RunletError("RUN_CANCELLED", "The script ended before this call was answered");

/** Prepares, checks and executes scripts, and reads what they returned. */
export class ScriptRunner {
  readonly #deps: ScriptRunnerDeps;

  constructor(deps: ScriptRunnerDeps) {
    this.#deps = deps;
  }

  /** Prepares, checks and executes one script, and reads what it returned. Never rejects. */
  async run(run: ActiveRun, script: ScriptToRun): Promise<Attempted> {
    const { signal } = script;
    const attempted = await this.#execute(run, script);
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
      return { error: this.failureOf(run, error, signal), execution };
    }
  }

  /** Prepares, checks and executes one script. */
  async #execute(run: ActiveRun, { text, bridge, signal, startMs }: ScriptToRun): Promise<Attempted> {
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
      // One that made calls was checked before; what its tools are now is no fault of it.
      const isChecked = run.recorded.length > 0;
      const parts = { catalog, validator, typeChecker, bridge, signal };
      const error = isChecked ? undefined : await checkScript(run, script, parts);
      if (error !== undefined) return { error, execution: undefined };
    } catch (error) {
      return { error: this.failureOf(run, error, signal), execution: undefined };
    }
    const over = new AbortController();
    let isLost = false;
    try {
      const request = {
        principal: run.principal.id,
        script,
        inputJson: run.inputJson,
        namesJson: catalog.namesJson,
        limits: run.limits,
        clock: executionClockOf(run),
        seed: run.seed,
        startMs,
        signal,
      };
      const host = (trace: TraceContext | undefined) => bridge.host(AbortSignal.any([signal, over.signal]), trace);
      const execution = await this.#deps.tracing.execute(run, (trace) => executor.execute(request, host(trace)));
      if (execution.status === "succeeded") return { error: undefined, execution };
      // Who ended it is told by the signal: the caller, or a service that stops.
      isLost = canFollow(execution.error);
      const isCancelled = execution.error.code === "RUN_CANCELLED" && signal.aborted;
      const error = explainError(execution.error, script, catalog);
      return { error: isCancelled ? this.failureOf(run, signal.reason, signal) : error, execution };
    } catch (error) {
      log.error({ runId: run.record.id, ...traceField(run.trace), err: error }, "the executor failed");
      return { error: this.failureOf(run, error, signal), execution: undefined };
    } finally {
      over.abort(isLost ? new AttemptOver() : SCRIPT_ENDED);
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

  /** What went wrong: who ended the run, if it was ended. */
  failureOf(run: ActiveRun, error: unknown, signal: AbortSignal): ErrorInfo {
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

/**
 * Whether a run can be taken up again that ended so: its executor process died, and not of what the script did; or that is
 * not sure, and what the run did before is worth another try.
 */
export function canFollow({ code, details }: ErrorInfo): boolean {
  if (code !== "EXECUTOR_LOST" || !isRecord(details)) return false;
  return details["blame"] !== "script" || details["calls"] !== 0;
}
