import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../observability/metrics.ts";
import type { CallTool, ToolResult } from "../call.ts";
import { type CallTrace, shortName, toolLabel, type TracedCall } from "../policy.ts";

type Outcome = ToolResult["outcome"] | "error" | "denied" | "cancelled";

/**
 * Counts, times and logs every call, refused ones included; and makes sure that only a `RunletError` leaves the
 * gateway: anything else is logged as a defect and becomes INTERNAL. Never writes argument values.
 */
export function telemetry(parts: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics }) {
  const { clock, log, metrics } = parts;
  return (next: CallTool<TracedCall>): CallTool =>
    async (call) => {
      const trace: CallTrace = { server: undefined, tool: undefined, upstreamMs: 0, queueMs: 0, refusal: undefined };
      const startedMs = clock.monotonic();
      try {
        const result = await next({ ...call, trace });
        settle(call, trace, startedMs, result.outcome, { bytes: result.bytes });
        return result;
      } catch (thrown) {
        const error = toRunletError(thrown, call);
        settle(call, trace, startedMs, failureOutcome(error, trace), { code: error.code });
        if (error.code === "INTERNAL") log.error({ err: thrown, ...nameFields(call) }, "a tool call met a defect");
        throw error;
      }
    };

  function settle(call: ToolCallNames, trace: CallTrace, startedMs: number, outcome: Outcome, fields: object): void {
    const ms = clock.monotonic() - startedMs;
    const server = trace.server ?? "_unknown";
    metrics.add("runlet_gateway_calls_total", { server, tool: trace.tool ?? "_unknown", outcome });
    if (trace.refusal === undefined) {
      const overheadMs = Math.max(0, ms - trace.upstreamMs - trace.queueMs);
      metrics.observe("runlet_gateway_overhead_seconds", {}, overheadMs / 1000);
    } else {
      const { reason, scope } = trace.refusal;
      metrics.add("runlet_gateway_rejected_total", { reason, scope });
    }
    const { upstreamMs, queueMs, refusal } = trace;
    log.debug({ ...nameFields(call), outcome, ...fields, ms, upstreamMs, queueMs, ...refusal }, "tool call");
  }
}

interface ToolCallNames {
  readonly principal: { readonly id: string };
  readonly server: string;
  readonly tool: string;
  readonly runId?: string;
}

function nameFields(call: ToolCallNames): object {
  return {
    runId: call.runId,
    principal: call.principal.id,
    server: shortName(call.server),
    tool: shortName(call.tool),
  };
}

function failureOutcome(error: RunletError, trace: CallTrace): Outcome {
  if (trace.refusal?.reason === "access") return "denied";
  return error.code === "RUN_CANCELLED" ? "cancelled" : "error";
}

function toRunletError(thrown: unknown, call: ToolCallNames): RunletError {
  if (thrown instanceof RunletError) return thrown;
  return new RunletError(
    "INTERNAL",
    `Cannot call ${toolLabel(call)} as Runlet failed; the operator's log has the cause.`,
    {
      cause: thrown,
    },
  );
}
