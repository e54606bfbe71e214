import type { CallToolResult } from "@modelcontextprotocol/server";
import type { CallSummary } from "../bridge/call-summary.ts";
import type { LogLine } from "../bridge/run-log.ts";
import { boundText } from "../lib/bounded-text.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import type { JsonValue } from "../lib/guards.ts";
import type { RunView } from "../runs/run.ts";
import { boundJson, jsonBytes } from "../lib/bound-json.ts";
import { partEmitted } from "./media.ts";

/** Size of an answer's JSON when the caller did not ask for more: about what hosts let into a model's context. */
export const DEFAULT_ANSWER_BYTES = 64 * 1024;

/** Smallest answer: an error and the beginning of a result fit. */
export const MIN_ANSWER_BYTES = 4 * 1024;
/** Of the answer's bytes, what is kept free beside the result for its id, status and notice. */
export const ENVELOPE_BYTES = 1024;

/** Of the answer's bytes, the part that errors, logs and emitted values may each take before the result is cut. */
const SIDE_SHARE = 0.25;
const MAX_CALLS_TOLD = 50;

/** The members that a cut can shorten, with the values of JSON only. */
type Members = Record<string, JsonValue>;

/**
 * A run as the answer of `run_script`: the same JSON as text and as structure, both within `maxBytes`, and media that
 * the script emitted as content blocks after it. A run that failed or was cancelled is `isError`.
 *
 * @param maxBytes Of the JSON text; media are bounded by the run's own `emittedBytes`.
 */
export function toRunAnswer(run: RunView, maxBytes: number = DEFAULT_ANSWER_BYTES): CallToolResult {
  const { blocks, values } = partEmitted(run.emitted ?? [], 1);
  const side = Math.floor(maxBytes * SIDE_SHARE);
  const before: Members = { id: run.id, status: run.status };
  const after: Members = {};
  if (run.error !== undefined) after["error"] = boundJson(toErrorJson(run.error), side).value;
  const failed = run.status === "failed" || run.status === "cancelled";
  if (failed && run.calls.length > 0) after["calls"] = boundJson(tellCalls(run.calls), Math.floor(side / 4)).value;
  if (run.logs !== undefined && run.logs.length > 0) after["logs"] = tellLogs(run.logs, Math.floor(side / 2));
  if (values.length > 0) after["emitted"] = boundJson(values, side).value;
  after["toolCalls"] = run.usage?.toolCalls ?? run.calls.length;
  const structure = withResult(run, before, after, maxBytes);
  return {
    content: [{ type: "text", text: JSON.stringify(structure) }, ...blocks],
    structuredContent: structure,
    ...(failed ? { isError: true } : {}),
  };
}

/** A failure before there was a run, in the shape of a failed run. */
export function toErrorAnswer(error: ErrorInfo): CallToolResult {
  const structure = {
    status: "failed",
    error: boundJson(toErrorJson(error), DEFAULT_ANSWER_BYTES * SIDE_SHARE).value,
  };
  return { content: [{ type: "text", text: JSON.stringify(structure) }], structuredContent: structure, isError: true };
}

const NOTHING_RETURNED = "The script returned nothing: end it with `return <value>` to get something back.";

/** Puts the result where a reader looks for it, cut to what the other members leave. */
function withResult(run: RunView, before: Members, after: Members, maxBytes: number): Members {
  if (run.status !== "succeeded") return { ...before, ...after };
  const whole = run.result ?? null;
  // Who only prints or emits knows why there is no result.
  const isSilent = run.resultType === "undefined" && after["logs"] === undefined && (run.emitted ?? []).length === 0;
  if (isSilent) return { ...before, result: null, notice: NOTHING_RETURNED, ...after };
  const room = maxBytes - jsonBytes({ ...before, ...after }) - '"result":,'.length;
  if (run.truncated !== true && !boundJson(whole, room).cut) return { ...before, result: whole, ...after };
  const notice =
    `The result has ${run.resultBytes ?? jsonBytes(whole)} bytes and was cut. Filter or sum up in the script and return ` +
    "less, or run again with a larger limits.replyBytes.";
  const mark = { truncated: true, notice };
  return { ...before, result: boundJson(whole, room - jsonBytes(mark)).value, ...mark, ...after };
}

/** `ErrorInfo` holds JSON only; a passage through text proves it and drops members that are `undefined`. */
function toErrorJson(error: ErrorInfo): JsonValue {
  return JSON.parse(JSON.stringify(error)) as JsonValue;
}

/** What the script did before it failed: the calls may have changed something. */
function tellCalls(calls: readonly CallSummary[]): JsonValue {
  const told = calls.slice(-MAX_CALLS_TOLD).map((call) => `${call.server}.${call.tool}: ${call.error ?? call.outcome}`);
  const untold = calls.length - told.length;
  return untold === 0 ? told : [`… [${untold} earlier calls]`, ...told];
}

/** The last lines that fit: what a script says before it fails is at the end. */
function tellLogs(lines: readonly LogLine[], maxBytes: number): JsonValue {
  const told: string[] = [];
  let left = maxBytes;
  for (const { level, text } of lines.toReversed()) {
    const line = boundText(level === "info" ? text : `[${level}] ${text}`, Math.floor(maxBytes / 2));
    left -= jsonBytes(line) + 1;
    if (left < 0) break;
    told.unshift(line);
  }
  const untold = lines.length - told.length;
  return untold === 0 ? told : [`… [${untold} earlier lines cut]`, ...told];
}
