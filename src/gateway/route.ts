import { callTimeoutsOf } from "../config/call-timeouts.ts";
import type { Clock } from "../lib/clock.ts";
import { byteLength } from "../lib/bounded-text.ts";
import { cancellation } from "../lib/deadline.ts";
import { RunletError } from "../lib/errors.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Upstream, UpstreamResult } from "../upstream/upstream.ts";
import type { CallTool, ToolResult } from "./call.ts";
import type { AdmittedCall } from "./policy.ts";
import { checkResultSize } from "./result-size.ts";
import { toolFailure, unwrapResult } from "./unwrap.ts";

/** How a server is reached, in the words of OpenTelemetry's conventions. */
function networkTransport({ config }: Pick<Upstream, "config">): "pipe" | "tcp" {
  return config.transport.kind === "http" ? "tcp" : "pipe";
}

/** The innermost step: sends the call to its server, times it, and turns the answer into a value. */
export function route(parts: { readonly clock: Clock; readonly metrics: Metrics }): CallTool<AdmittedCall> {
  const { clock, metrics } = parts;

  async function send(call: AdmittedCall): Promise<UpstreamResult> {
    const { upstream, signal } = call;
    const startedMs = clock.monotonic();
    let errorType = "";
    call.trace.attempts += 1;
    try {
      const { callMs: timeoutMs, idleMs: idleTimeoutMs } = callTimeoutsOf(upstream.config, call.tool);
      const { runId, asker, pause, traceContext: trace, onProgress, meta } = call;
      const ends = { signal, timeoutMs, idleTimeoutMs, pause };
      const options = { ...ends, principal: call.principal.id, runId, asker, trace, onProgress, meta };
      const answer = await upstream.callTool(call.tool, call.arguments, options);
      if (answer.isError) errorType = "tool_error";
      return answer;
    } catch (thrown) {
      const error = signal.aborted ? cancellation(signal) : thrown;
      errorType = error instanceof RunletError ? error.code : "INTERNAL";
      throw error;
    } finally {
      const ms = clock.monotonic() - startedMs;
      call.trace.upstreamMs += ms;
      const protocol = upstream.knownProtocol();
      call.trace.transport = networkTransport(upstream);
      call.trace.protocol = protocol;
      const labels = {
        mcp_method_name: "tools/call",
        gen_ai_tool_name: call.definition.name,
        gen_ai_operation_name: "execute_tool",
        error_type: errorType,
        mcp_protocol_version: protocol ?? "",
        network_transport: call.trace.transport,
      };
      metrics.observe("mcp_client_operation_duration_seconds", labels, ms / 1000);
    }
  }

  return async (call) => {
    const raw = await send(call);
    const answer = call.clean?.(raw) ?? raw;
    if (answer.isError) throw toolFailure(call.server, call.tool, answer);
    const value = unwrapResult(answer);
    const bytes = byteLength(JSON.stringify(value));
    const { content, meta } = answer;
    checkResultSize(call, meta === undefined ? bytes : bytes + byteLength(JSON.stringify(meta)));
    return { value, content, outcome: "ok", bytes, ...(meta && { meta }) } satisfies ToolResult;
  };
}
