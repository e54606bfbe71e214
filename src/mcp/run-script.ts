import type { CallToolResult } from "@modelcontextprotocol/server";
import type { Principal } from "../config/principal.ts";
import { requireScope } from "../config/scopes.ts";
import { RunletError } from "../lib/errors.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { RunEvent, RunView } from "../runs/run.ts";
import type { Asker } from "../upstream/asker.ts";
import { parseRunScriptArguments } from "./arguments.ts";
import type { McpDeps } from "./mcp-deps.ts";
import { DEFAULT_ANSWER_BYTES, ENVELOPE_BYTES, MIN_ANSWER_BYTES, toRunAnswer } from "./run-answer.ts";
import { ANSWER_LIMIT } from "./tools.ts";

/** Least time between two progress notifications, in ms of the run's own clock. */
const PROGRESS_INTERVAL_MS = 100;

/** The MCP request that a tool is called by. */
export interface ToolExchange {
  /** Aborts when the caller cancels the request or its connection ends. */
  readonly signal: AbortSignal;
  /** Who can be asked for what a tool of the run wants to know. */
  readonly asker?: Asker | undefined;
  /** Sends progress; `undefined` when the caller did not ask for it. */
  readonly progress: ((progress: number, message: string) => Promise<void>) | undefined;
  /** What the request is part of. */
  readonly trace?: TraceContext | undefined;
}

/**
 * Performs `run_script`: submits the run, follows it to its end, answers with it. The run ends with its request: when
 * the request is cancelled, or following fails, the run is cancelled.
 *
 * @throws FORBIDDEN, REQUEST_INVALID for wrong arguments, and what `RunService.submit` throws.
 */
export async function callRunScript(
  deps: McpDeps,
  principal: Principal,
  args: unknown,
  exchange: ToolExchange,
): Promise<CallToolResult> {
  requireScope(principal, "run", "call run_script");
  const request = parseRunScriptArguments(args);
  const answerBytes = Math.max(MIN_ANSWER_BYTES, request.limits?.[ANSWER_LIMIT] ?? DEFAULT_ANSWER_BYTES);
  // The run cuts its result to what the answer has room for, so that one cut tells how much of the whole is gone.
  const limits = { ...request.limits, [ANSWER_LIMIT]: answerBytes - ENVELOPE_BYTES };
  const { asker, trace } = exchange;
  const submitted = await deps.runs.submit(principal, { ...request, limits }, { asker, trace });
  const run = await followRun(deps, principal, submitted.id, exchange);
  return toRunAnswer(run, answerBytes);
}

async function followRun(deps: McpDeps, principal: Principal, id: string, exchange: ToolExchange): Promise<RunView> {
  const { signal } = exchange;
  try {
    const report = createReporter(exchange);
    for await (const event of deps.runs.watch(principal, id, { signal })) {
      if (event.type === "ended") return event.run;
      await report(event);
    }
  } catch (thrown) {
    if (!signal.aborted) {
      await cancelRun(deps, principal, id);
      throw thrown;
    }
    deps.log.debug({ run: id, err: thrown }, "a run is no longer followed: its request was cancelled");
  }
  return signal.aborted ? await cancelRun(deps, principal, id) : await deps.runs.get(principal, id);
}

/** Cancels a run that may have ended meanwhile. */
async function cancelRun({ runs, log }: McpDeps, principal: Principal, id: string): Promise<RunView> {
  try {
    return await runs.cancel(principal, id);
  } catch (thrown) {
    if (!(thrown instanceof RunletError) || thrown.code !== "RUN_ENDED") throw thrown;
    log.debug({ run: id }, "the run had ended before its cancellation");
    return await runs.get(principal, id);
  }
}

/** Turns settled calls into progress notifications, not more than one per interval. */
function createReporter({ progress }: ToolExchange): (event: RunEvent) => Promise<void> {
  let settled = 0;
  let nextAtMs = 0;
  return async (event) => {
    if (progress === undefined || event.type !== "call.settled") return;
    settled += 1;
    if (event.atMs < nextAtMs) return;
    nextAtMs = event.atMs + PROGRESS_INTERVAL_MS;
    await progress(settled, `${event.server}.${event.tool}: ${event.outcome}, ${Math.round(event.ms)} ms`);
  };
}
