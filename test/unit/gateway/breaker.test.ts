import { describe, expect, test } from "vitest";
import { createBreakers } from "../../../src/gateway/breakers.ts";
import type { ToolResult } from "../../../src/gateway/call.ts";
import { breaker } from "../../../src/gateway/interceptors/breaker.ts";
import { type ErrorCode, RunletError } from "../../../src/lib/errors.ts";
import { admittedCall, createFakeUpstream } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const RESULT: ToolResult = { value: 1, content: [], outcome: "ok", bytes: 1 };
const failure = (code: ErrorCode, details?: object) => new RunletError(code, "it failed", { details });
const lost = failure("UPSTREAM_UNAVAILABLE", { sent: true });

function setup(config: Parameters<typeof createFakeUpstream>[2] = {}) {
  const clock = createManualClock();
  const lines: object[] = [];
  const note = (fields: object, message: string) => void lines.push({ ...fields, message });
  const breakers = createBreakers({ clock, log: { debug: note, info: note, warn: note, error: note } });
  const upstream = createFakeUpstream("server", [], config);
  const open: { end: () => void; fail: (error: Error) => void }[] = [];
  const send = breaker(breakers)(
    () => new Promise((resolve, reject) => open.push({ end: () => resolve(RESULT), fail: reject })),
  );
  const start = (to = upstream) => {
    const call = admittedCall(to);
    const outcome = send(call).then(
      () => "ok" as const,
      (error: unknown) => error as RunletError,
    );
    return { call, outcome };
  };
  /** Makes one call that comes to this; its time at the server is `ms`. */
  const call = async (error?: Error, ms = 0, to = upstream): Promise<string> => {
    const before = open.length;
    const { outcome, call: made } = start(to);
    clock.advance(ms);
    made.trace.upstreamMs += ms;
    const sent = open[before];
    if (error === undefined) sent?.end();
    else sent?.fail(error);
    const ended = await outcome;
    return ended === "ok" ? "ok" : ended.code;
  };
  const fail = async (times: number, error: Error = lost): Promise<void> => {
    for (let time = 0; time < times; time++) await call(error);
  };
  return { clock, open, start, call, fail, lines, upstream, state: () => breakers.stateOf(upstream) };
}

describe("the breaker", () => {
  test("opens after five failures in a row, refuses calls unsent and says when to come back", async () => {
    const { fail, call, start, state, open, clock, lines } = setup();
    await fail(4);
    expect(state()).toBe("closed");
    await fail(1);
    expect(state()).toBe("open");
    clock.advance(10_000);
    const refused = start();
    expect(await refused.outcome).toMatchObject({
      code: "UPSTREAM_CIRCUIT_OPEN",
      message:
        "Cannot call server.tool as its MCP server must answer calls: current value is that it has failed too often.",
      context: {
        server: "server",
        tool: "tool",
        hint: 'Go on without server "server", or try again in 20000 ms; nothing was sent to it.',
        details: { reason: "breaker open", retryAfterMs: 20_000 },
      },
    });
    expect(refused.call.trace.refusal).toEqual({ reason: "breaker_open", scope: "server" });
    expect(await call()).toBe("UPSTREAM_CIRCUIT_OPEN");
    expect(open).toHaveLength(5);
    expect(lines).toEqual([
      { server: "server", openMs: 30_000, message: "MCP server keeps failing: its calls are refused" },
    ]);
  });

  test("stays closed when a call in between goes well", async () => {
    const { fail, call, state } = setup({ config: { breaker: { ...POLICY, minCalls: 1_000 } } });
    for (let round = 0; round < 20; round++) {
      await fail(4);
      await call();
    }
    expect(state()).toBe("closed");
  });

  test("opens when half of at least ten calls of a minute failed", async () => {
    const { call, state } = setup();
    for (let pair = 0; pair < 4; pair++) {
      await call();
      await call(lost);
    }
    await call();
    expect(state()).toBe("closed");
    await call(lost);
    expect(state()).toBe("open");
  });

  test("stays closed at a lower share, however many fail", async () => {
    const { call, state } = setup();
    for (let round = 0; round < 100; round++) {
      await call();
      await call();
      await call(lost);
    }
    expect(state()).toBe("closed");
  });

  test("forgets failures that are older than a minute", async () => {
    const { call, state, clock } = setup();
    const pairs = async (count: number): Promise<void> => {
      for (let pair = 0; pair < count; pair++) {
        await call();
        await call(lost);
      }
    };
    for (let minute = 0; minute < 5; minute++) {
      await pairs(4);
      clock.advance(60_000);
    }
    expect(state()).toBe("closed");
    await pairs(4);
    clock.advance(30_000);
    await pairs(1);
    expect(state()).toBe("open");
  });

  test.each<[string, RunletError, number]>([
    ["tools that say they failed", failure("TOOL_FAILED"), 0],
    ["answers that are too large", failure("TOOL_RESULT_TOO_LARGE"), 0],
    ["protocol errors", failure("UPSTREAM_PROTOCOL"), 0],
    ["callers who gave up", failure("RUN_CANCELLED"), 5],
    ["runs whose time is over", failure("SCRIPT_TIMEOUT"), 5],
    ["lines that are full", failure("UPSTREAM_OVERLOADED"), 0],
    ["time-outs in line", failure("TOOL_TIMEOUT"), 0],
    ["starts that are not tried yet", failure("UPSTREAM_UNAVAILABLE", { sent: false, retryAfterMs: 10 }), 0],
  ])("is not moved by %s", async (_what, error, ms) => {
    const { call, state } = setup();
    for (let time = 0; time < 20; time++) await call(error, ms);
    expect(state()).toBe("closed");
  });

  test.each<[string, RunletError, number]>([
    ["time-outs at the server", failure("TOOL_TIMEOUT"), 100],
    ["connections that broke", lost, 0],
    ["connections that were refused", failure("UPSTREAM_UNAVAILABLE", { sent: false }), 0],
  ])("is opened by %s", async (_what, error, ms) => {
    const { call, state } = setup();
    for (let time = 0; time < 5; time++) await call(error, ms);
    expect(state()).toBe("open");
  });

  test("is not moved by a defect of ours", async () => {
    const { call, state } = setup();
    for (let time = 0; time < 20; time++) await call(new Error("a defect"));
    expect(state()).toBe("closed");
  });

  test("lets one call probe when its time is over, and closes when that goes well", async () => {
    const { fail, clock, start, open, state, call } = setup();
    await fail(5);
    clock.advance(29_999);
    expect(state()).toBe("open");
    clock.advance(1);
    expect(state()).toBe("half-open");
    const probe = start();
    const others = [start(), start()];
    for (const { outcome } of others) {
      expect(await outcome).toMatchObject({
        code: "UPSTREAM_CIRCUIT_OPEN",
        message: expect.stringContaining("one call is out to see whether it has recovered"),
        context: { details: { retryAfterMs: 1_000 } },
      });
    }
    expect(open).toHaveLength(6);
    open[5]?.end();
    expect([await probe.outcome, state()]).toEqual(["ok", "closed"]);
    await fail(4);
    expect([state(), await call()]).toEqual(["closed", "ok"]);
  });

  test("opens again for as long when the probe fails", async () => {
    const { fail, clock, state } = setup();
    await fail(5);
    clock.advance(30_000);
    await fail(1);
    expect(state()).toBe("open");
    clock.advance(29_999);
    expect(state()).toBe("open");
    clock.advance(1);
    expect(state()).toBe("half-open");
  });

  test("lets the next call probe when the probe said nothing", async () => {
    const { fail, clock, state, call } = setup();
    await fail(5);
    clock.advance(30_000);
    expect(await call(failure("RUN_CANCELLED"))).toBe("RUN_CANCELLED");
    expect(state()).toBe("half-open");
    expect([await call(), state()]).toEqual(["ok", "closed"]);
  });

  test("does not hear calls of before it opened: neither success nor failure", async () => {
    const { fail, clock, state, start, open } = setup();
    const [early, other] = [start(), start()];
    await fail(5);
    open[0]?.end();
    await early.outcome;
    expect(state()).toBe("open");
    clock.advance(30_000);
    const probe = start();
    open[1]?.fail(lost);
    await other.outcome;
    expect(state()).toBe("half-open");
    open.at(-1)?.end();
    await probe.outcome;
    expect(state()).toBe("closed");
  });

  test("is each server's own", async () => {
    const { fail, call } = setup();
    await fail(5);
    expect(await call(undefined, 0, createFakeUpstream("other", []))).toBe("ok");
  });

  test("is off where the server's configuration says so", async () => {
    const { fail, state, call } = setup({ config: { breaker: undefined } });
    await fail(50);
    expect([state(), await call()]).toEqual(["closed", "ok"]);
  });
});

const POLICY = { failures: 5, errorRate: 0.5, minCalls: 10, windowMs: 60_000, openMs: 30_000 };
