import type { TraceContext } from "../lib/trace-context.ts";
import { noTracing } from "../observability/tracing.ts";
import type { TraceSpan, Tracing } from "../observability/tracing.ts";
import type { ExecutionResult } from "../executor/executor.ts";
import type { Plan } from "../planner/planner.ts";
import { toErrorInfo } from "../lib/errors.ts";
import type { ActiveRun } from "./active-run.ts";
import type { Performance } from "./performance.ts";

/** The spans of runs: `run`, and in it `plan` and `execute`, which tool calls are part of. No script, task, input or result. */
export class RunTracing {
  readonly #tracing: Tracing;

  constructor({ tracing = noTracing }: { readonly tracing?: Tracing | undefined }) {
    this.#tracing = tracing;
  }

  /** Notes an attempt of a run, from the submission of the run; what is done for it meanwhile belongs to it. */
  async run(run: ActiveRun, perform: () => Promise<Performance>): Promise<Performance> {
    const { id, source, createdAtMs } = run.record;
    const attributes = { "runlet.run.id": id, "runlet.run.source": source };
    const span = this.#tracing.start("run", run.trace, { attributes, startedAtMs: createdAtMs });
    if (span === undefined) return perform();
    run.trace = span.context;
    const performance = await perform();
    if (performance.kind !== "ended") {
      span.set({ "runlet.run.status": performance.kind === "waiting" ? "waiting" : "running" });
      span.end();
      return performance;
    }
    const { status, usage, error } = performance.outcome;
    span.set({ "runlet.run.status": status, "runlet.run.tool_calls": usage.toolCalls });
    span.end(error?.code);
    return performance;
  }

  /** Notes that a model writes a script. @source OpenTelemetry semantic conventions for generative AI */
  plan(
    run: ActiveRun,
    { model, attempt }: { readonly model: string | undefined; readonly attempt: number },
    plan: () => Promise<Plan>,
  ): Promise<Plan> {
    const named = model === undefined ? {} : { "gen_ai.request.model": model };
    const attributes = { "gen_ai.operation.name": "chat", "runlet.attempt": attempt, ...named };
    const span = this.#tracing.start("plan", run.trace, { kind: "client", attributes });
    return noted(span, plan, ({ usage }) => {
      span?.set({ "gen_ai.usage.input_tokens": usage.inputTokens, "gen_ai.usage.output_tokens": usage.outputTokens });
      return undefined;
    });
  }

  /** Notes that a script executes. @param execute Given what calls of the script are part of. */
  execute(
    run: ActiveRun,
    execute: (trace: TraceContext | undefined) => Promise<ExecutionResult>,
  ): Promise<ExecutionResult> {
    const span = this.#tracing.start("execute", run.trace);
    return noted(
      span,
      () => execute(span?.context ?? run.trace),
      (result) => (result.status === "succeeded" ? undefined : result.error.code),
    );
  }
}

/** @param errorOf What went wrong, as the answer tells. */
async function noted<T>(
  span: TraceSpan | undefined,
  work: () => Promise<T>,
  errorOf: (answer: T) => string | undefined,
): Promise<T> {
  if (span === undefined) return work();
  try {
    const answer = await work();
    span.end(errorOf(answer));
    return answer;
  } catch (error) {
    span.end(toErrorInfo(error).code);
    throw error;
  }
}
