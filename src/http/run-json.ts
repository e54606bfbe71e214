import { byteLength } from "../lib/bounded-text.ts";
import type { RunEvent, RunView } from "../runs/run.ts";
import type { CallApproval, CallRecord } from "../store/journal.ts";

/** Whether a run has ended: its status will not change any more. */
export function hasEnded(run: Pick<RunView, "status">): boolean {
  return run.status === "succeeded" || run.status === "failed" || run.status === "cancelled";
}

/**
 * A run as JSON data, its members in the order people read them. Members without a value are `undefined`, which JSON leaves
 * out; `result` is `null` at least once the run has ended, and `notice` says where the whole is of one that is cut.
 */
export function toRunJson(run: RunView): Readonly<Record<string, unknown>> {
  const {
    id,
    status,
    result,
    resultType,
    resultBytes,
    truncated,
    wholeKept,
    error,
    logs,
    calls,
    emitted,
    usage,
    ...rest
  } = run;
  return {
    id,
    status,
    result: hasEnded(run) ? (result ?? null) : result,
    resultType,
    resultBytes,
    truncated,
    notice: truncated === true ? noticeOf(run, wholeKept === true) : undefined,
    error,
    logs,
    calls,
    emitted,
    usage,
    ...rest,
  };
}

function noticeOf({ id, resultBytes }: RunView, wholeKept: boolean): string {
  const what = `The result has ${resultBytes ?? "more"} bytes; this is the part that limits.replyBytes allows.`;
  return wholeKept
    ? `${what} GET /runs/${id}/result has the whole.`
    : `${what} The whole could not be kept: return less, or raise limits.replyBytes and run again.`;
}

/** A journaled call as JSON text: what is JSON in the journal is not parsed for it. */
export function toCallJson(call: CallRecord): string {
  const { seq, server, tool, argumentsJson, outcome, resultJson, error, startedAtMs, settledAtMs, approval } = call;
  const head = JSON.stringify({ seq, server, tool }).slice(0, -1);
  const rest = JSON.stringify({
    outcome,
    error,
    approval: approval && toApprovalJson(approval),
    startedAt: new Date(startedAtMs).toISOString(),
    ms: settledAtMs === undefined ? undefined : settledAtMs - startedAtMs,
    argsBytes: byteLength(argumentsJson),
    resultBytes: resultJson === undefined ? 0 : byteLength(resultJson),
  }).slice(1);
  const result = resultJson === undefined ? "" : `"result":${resultJson},`;
  return `${head},"arguments":${argumentsJson},${result}${rest}`;
}

function toApprovalJson({ askedAtMs, expiresAtMs, decided }: CallApproval): Readonly<Record<string, unknown>> {
  return {
    askedAt: new Date(askedAtMs).toISOString(),
    expiresAt: new Date(expiresAtMs).toISOString(),
    decision: decided?.decision,
    decidedAt: decided && new Date(decided.atMs).toISOString(),
    by: decided?.by,
    reason: decided?.reason,
    grantedBy: decided?.grantedBy,
  };
}

/** An event as JSON data. */
export function toEventJson(event: RunEvent): unknown {
  return event.type === "ended" ? { ...event, run: toRunJson(event.run) } : event;
}
