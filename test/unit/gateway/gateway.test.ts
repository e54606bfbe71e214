import { describe, expect, test } from "vitest";
import { createGateway } from "../../../src/gateway/gateway.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import type { Log } from "../../../src/lib/log.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import type { UpstreamConfig } from "../../../src/config/config.ts";
import type { ToolClass } from "../../../src/config/principal.ts";
import {
  createFakeCatalogs,
  createFakeRegistry,
  createFakeUpstream,
  type FakeAnswer,
  textResult,
  toolCall,
} from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const SCHEMA = { type: "object", properties: { id: { type: "integer" } }, required: ["id"] };
const VALID = { arguments: { id: 1 } };

function setup(answer?: FakeAnswer, config: Partial<UpstreamConfig> = {}, kind: ToolClass = "write") {
  const clock = createManualClock();
  const upstream = createFakeUpstream("s", [{ name: "t", class: kind, inputSchema: SCHEMA }], {
    ...(answer && { answer }),
    config,
  });
  const registry = createFakeRegistry([upstream]);
  const metrics = createMetrics();
  const lines: object[] = [];
  const note = (fields: object, message: string) => void lines.push({ ...fields, message });
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const gateway = createGateway({
    registry,
    catalogs: createFakeCatalogs(registry),
    clock,
    log,
    metrics,
    random: () => 0.5,
  });
  return { clock, upstream, metrics, lines, gateway };
}

/** Lets every promise that can go on do so. */
const rest = () => new Promise(setImmediate);

function hanging(): FakeAnswer {
  return (_name, _args, { signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
}

describe("the order of the policies", () => {
  test("access comes before validation: a denied tool says nothing of its schema", async () => {
    const { gateway, upstream } = setup();
    const principal = { id: "p", access: { servers: ["other"] }, admin: false };
    await expect(gateway.call(toolCall("s", "t", { principal }))).rejects.toMatchObject({ code: "TOOL_NOT_FOUND" });
    expect(upstream.calls).toEqual([]);
  });

  test("validation comes before concurrency: an invalid call takes no place and waits for none", async () => {
    const { gateway } = setup(hanging(), { concurrency: 1, queueLimit: 0 });
    const controller = new AbortController();
    const busy = gateway.call(toolCall("s", "t", { ...VALID, signal: controller.signal }));
    await rest();
    await expect(gateway.call(toolCall("s", "t"))).rejects.toMatchObject({ code: "TOOL_ARGUMENTS_INVALID" });
    await expect(gateway.call(toolCall("s", "t", VALID))).rejects.toMatchObject({ code: "UPSTREAM_OVERLOADED" });
    controller.abort();
    await expect(busy).rejects.toMatchObject({ code: "RUN_CANCELLED" });
  });

  test("the total deadline is outside of concurrency: waiting for a place counts", async () => {
    const { gateway, clock, upstream } = setup(hanging(), { concurrency: 1, callTimeoutMs: 100, queueWaitMs: 10_000 });
    const first = gateway.call(toolCall("s", "t", VALID)).catch((error: unknown) => error);
    clock.advance(60);
    const second = gateway.call(toolCall("s", "t", VALID)).catch((error: unknown) => error);
    await rest();
    clock.advance(40);
    expect(await first).toMatchObject({ code: "TOOL_TIMEOUT" });
    await rest();
    expect(upstream.calls).toHaveLength(2);
    clock.advance(60);
    expect(await second).toMatchObject({ code: "TOOL_TIMEOUT" });
    expect(clock.pending()).toBe(0);
  });

  test("telemetry is outermost: it counts what every other policy refuses", async () => {
    const { gateway, metrics } = setup();
    await gateway.call(toolCall("s", "t")).catch(() => undefined);
    await gateway.call(toolCall("s", "made up")).catch(() => undefined);
    await gateway.call(toolCall("s", "t", { ...VALID, signal: AbortSignal.abort() })).catch(() => undefined);
    const text = metrics.render();
    expect(text).toContain('runlet_gateway_calls_total{server="s",tool="t",outcome="error"} 1');
    expect(text).toContain('runlet_gateway_calls_total{server="s",tool="_unknown",outcome="error"} 1');
    expect(text).toContain('runlet_gateway_calls_total{server="s",tool="t",outcome="cancelled"} 1');
    expect(text).toContain('runlet_gateway_rejected_total{reason="arguments",scope="tool"} 1');
    expect(text).toContain('runlet_gateway_rejected_total{reason="unknown",scope="tool"} 1');
  });
});

describe("the order of the policies for a read", () => {
  const CACHE = { ttlMs: 1_000, tools: undefined, maxBytes: 1_000_000, maxEntries: 100 };

  test("access comes before the cache: an answer is not given to a run whose rules deny the tool", async () => {
    const { gateway } = setup(undefined, { cache: CACHE }, "read");
    await gateway.call(toolCall("s", "t", VALID));
    const narrow = { servers: ["other"] };
    await expect(gateway.call(toolCall("s", "t", { ...VALID, narrow }))).rejects.toMatchObject({
      code: "TOOL_NOT_FOUND",
    });
  });

  test("the cache comes before concurrency and the breaker: an answer that is kept needs neither", async () => {
    const { gateway, upstream, metrics, clock } = setup(
      (name, args, options) =>
        args["id"] === 1 ? Promise.resolve(textResult("kept")) : hanging()(name, args, options),
      { cache: CACHE, concurrency: 1, queueLimit: 0, callTimeoutMs: 500, breaker: { ...BREAKER, failures: 1 } },
      "read",
    );
    await gateway.call(toolCall("s", "t", VALID));
    const slow = gateway.call(toolCall("s", "t", { arguments: { id: 2 } })).catch((error: unknown) => error);
    await rest();
    expect(await gateway.call(toolCall("s", "t", VALID))).toMatchObject({ value: "kept", outcome: "cached" });
    clock.advance(500);
    expect(await slow).toMatchObject({ code: "TOOL_TIMEOUT" });
    await rest();
    expect(await gateway.call(toolCall("s", "t", VALID))).toMatchObject({ value: "kept", outcome: "cached" });
    await expect(gateway.call(toolCall("s", "t", { arguments: { id: 3 } }))).rejects.toMatchObject({
      code: "UPSTREAM_CIRCUIT_OPEN",
    });
    expect(upstream.calls).toHaveLength(2);
    expect(metrics.render()).toContain('runlet_gateway_calls_total{server="s",tool="t",outcome="cached"} 2');
    expect(metrics.render()).toContain('runlet_gateway_rejected_total{reason="breaker_open",scope="server"} 1');
  });

  test("coalescing comes before concurrency: those who share a call take one place", async () => {
    const answers: (() => void)[] = [];
    const { gateway, upstream } = setup(
      () => new Promise((resolve) => answers.push(() => resolve(textResult("shared")))),
      { concurrency: 1, queueLimit: 0 },
      "read",
    );
    const calls = Array.from({ length: 100 }, () => gateway.call(toolCall("s", "t", VALID)));
    await rest();
    for (const answer of answers) answer();
    expect((await Promise.all(calls)).map(({ value }) => value)).toEqual(calls.map(() => "shared"));
    expect(upstream.calls).toHaveLength(1);
  });

  test("retries are inside of the total deadline: waiting for one ends with it", async () => {
    const { gateway, clock, upstream } = setup(
      () => Promise.reject(new RunletError("UPSTREAM_UNAVAILABLE", "gone", { details: { sent: true } })),
      { callTimeoutMs: 60, retry: { retries: 2, baseMs: 1_000, maxMs: 1_000 } },
      "read",
    );
    const outcome = gateway.call(toolCall("s", "t", VALID)).catch((error: unknown) => error);
    await rest();
    clock.advance(60);
    expect(await outcome).toMatchObject({ code: "TOOL_TIMEOUT" });
    await rest();
    expect([upstream.calls.length, clock.pending()]).toEqual([1, 0]);
  });

  test("retries are outside of the breaker, which counts each attempt, and end when it opens", async () => {
    const { gateway, clock, upstream } = setup(
      () => Promise.reject(new RunletError("UPSTREAM_UNAVAILABLE", "gone", { details: { sent: true } })),
      { breaker: { ...BREAKER, failures: 2 } },
      "read",
    );
    const outcome = gateway.call(toolCall("s", "t", VALID)).catch((error: unknown) => error);
    await rest();
    clock.advance(50);
    expect(await outcome).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect([upstream.calls.length, clock.pending()]).toEqual([2, 0]);
  });

  test("retries are outside of concurrency: a call that waits for its next attempt holds no place", async () => {
    let attempts = 0;
    const { gateway, clock } = setup(
      () =>
        attempts++ === 0
          ? Promise.reject(new RunletError("UPSTREAM_UNAVAILABLE", "gone", { details: { sent: true } }))
          : Promise.resolve(textResult("done")),
      { concurrency: 1, queueLimit: 0 },
      "read",
    );
    const first = gateway.call(toolCall("s", "t", VALID));
    await rest();
    expect(await gateway.call(toolCall("s", "t", { arguments: { id: 2 } }))).toMatchObject({ value: "done" });
    clock.advance(50);
    expect(await first).toMatchObject({ value: "done" });
  });
});

const BREAKER = { failures: 5, errorRate: 0.5, minCalls: 10, windowMs: 60_000, openMs: 30_000 };

describe("a call", () => {
  test("reaches its server with the arguments as they are and comes back unwrapped", async () => {
    const { gateway, upstream } = setup(() => Promise.resolve(textResult('{"ok":true}')), { callTimeoutMs: 1_234 });
    expect(await gateway.call(toolCall("s", "t", VALID))).toEqual({
      value: { ok: true },
      content: [{ type: "text", text: '{"ok":true}' }],
      outcome: "ok",
      bytes: 11,
    });
    expect(upstream.calls).toEqual([{ name: "t", args: { id: 1 }, timeoutMs: 1_234 }]);
  });

  test("runs beside others up to the server's concurrency", async () => {
    let inFlight = 0;
    let most = 0;
    const answer: FakeAnswer = async () => {
      most = Math.max(most, ++inFlight);
      await rest();
      inFlight--;
      return textResult("done");
    };
    const { gateway } = setup(answer, { concurrency: 4 });
    await Promise.all(Array.from({ length: 20 }, () => gateway.call(toolCall("s", "t", VALID))));
    expect(most).toBe(4);
  });

  test("that a server leaves unanswered does not hold up the others", async () => {
    let number = 0;
    const { gateway, clock } = setup(
      (name, args, options) => (number++ === 0 ? hanging()(name, args, options) : Promise.resolve(textResult("quick"))),
      { callTimeoutMs: 100 },
    );
    const slow = gateway.call(toolCall("s", "t", VALID)).catch((error: unknown) => error);
    await rest();
    expect(await gateway.call(toolCall("s", "t", VALID))).toMatchObject({ value: "quick" });
    clock.advance(100);
    expect(await slow).toMatchObject({ code: "TOOL_TIMEOUT" });
  });

  test("writes one log line without argument values", async () => {
    const { gateway, lines } = setup();
    await gateway.call(toolCall("s", "t", { arguments: { id: 1, secret: "hunter2" }, runId: "run_1" }));
    expect(lines).toEqual([
      {
        runId: "run_1",
        principal: "tester",
        server: "s",
        tool: "t",
        outcome: "ok",
        bytes: 6,
        ms: 0,
        upstreamMs: 0,
        queueMs: 0,
        message: "tool call",
      },
    ]);
  });
});
