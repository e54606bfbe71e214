import { describe, expect, test } from "vitest";
import type { RateRule } from "../../../src/config/quotas.ts";
import type { ToolResult } from "../../../src/gateway/call.ts";
import { rateLimit } from "../../../src/gateway/interceptors/rate-limit.ts";
import type { AdmittedCall } from "../../../src/gateway/policy.ts";
import { catalogTool, createFakeUpstream, toolCall } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const RESULT: ToolResult = { value: 1, content: [], outcome: "ok", bytes: 1 };

function setup(rateLimits: readonly RateRule[]) {
  const clock = createManualClock();
  let sent = 0;
  const limited = rateLimit(clock)(async () => {
    sent++;
    return RESULT;
  });
  const servers = new Map(
    ["files", "other"].map((name) => [name, createFakeUpstream(name, [], { config: { rateLimits } })]),
  );
  const make = (tool: string, server = "files", id = "ann"): AdmittedCall => {
    const upstream = servers.get(server) ?? expect.fail("no such server");
    return {
      ...toolCall(server, tool, { principal: { id, access: {}, admin: false } }),
      definition: catalogTool(true, tool),
      upstream,
      trace: { server, tool, upstreamMs: 0, queueMs: 0, attempts: 0, refusal: undefined },
    };
  };
  const codes = async (...calls: AdmittedCall[]): Promise<string[]> => {
    const answers = await Promise.allSettled(calls.map(limited));
    return answers.map((answer) => (answer.status === "fulfilled" ? "ok" : (answer.reason as { code: string }).code));
  };
  return { clock, limited, make, codes, sent: () => sent };
}

const once = (tools: string): RateRule => ({ tools, rate: { limit: 1, periodMs: 1_000 } });

describe("the rate limit", () => {
  test("is of each principal, server and tool", async () => {
    const { codes, make, sent } = setup([once("*")]);
    const calls = [make("read"), make("read"), make("write"), make("read", "other"), make("read", "files", "bob")];
    expect(await codes(...calls)).toEqual(["ok", "RATE_LIMITED", "ok", "ok", "ok"]);
    expect(sent()).toBe(4);
  });

  test("takes the first rule that fits, and none where none does", async () => {
    const { codes, make } = setup([{ tools: "read_fast", rate: { limit: 3, periodMs: 1_000 } }, once("read*")]);
    const times = (tool: string) => Array.from({ length: 3 }, () => make(tool));
    expect(await codes(...times("read_fast"))).toEqual(["ok", "ok", "ok"]);
    expect(await codes(...times("read_slow"))).toEqual(["ok", "RATE_LIMITED", "RATE_LIMITED"]);
    expect(await codes(...times("write"))).toEqual(["ok", "ok", "ok"]);
  });

  test("lets calls on again as time passes", async () => {
    const { codes, make, clock } = setup([{ tools: "*", rate: { limit: 2, periodMs: 1_000 } }]);
    expect(await codes(make("a"), make("a"), make("a"))).toEqual(["ok", "ok", "RATE_LIMITED"]);
    clock.advance(500);
    expect(await codes(make("a"), make("a"))).toEqual(["ok", "RATE_LIMITED"]);
  });

  test("tells when the next call is taken, and notes whose rule it was", async () => {
    const { limited, make } = setup([once("re*")]);
    await limited(make("read"));
    const call = make("read");
    await expect(limited(call)).rejects.toMatchObject({
      code: "RATE_LIMITED",
      message:
        "Cannot call files.read as its caller may call it 1 times per second: current value is 1. The next call is taken in 1000 ms.",
      context: {
        server: "files",
        tool: "read",
        hint: expect.stringContaining("mcpServers.files.rateLimit: 1/second"),
        details: { scope: "tool", limit: 1, period: "second", retryAfterMs: 1_000 },
      },
    });
    expect(call.trace.refusal).toEqual({ reason: "rate", scope: "tool", rule: "mcpServers.files.rateLimit[re*]" });
  });
});
