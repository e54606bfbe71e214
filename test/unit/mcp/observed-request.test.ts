import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";
import { describe, expect, test } from "vitest";
import { RunletError } from "../../../src/lib/errors.ts";
import { observeRequest } from "../../../src/mcp/observed-request.ts";
import type { ObservedRequest } from "../../../src/mcp/observed-request.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { parsePrometheus } from "../../support/prometheus-parser.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const NAME = "mcp_server_operation_duration_seconds";
const CALL: ObservedRequest = {
  method: "tools/call",
  tool: "run_script",
  meta: undefined,
  protocol: "2026-07-28",
  origin: { transport: "tcp" },
};

/** Labels of the one series that a request left, and its time. */
async function observed(request: ObservedRequest, work: () => unknown) {
  const clock = createManualClock();
  const metrics = createMetrics();
  const outcome = await observeRequest({ metrics, clock }, request, async () => {
    clock.advance(30);
    return work();
  }).catch((error: unknown) => error);
  const sum = parsePrometheus(metrics.render())
    .get(NAME)
    ?.samples.find(({ name }) => name === `${NAME}_sum`);
  return { outcome, labels: sum?.labels, seconds: sum?.value };
}

describe("an MCP request to us", () => {
  test("is timed under its method, tool and revision", async () => {
    expect(await observed(CALL, () => ({ content: [] }))).toEqual({
      outcome: { content: [] },
      labels: {
        mcp_method_name: "tools/call",
        gen_ai_tool_name: "run_script",
        gen_ai_operation_name: "execute_tool",
        mcp_protocol_version: "2026-07-28",
        network_transport: "tcp",
      },
      seconds: 0.03,
    });
    const list = { ...CALL, method: "tools/list", tool: "", protocol: undefined } as const;
    expect((await observed(list, () => ({ tools: [] }))).labels).toEqual({
      mcp_method_name: "tools/list",
      network_transport: "tcp",
    });
  });

  test.each<[string, string, () => unknown]>([
    ["an answer that says so", "tool_error", () => ({ isError: true, content: [] })],
    ["a protocol error", "-32602", () => Promise.reject(new ProtocolError(ProtocolErrorCode.InvalidParams, "no"))],
    ["a failure of ours", "FORBIDDEN", () => Promise.reject(new RunletError("FORBIDDEN", "no"))],
    ["a defect", "INTERNAL", () => Promise.reject(new TypeError("x"))],
  ])("that fails by %s counts as %s", async (_, type, work) => {
    expect((await observed(CALL, work)).labels).toMatchObject({ error_type: type });
  });

  test("takes the context of its `_meta` over that of its exchange, and the exchange's where it has none", async () => {
    const own = { traceId: "1".repeat(32), spanId: "2".repeat(16), flags: 1 };
    const exchange = { traceId: "3".repeat(32), spanId: "4".repeat(16), flags: 0 };
    const origin = { transport: "tcp", trace: exchange } as const;
    const seen = (meta: unknown) => observeRequest({}, { ...CALL, meta, origin }, (trace) => trace);
    expect(await seen({ traceparent: `00-${own.traceId}-${own.spanId}-01` })).toEqual(own);
    expect(await seen({ traceparent: "malformed" })).toEqual(exchange);
    expect(await seen(undefined)).toEqual(exchange);
  });
});
