import { MAX_EMITTED_VALUES, MAX_NESTING } from "../bridge/protocol.ts";
import type { EndReason, ExecutionUsage } from "../bridge/protocol.ts";
import type { RunLimits } from "../config/limits.ts";
import { boundText, byteLength } from "../lib/bounded-text.ts";
import { errorInfo, isErrorCode, toErrorInfo } from "../lib/errors.ts";
import type { ErrorContext, ErrorInfo, RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import { isDeeperThan, parseJson } from "../lib/json.ts";
import { prefixOf } from "../script/body-wrapper.ts";
import type { Position, RunnableScript } from "../script/script.ts";
import { snippet } from "../script/source-position.ts";
import type { ExecutionResult, ResultJson } from "./executor.ts";
import { INLINE_UNITS } from "./pipe/message-frames.ts";

const FRAME = /^ +at .*?\bscript\.js:(\d{1,7}):(\d{1,7})/mu;
/** Data of a failure that is passed on; the gateway's own never has more. */
const MAX_DETAILS_UNITS = 64 * 1024;

/** How a run ended, from what the executor process said of it; every text in it is untrusted and bounded here. */
export function toExecutionResult(
  reason: EndReason,
  said: ResultJson,
  usage: ExecutionUsage,
  request: { readonly script: RunnableScript; readonly limits: RunLimits },
): ExecutionResult {
  if (reason === "undefined") return { status: "succeeded", resultJson: undefined, usage };
  if (reason === "value") {
    const error = resultFault(said, request.limits);
    return error === undefined ? { status: "succeeded", resultJson: said, usage } : { status: "failed", error, usage };
  }
  return { status: "failed", error: toError(reason, typeof said === "string" ? said : "", request), usage };
}

/**
 * What is wrong with a result. The runtime holds these rules inside and its process is not trusted with them; it counts
 * UTF-16 units, which are fewer than bytes: what is over the limit in bytes only is found here.
 */
function resultFault(result: ResultJson, { resultBytes }: RunLimits): ErrorInfo | undefined {
  const bytes = typeof result === "string" ? byteLength(result) : result.byteLength;
  if (bytes > resultBytes) return resultTooLarge(resultBytes);
  // Whether a large one is JSON is found where it is read, in a thread: it would hold up everybody here.
  if (typeof result !== "string" || result.length > INLINE_UNITS) return undefined;
  const parsed = parseJson(result);
  if (parsed === undefined) return errorInfo("RESULT_INVALID", "The script's result is not JSON");
  if (!isDeeperThan(parsed.value, MAX_NESTING)) return undefined;
  return errorInfo("RESULT_INVALID", `Cannot return the result as it may be nested ${MAX_NESTING} deep: it is deeper`);
}

function resultTooLarge(resultBytes: number): ErrorInfo {
  return errorInfo("RESULT_TOO_LARGE", `Cannot return the result as it may have ${resultBytes} bytes: it has more`, {
    hint: "Return less (filter, slice or summarise in the script), or ask for more with limits.resultBytes.",
  });
}

type FailureReason = Exclude<EndReason, "value" | "undefined">;

function toError(
  reason: FailureReason,
  text: string,
  { script, limits }: { readonly script: RunnableScript; readonly limits: RunLimits },
): ErrorInfo {
  switch (reason) {
    case "thrown":
      return thrownError(text, script, limits);
    case "failed":
      return failedError(text, script, limits);
    case "wall":
      return errorInfo("SCRIPT_TIMEOUT", `The script ran longer than ${limits.wallMs} ms, tool calls included`, {
        hint: "Do less in one run, make calls in parallel, or ask for more with limits.wallMs.",
      });
    case "cpu":
      return errorInfo("SCRIPT_CPU_LIMIT", `The script computed longer than ${limits.cpuMs} ms`, {
        hint: "Look for a loop that does not end, or ask for more with limits.cpuMs.",
      });
    case "memory":
      return errorInfo("SCRIPT_MEMORY_LIMIT", `The script used more than ${limits.memoryMiB} MiB of memory`, {
        hint: "Keep less at once (process items one by one), or ask for more with limits.memoryMiB.",
      });
    case "catastrophe":
      return errorInfo(
        "SCRIPT_MEMORY_LIMIT",
        `The script made the engine give up: it exhausted ${limits.memoryMiB} MiB of memory or another resource`,
        {
          hint: "Keep less at once, or ask for more with limits.memoryMiB.",
        },
      );
    case "deadlock":
      return errorInfo(
        "SCRIPT_DEADLOCK",
        "The script waits for a promise that nothing can settle: no tool call and no timer is pending",
        {
          hint: "Look for an `await` of a promise whose resolve function is never called.",
        },
      );
    case "quota":
      return quotaError(text, limits);
    case "cancelled":
      return errorInfo("RUN_CANCELLED", "The run was cancelled");
    case "refused":
      return errorInfo("EXECUTOR_LOST", "The executor process had no isolate for the script");
    default:
      return reason satisfies never;
  }
}

/** A limit that only a script comes to which went round the runtime's own check. */
function quotaError(which: string, limits: RunLimits): ErrorInfo {
  switch (which) {
    case "result":
      return resultTooLarge(limits.resultBytes);
    case "emit":
      return errorInfo(
        "EMIT_LIMIT",
        `Cannot emit a value as a run may emit ${MAX_EMITTED_VALUES} values and ${limits.emittedBytes} bytes: with this one it would be more`,
        { hint: "Emit fewer and larger values, or return them." },
      );
    case "timers":
      return errorInfo(
        "TIMER_LIMIT",
        `Cannot set a timer as ${limits.timers} may be pending at once, and be set and cleared a bounded number of times without waiting: it would be more`,
        { hint: "Look for a loop that sets timers without awaiting anything." },
      );
    default:
      return errorInfo(
        "TOOL_CALL_LIMIT",
        `Cannot make the call as a run may make ${limits.toolCalls}, ${limits.concurrency} at once: it would be more`,
      );
  }
}

function thrownError(text: string, script: RunnableScript, limits: RunLimits): ErrorInfo {
  const thrown = parseJson(text)?.value;
  const read = (key: string): string => (isRecord(thrown) && typeof thrown[key] === "string" ? thrown[key] : "");
  const name = read("name");
  const message = read("message");
  const whole = name === "" ? message : message === "" ? name : `${name}: ${message}`;
  return errorInfo(
    "SCRIPT_ERROR",
    boundText(whole === "" ? "The script threw a value without a message" : whole, limits.errorBytes),
    {
      ...place(read("stack"), script),
    },
  );
}

/** What is known of what a run used that never ran, or whose process cannot be asked. */
export const NO_USAGE: ExecutionUsage = { wallMs: 0, cpuMs: 0, heapMiB: 0 };

/** A run that ended without its script's doing. */
export function failed(error: RunletError): ExecutionResult {
  return { status: "failed", error: toErrorInfo(error), usage: NO_USAGE };
}

/** A run that its caller, or the end of the service, stopped. */
export function cancelled(): ExecutionResult {
  return { status: "failed", error: errorInfo("RUN_CANCELLED", "The run was cancelled"), usage: NO_USAGE };
}

/** A failure Runlet made and the script let through: rebuilt from the table, never passed on as it came. */
function failedError(text: string, script: RunnableScript, limits: RunLimits): ErrorInfo {
  const failed = parseJson(text)?.value;
  const info = isRecord(failed) && typeof failed["info"] === "string" ? parseJson(failed["info"])?.value : undefined;
  const stack = isRecord(failed) && typeof failed["stack"] === "string" ? failed["stack"] : "";
  if (!isRecord(info) || !isErrorCode(info["code"]))
    return errorInfo("SCRIPT_ERROR", "The script failed in a way it could not tell");
  const context: Record<string, unknown> = {};
  for (const key of ["server", "tool", "hint"] as const) {
    if (typeof info[key] === "string") context[key] = boundText(info[key], limits.errorBytes);
  }
  if (isSmall(info["details"])) context["details"] = info["details"];
  const message = typeof info["message"] === "string" ? boundText(info["message"], limits.errorBytes) : info["code"];
  return errorInfo(info["code"], message, { ...(context as ErrorContext), ...place(stack, script) });
}

function isSmall(details: unknown): boolean {
  if (details === undefined || isDeeperThan(details, MAX_NESTING)) return false;
  return JSON.stringify(details).length <= MAX_DETAILS_UNITS;
}

/** Line, column and text of the first frame of a stack that is the script's own. */
function place(stack: string, script: RunnableScript): ErrorContext {
  const match = FRAME.exec(stack);
  if (match === null) return {};
  const [, lineText = "1", columnText = "1"] = match;
  const line = Number(lineText);
  const before = line === 1 ? prefixOf(script.tracker).length : 0;
  const generated: Position = { line, column: Number(columnText) - before };
  const position = script.edits.toSource(generated);
  if (position === undefined) return {};
  const quoted = snippet(script.source, position.line, position.column);
  return {
    line: position.line,
    column: position.column,
    ...(quoted === undefined ? {} : { snippet: quoted }),
  };
}
