import { ProtocolError } from "@modelcontextprotocol/server";
import { systemClock } from "../lib/clock.ts";
import { toErrorInfo } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import { traceOfMeta } from "../lib/trace-context.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import { noTracing } from "../observability/tracing.ts";
import type { McpDeps } from "./mcp-deps.ts";

/** How requests of a connection reach us. */
export interface McpOrigin {
  readonly transport: "pipe" | "tcp";
  /** What the HTTP exchange is part of, if there is one. */
  readonly trace?: TraceContext | undefined;
}

/** One MCP request to us, as metrics and traces tell of it. */
export interface ObservedRequest {
  readonly method: "tools/list" | "tools/call";
  /** Name of one of our tools, or `_unknown`; empty where the request names none. */
  readonly tool: string;
  /** The request's `_meta`: a trace context in it counts more than that of the exchange. */
  readonly meta: unknown;
  /** The negotiated revision. */
  readonly protocol: string | undefined;
  readonly origin: McpOrigin;
}

/**
 * Times a request and notes it as a span. An answer that says `isError` counts as a `tool_error`.
 *
 * @param work Given what its own work is part of.
 */
export async function observeRequest<T>(
  { metrics, tracing = noTracing, clock = systemClock }: Pick<McpDeps, "metrics" | "tracing" | "clock">,
  { method, tool, meta, protocol, origin }: ObservedRequest,
  work: (trace: TraceContext | undefined) => Promise<T> | T,
): Promise<T> {
  const parent = traceOfMeta(meta) ?? origin.trace;
  const operation = method === "tools/call" ? "execute_tool" : "";
  const span = tracing.start(tool === "" ? method : `${method} ${tool}`, parent, {
    kind: "server",
    attributes: {
      "mcp.method.name": method,
      "network.transport": origin.transport,
      ...(tool === "" ? {} : { "gen_ai.tool.name": tool, "gen_ai.operation.name": operation }),
      ...(protocol === undefined ? {} : { "mcp.protocol.version": protocol }),
    },
  });
  const startedMs = clock.monotonic();
  let errorType = "";
  try {
    const answer = await work(span?.context ?? parent);
    if (isRecord(answer) && answer["isError"] === true) errorType = "tool_error";
    return answer;
  } catch (error) {
    errorType = error instanceof ProtocolError ? String(error.code) : toErrorInfo(error).code;
    throw error;
  } finally {
    span?.end(errorType === "" ? undefined : errorType);
    const values = {
      mcp_method_name: method,
      gen_ai_tool_name: tool,
      gen_ai_operation_name: operation,
      error_type: errorType,
      mcp_protocol_version: protocol ?? "",
      network_transport: origin.transport,
    };
    metrics?.observe("mcp_server_operation_duration_seconds", values, (clock.monotonic() - startedMs) / 1_000);
  }
}
