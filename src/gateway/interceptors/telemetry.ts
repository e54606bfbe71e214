import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { traceField } from "../../lib/trace-context.ts";
import type { TraceContext } from "../../lib/trace-context.ts";
import type { Metrics } from "../../observability/metrics.ts";
import { noTracing } from "../../observability/tracing.ts";
import type { SpanStart, TraceSpan, Tracing } from "../../observability/tracing.ts";
import type { CallTool, ToolResult } from "../call.ts";
import { type CallTrace, shortName, toolLabel, type TracedCall } from "../policy.ts";

type Outcome = ToolResult["outcome"] | "error" | "denied" | "cancelled";

/**
 * Counts, times, traces and logs every call, refused ones included; and makes sure that only a `RunletError` leaves the
 * gateway: anything else is logged as a defect and becomes INTERNAL. Never writes argument values.
 */
export function telemetry(parts: {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing?: Tracing;
}) {
  const { clock, log, metrics, tracing = noTracing } = parts;
  return (next: CallTool<TracedCall>): CallTool =>
    async (call) => {
      const trace: CallTrace = {
        server: undefined,
        tool: undefined,
        upstreamMs: 0,
        queueMs: 0,
        attempts: 0,
        refusal: undefined,
      };
      const startedMs = clock.monotonic();
      const span = tracing.start(METHOD, call.traceContext, SPAN_START);
      const traced: TracedCall = { ...call, trace, traceContext: span?.context ?? call.traceContext };
      try {
        const result = await next(traced);
        settle(traced, startedMs, result.outcome, { bytes: result.bytes });
        endSpan(span, trace, result.outcome, undefined);
        return result;
      } catch (thrown) {
        const error = toRunletError(thrown, call);
        const outcome = failureOutcome(error, trace);
        settle(traced, startedMs, outcome, { code: error.code });
        endSpan(span, trace, outcome, error.code);
        if (error.code === "INTERNAL") log.error({ err: thrown, ...nameFields(call) }, "a tool call met a defect");
        throw error;
      }
    };

  function settle(call: TracedCall, startedMs: number, outcome: Outcome, fields: object): void {
    const { trace } = call;
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

const METHOD = "tools/call";
const SPAN_START: SpanStart = {
  kind: "client",
  attributes: { "mcp.method.name": METHOD, "gen_ai.operation.name": "execute_tool" },
};

/** Says of a call what it was: names that exist here only, and nothing of what was sent or answered. */
function endSpan(span: TraceSpan | undefined, trace: CallTrace, outcome: Outcome, code: string | undefined): void {
  if (span === undefined) return;
  const { server = "_unknown", tool = "_unknown", protocol, transport } = trace;
  span.rename(`${METHOD} ${tool}`);
  span.set({
    "gen_ai.tool.name": tool,
    "runlet.server.name": server,
    "runlet.call.outcome": outcome,
    ...(protocol === undefined ? {} : { "mcp.protocol.version": protocol }),
    ...(transport === undefined ? {} : { "network.transport": transport }),
  });
  span.end(code === "TOOL_FAILED" ? "tool_error" : code);
}

interface ToolCallNames {
  readonly principal: { readonly id: string };
  readonly server: string;
  readonly tool: string;
  readonly runId?: string;
  readonly traceContext?: TraceContext | undefined;
}

function nameFields(call: ToolCallNames): object {
  return {
    runId: call.runId,
    principal: call.principal.id,
    server: shortName(call.server),
    tool: shortName(call.tool),
    ...traceField(call.traceContext),
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
