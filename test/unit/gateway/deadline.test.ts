import { describe, expect, test } from "vitest";
import type { ToolResult } from "../../../src/gateway/call.ts";
import { totalDeadline } from "../../../src/gateway/interceptors/deadline.ts";
import type { AdmittedCall } from "../../../src/gateway/policy.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { catalogTool, createFakeUpstream, toolCall } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const RESULT: ToolResult = { value: 1, content: [], outcome: "ok", bytes: 1 };

function setup(next: (call: AdmittedCall) => Promise<ToolResult>) {
  const clock = createManualClock();
  const controller = new AbortController();
  const call: AdmittedCall = {
    ...toolCall("server", "tool", { signal: controller.signal }),
    definition: catalogTool(true),
    upstream: createFakeUpstream("server", [], { config: { callTimeoutMs: 500 } }),
    trace: { server: "server", tool: "tool", upstreamMs: 0, queueMs: 120.4, attempts: 0, refusal: undefined },
  };
  return { clock, controller, answer: totalDeadline(clock)(next)(call) };
}

const never = () => new Promise<never>(() => undefined);

describe("the total deadline", () => {
  test("lets an answer in time through and leaves no timer", async () => {
    const { clock, answer } = setup(() => Promise.resolve(RESULT));
    expect(await answer).toBe(RESULT);
    expect(clock.pending()).toBe(0);
  });

  test("names the timeout and the key that raises it", async () => {
    const { clock, answer } = setup(never);
    clock.advance(500);
    await expect(answer).rejects.toMatchObject({
      code: "TOOL_TIMEOUT",
      message:
        "Cannot wait longer for server.tool as a call of this server may take 500 ms: current value is 500 ms without an answer.",
      context: {
        server: "server",
        tool: "tool",
        hint: "Ask for less work in one call, or raise mcpServers.server.timeout.",
        details: { timeoutMs: 500, queueMs: 120 },
      },
    });
  });

  test("cancels the call below it", async () => {
    const signals: AbortSignal[] = [];
    const { clock, answer } = setup((call) => {
      signals.push(call.signal);
      return never();
    });
    clock.advance(500);
    await expect(answer).rejects.toMatchObject({ code: "TOOL_TIMEOUT" });
    expect(signals.map((signal) => (signal.reason as RunletError).code)).toEqual(["TOOL_TIMEOUT"]);
  });

  test("gives way to a caller who gives up, also when the call below does not listen", async () => {
    const { clock, controller, answer } = setup(never);
    controller.abort();
    await expect(answer).rejects.toMatchObject({ code: "RUN_CANCELLED" });
    expect(clock.pending()).toBe(0);
  });

  test("keeps the caller's reason when it is one of ours", async () => {
    const { controller, answer } = setup(never);
    const reason = new RunletError("SCRIPT_TIMEOUT", "the run is over");
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
  });
});
