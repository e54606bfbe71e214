import type { CallToolResult, InputRequests, InputRequiredResult } from "@modelcontextprotocol/server";
import type { Principal } from "../config/principal.ts";
import { requireScope } from "../config/scopes.ts";
import { RunletError } from "../lib/errors.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { Asker, AskerCapabilities } from "../upstream/asker.ts";
import { parseRunScriptArguments } from "./arguments.ts";
import { FollowedRun } from "./followed-run.ts";
import type { FollowExchange } from "./followed-run.ts";
import type { HeldRuns } from "./held-runs.ts";
import type { McpDeps } from "./mcp-deps.ts";
import { DEFAULT_ANSWER_BYTES, ENVELOPE_BYTES, MIN_ANSWER_BYTES, toRunAnswer } from "./run-answer.ts";
import { Rounds } from "./rounds.ts";
import { ANSWER_LIMIT } from "./tools.ts";

/** How the caller of a request is asked for what a tool of its run wants to know. */
export type WayToAsk =
  /** While the request is under way, or not at all. */
  | { readonly kind: "during"; readonly asker: Asker | undefined }
  /** By an answer that asks, and another request that brings what was asked for. */
  | {
      readonly kind: "between";
      readonly capabilities: AskerCapabilities;
      readonly held: HeldRuns;
      /** What this request brings, where it goes on with a run; not trusted. */
      readonly brought: { readonly state: string; readonly responses: Readonly<Record<string, unknown>> } | undefined;
    };

/** The MCP request that a tool is called by. */
export interface ToolExchange extends FollowExchange {
  readonly asking: WayToAsk;
  /** What the request is part of. */
  readonly trace?: TraceContext | undefined;
}

/**
 * Performs `run_script`: submits the run, follows it to its end, answers with it; or, where its caller is asked something by an
 * answer, with the question. A request that brings the answer goes on with the same run, and submits nothing.
 *
 * @throws FORBIDDEN, REQUEST_INVALID for wrong arguments or for answers to a run that waits for none, and what `RunService.submit`
 *   throws.
 */
export async function callRunScript(
  deps: McpDeps,
  principal: Principal,
  args: unknown,
  exchange: ToolExchange,
): Promise<CallToolResult | InputRequiredResult> {
  requireScope(principal, "run", "call run_script");
  const { asking } = exchange;
  const followed =
    asking.kind === "between" && asking.brought !== undefined
      ? goOn(asking.held, principal, asking.brought)
      : await begin(deps, principal, args, exchange);
  const { rounds, answerBytes } = followed.options;
  const run = await followed.follow(exchange);
  if (run !== undefined) return toRunAnswer(run, answerBytes);
  if (asking.kind !== "between" || rounds === undefined)
    throw new Error("a run asks a caller that is not asked this way");
  // What a server asks is passed on as it came: whether it is well-formed is judged where the SDK writes it out.
  const inputRequests = rounds.open as InputRequests;
  return { resultType: "input_required", inputRequests, requestState: asking.held.hold(followed) };
}

async function begin(
  deps: McpDeps,
  principal: Principal,
  args: unknown,
  { asking, trace }: ToolExchange,
): Promise<FollowedRun> {
  const request = parseRunScriptArguments(args);
  const answerBytes = Math.max(MIN_ANSWER_BYTES, request.limits?.[ANSWER_LIMIT] ?? DEFAULT_ANSWER_BYTES);
  // The run cuts its result to what the answer has room for, so that one cut tells how much of the whole is gone.
  const limits = { ...request.limits, [ANSWER_LIMIT]: answerBytes - ENVELOPE_BYTES };
  const rounds = asking.kind === "between" ? new Rounds(asking.capabilities) : undefined;
  const asker = asking.kind === "between" ? rounds?.asker : asking.asker;
  const { id } = await deps.runs.submit(principal, { ...request, limits }, { asker, trace });
  return new FollowedRun(deps, { principal, id, answerBytes, rounds });
}

function goOn(
  held: HeldRuns,
  principal: Principal,
  { state, responses }: { readonly state: string; readonly responses: Readonly<Record<string, unknown>> },
): FollowedRun {
  const followed = held.take(principal.id, state);
  if (followed === undefined) throw notHeld();
  followed.options.rounds?.answer(responses);
  return followed;
}

function notHeld(): RunletError {
  return new RunletError(
    "REQUEST_INVALID",
    "Cannot go on with the run as its requestState must be of a run that waits for an answer: it is of none.",
    {
      hint: "The run was answered, gave its caller up or was on another process. Call run_script anew without requestState; calls that it made are not undone.",
    },
  );
}
