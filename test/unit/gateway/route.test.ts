import { describe, expect, test } from "vitest";
import type { ToolCall } from "../../../src/gateway/call.ts";
import type { AdmittedCall } from "../../../src/gateway/policy.ts";
import { route } from "../../../src/gateway/route.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import type { UpstreamCallOptions } from "../../../src/upstream/upstream.ts";
import { catalogTool, createFakeUpstream, type FakeAnswer, textResult, toolCall } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

function setup(answer: FakeAnswer, change: Partial<ToolCall> = {}) {
  const clock = createManualClock();
  const metrics = createMetrics();
  const upstream = createFakeUpstream("server", [], { answer });
  const call: AdmittedCall = {
    ...toolCall("server", "tool", change),
    definition: catalogTool(true),
    upstream,
    trace: { server: "server", tool: "tool", upstreamMs: 0, queueMs: 0, attempts: 0, refusal: undefined },
  };
  const settle = () =>
    route({ clock, metrics })(call).then(
      (result) => result,
      (error: unknown) => error,
    );
  return { clock, metrics, call, settle };
}

describe("the route", () => {
  test("measures the value as JSON text in UTF-8 bytes", async () => {
    const { settle } = setup(() => Promise.resolve(textResult("ä")));
    expect(await settle()).toMatchObject({ value: "ä", bytes: 4 });
  });

  test("takes an answer of exactly the limit and refuses one byte more", async () => {
    const answer: FakeAnswer = () => Promise.resolve(textResult("1234567890"));
    expect(await setup(answer, { maxResultBytes: 12 }).settle()).toMatchObject({ bytes: 12 });
    const error = (await setup(answer, { maxResultBytes: 11 }).settle()) as RunletError;
    expect(error.code).toBe("TOOL_RESULT_TOO_LARGE");
    expect(error.message).toBe(
      "Cannot take the answer of server.tool as it may have 11 bytes of JSON: current value is 12 bytes.",
    );
    expect(error.context).toMatchObject({ server: "server", tool: "tool", details: { maxBytes: 11, bytes: 12 } });
    expect(error.context.hint).toContain("limits.toolResultBytes");
  });

  test("throws TOOL_FAILED for isError, whatever its size", async () => {
    const { settle, metrics } = setup(() => Promise.resolve({ ...textResult("broken"), isError: true }), {
      maxResultBytes: 2,
    });
    expect(await settle()).toMatchObject({ code: "TOOL_FAILED", message: "broken" });
    expect(metrics.render()).toContain('error_type="tool_error",network_transport="pipe"');
  });

  test("passes the upstream's own failures on as they are", async () => {
    const failure = new RunletError("UPSTREAM_PROTOCOL", "nonsense");
    const { settle, metrics } = setup(() => Promise.reject(failure));
    expect(await settle()).toBe(failure);
    expect(metrics.render()).toContain('error_type="UPSTREAM_PROTOCOL"');
  });

  test("turns whatever an abort leads to into what the abort means", async () => {
    const controller = new AbortController();
    const { settle } = setup(
      () => {
        controller.abort();
        return Promise.reject(new Error("socket hang up"));
      },
      { signal: controller.signal },
    );
    expect(await settle()).toMatchObject({ code: "RUN_CANCELLED" });
  });

  test("times the upstream alone, failures too", async () => {
    const { settle, call, clock, metrics } = setup(() => {
      clock.advance(30);
      return Promise.reject(new RunletError("UPSTREAM_UNAVAILABLE", "gone"));
    });
    await settle();
    expect(call.trace.upstreamMs).toBe(30);
    expect(metrics.render()).toContain(
      'mcp_client_operation_duration_seconds_bucket{mcp_method_name="tools/call",gen_ai_tool_name="tool",' +
        'gen_ai_operation_name="execute_tool",error_type="UPSTREAM_UNAVAILABLE",network_transport="pipe",le="0.05"} 1',
    );
  });

  test("gives the tool's own timeouts, the listener and what is said beside the call to the upstream", async () => {
    const seen: UpstreamCallOptions[] = [];
    const onProgress = (): void => undefined;
    const meta = { a: 1 };
    const { call, settle } = setup(
      (_name, _args, options) => {
        seen.push(options);
        return Promise.resolve({ ...textResult("x"), meta: { b: 2 } });
      },
      { onProgress, meta },
    );
    Object.assign(call.upstream.config, { idleTimeoutMs: 5, toolTimeouts: [{ glob: "to*", timeoutMs: 70 }] });
    expect(await settle()).toMatchObject({ value: "x", bytes: 3, meta: { b: 2 } });
    expect(seen).toMatchObject([{ timeoutMs: 70, idleTimeoutMs: 5, onProgress, meta }]);
  });

  test("counts what is said beside an answer towards its size", async () => {
    const answer: FakeAnswer = () => Promise.resolve({ ...textResult("x"), meta: { b: "y".repeat(100) } });
    expect(await setup(answer, { maxResultBytes: 100 }).settle()).toMatchObject({ code: "TOOL_RESULT_TOO_LARGE" });
  });
});
