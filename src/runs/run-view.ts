import type { CallSummary } from "../bridge/call-summary.ts";
import { byteLength } from "../lib/bounded-text.ts";
import { errorInfo } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import type { JsonValue } from "../lib/guards.ts";
import { parseJson } from "../lib/json.ts";
import type { CallRecord } from "../store/journal.ts";
import type { RunRecord } from "../store/run-store.ts";
import type { PendingApproval, RunOutcome, RunView } from "./run.ts";

/** A run as its caller sees it. @param outcome Everything known after the end; `undefined` before. */
export function toRunView(record: RunRecord, outcome: RunOutcome | undefined, calls: readonly CallSummary[]): RunView {
  const { status: _, calls: __, script, attempts, error, clock, ...rest } = outcome ?? {};
  return {
    id: record.id,
    status: record.status,
    ...rest,
    ...(error === undefined ? {} : { error }),
    ...(script === undefined ? {} : { script }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(clock === undefined ? {} : { clock }),
    ...(record.attempt > 1 ? { attempt: record.attempt } : {}),
    createdAt: toIso(record.createdAtMs),
    ...(record.startedAtMs === undefined ? {} : { startedAt: toIso(record.startedAtMs) }),
    ...(record.endedAtMs === undefined ? {} : { endedAt: toIso(record.endedAtMs) }),
    calls,
    ...(record.metadata === undefined ? {} : { metadata: record.metadata }),
  };
}

/** An instant as callers read it. */
export function toIso(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** What is said of a run that is in its request. @param request May be of another version. */
export function toRequestView(request: unknown): Pick<RunView, "dryRun" | "replayOf"> {
  if (!isRecord(request)) return {};
  const { dryRun, replayOf } = request;
  return {
    ...(dryRun === true && { dryRun }),
    ...(typeof replayOf === "string" && { replayOf }),
  };
}

/** The calls of a run that wait for a decision, or whose decision the run has not taken up yet. */
export function toApprovals(calls: readonly CallRecord[]): readonly PendingApproval[] {
  return calls.flatMap(({ seq, server, tool, argumentsJson, outcome, approval }) => {
    if (outcome !== "awaiting" || approval === undefined) return [];
    const { askedAtMs, expiresAtMs, decided } = approval;
    return [
      {
        callId: seq,
        server,
        tool,
        arguments: (parseJson(argumentsJson)?.value ?? null) as JsonValue,
        askedAt: toIso(askedAtMs),
        expiresAt: toIso(expiresAtMs),
        ...(decided === undefined ? {} : { decision: decided.decision }),
        ...(decided?.by === undefined ? {} : { by: decided.by }),
      },
    ];
  });
}

/** The outcome a store kept; a text that is not one becomes a failure that says so. */
export function parseOutcome(record: RunRecord): RunOutcome | undefined {
  if (record.outcomeJson === undefined) return undefined;
  const parsed = parseJson(record.outcomeJson)?.value;
  // What was written is a RunOutcome; only a file changed by another hand is not.
  if (isRecord(parsed) && Array.isArray(parsed["logs"])) return parsed as unknown as RunOutcome;
  return failedOutcome(errorInfo("INTERNAL", "The stored outcome of this run cannot be read"));
}

/** The outcome of a run that ended before any script did. */
export function failedOutcome(error: RunOutcome["error"], status: "failed" | "cancelled" = "failed"): RunOutcome {
  return {
    status,
    result: null,
    resultType: "none",
    resultBytes: undefined,
    truncated: false,
    wholeKept: false,
    error,
    logs: [],
    emitted: [],
    usage: { wallMs: 0, cpuMs: 0, heapPeakMiB: 0, toolCalls: 0, modelTokens: null },
    script: undefined,
    attempts: undefined,
    calls: [],
  };
}

/** A journaled call as a run's answer lists it. */
export function toCallSummary(call: CallRecord): CallSummary {
  return {
    seq: call.seq,
    server: call.server,
    tool: call.tool,
    ms: call.settledAtMs === undefined ? undefined : call.settledAtMs - call.startedAtMs,
    outcome: call.outcome,
    argsBytes: byteLength(call.argumentsJson),
    resultBytes: call.resultJson === undefined ? 0 : byteLength(call.resultJson),
    ...(call.error === undefined ? {} : { error: call.error.code }),
  };
}
