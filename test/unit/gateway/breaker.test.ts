import { describe, expect, test } from "vitest";
import { createBreakers } from "../../../src/gateway/breakers.ts";
import type { ToolResult } from "../../../src/gateway/call.ts";
import { breaker } from "../../../src/gateway/interceptors/breaker.ts";
import { type ErrorCode, RunletError } from "../../../src/lib/errors.ts";
import { incidentOf, Incidents } from "../../../src/upstream/incidents.ts";
import { admittedCall, createFakeUpstream } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const RESULT: ToolResult = { value: 1, content: [], outcome: "ok", bytes: 1 };
const failure = (code: ErrorCode, details?: object) => new RunletError(code, "it failed", { details });
/** Each a loss of its own. */
const lost = () => failure("UPSTREAM_UNAVAILABLE", { sent: true });

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
  const start = (to = upstream, principal = "tester") => {
    const call = admittedCall(to, { principal: { id: principal, access: {}, admin: false } });
    const outcome = send(call).then(
      () => "ok" as const,
      (error: unknown) => error as RunletError,
    );
    return { call, outcome };
  };
  /** Makes one call that comes to this; its time at the server is `ms`. */
  const call = async (error?: Error, ms = 0, to = upstream, principal?: string): Promise<string> => {
    const before = open.length;
    const { outcome, call: made } = start(to, principal);
    clock.advance(ms);
    made.trace.upstreamMs += ms;
    const sent = open[before];
    if (error === undefined) sent?.end();
    else sent?.fail(error);
    const ended = await outcome;
    return ended === "ok" ? "ok" : ended.code;
  };
  const fail = async (times: number, makeError: () => Error = lost, principal?: string): Promise<void> => {
    for (let time = 0; time < times; time++) await call(makeError(), 0, upstream, principal);
  };
  return { clock, open, start, call, fail, lines, upstream, breakers, state: () => breakers.stateOf(upstream) };
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
      {
        server: "server",
        principal: "tester",
        openMs: 30_000,
        message: "MCP server keeps failing: its calls are refused",
      },
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
      await call(lost());
    }
    await call();
    expect(state()).toBe("closed");
    await call(lost());
    expect(state()).toBe("open");
  });

  test("stays closed at a lower share, however many fail", async () => {
    const { call, state } = setup();
    for (let round = 0; round < 100; round++) {
      await call();
      await call();
      await call(lost());
    }
    expect(state()).toBe("closed");
  });

  test("forgets failures that are older than a minute", async () => {
    const { call, state, clock } = setup();
    const pairs = async (count: number): Promise<void> => {
      for (let pair = 0; pair < count; pair++) {
        await call();
        await call(lost());
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
    ["tools that ask for input", failure("UPSTREAM_NEEDS_INPUT"), 0],
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

  test.each<[string, () => RunletError, number]>([
    ["time-outs at the server", () => failure("TOOL_TIMEOUT"), 100],
    ["connections that broke", lost, 0],
    ["connections that were refused", () => failure("UPSTREAM_UNAVAILABLE", { sent: false }), 0],
  ])("is opened by %s", async (_what, makeError, ms) => {
    const { call, state } = setup();
    for (let time = 0; time < 5; time++) await call(makeError(), ms);
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
    open[1]?.fail(lost());
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

describe("the breaker of a server whose sessions are each principal's own", () => {
  const timedOut = failure("TOOL_TIMEOUT");

  test.each<[string, number, readonly string[]]>([
    ["A's five time-outs refuse A only", 5, ["UPSTREAM_CIRCUIT_OPEN", "ok"]],
    ["A's four refuse nobody", 4, ["ok", "ok"]],
  ])("%s", async (_what, times, expected) => {
    const { call, upstream } = setup();
    for (let time = 0; time < times; time++) await call(timedOut, 100, upstream, "A");
    const served = [await call(undefined, 0, upstream, "A"), await call(undefined, 0, upstream, "B")];
    expect(served).toEqual(expected);
  });

  test("tells the worst of their states, and whose it is to the log only", async () => {
    const { fail, call, clock, state, lines, upstream } = setup();
    await fail(5, lost, "A");
    await call(undefined, 0, upstream, "B");
    expect([state(), lines]).toMatchObject(["open", [{ server: "server", principal: "A" }]]);
    clock.advance(30_000);
    expect(state()).toBe("half-open");
    await call(undefined, 0, upstream, "A");
    expect(state()).toBe("closed");
  });

  test("is one for all where all share the sessions", async () => {
    const { call, upstream, lines } = setup({ sharesSessions: true });
    for (let time = 0; time < 5; time++) await call(lost(), 0, upstream, `principal ${time}`);
    expect(await call(undefined, 0, upstream, "another")).toBe("UPSTREAM_CIRCUIT_OPEN");
    expect(lines).toEqual([
      { server: "server", openMs: 30_000, message: "MCP server keeps failing: its calls are refused" },
    ]);
  });

  test("no principal can be named so that it meets the circuit that others share", () => {
    const { breakers, upstream } = setup();
    const shared = createFakeUpstream("server", [], { sharesSessions: true });
    for (const name of ["shared", "principal:A", ""]) {
      expect(breakers.of(upstream, name)).not.toBe(breakers.of(shared, name));
      expect(breakers.of(upstream, name)).not.toBe(breakers.of(upstream, "A"));
    }
  });

  test("forgets a principal that made no call for ten minutes, one with a longer rest later", async () => {
    const { fail, breakers, clock, upstream, state } = setup();
    const first = breakers.of(upstream, "A");
    await fail(5, lost, "A");
    clock.advance(599_999);
    expect([state(), breakers.of(upstream, "A") === first]).toEqual(["half-open", true]);
    clock.advance(600_000);
    expect(state()).toBe("closed");
    expect(breakers.of(upstream, "A")).not.toBe(first);
    const patient = setup({ config: { breaker: { ...POLICY, openMs: 3_600_000 } } });
    await patient.fail(5, lost, "A");
    patient.clock.advance(3_599_999);
    expect(patient.state()).toBe("open");
  });

  test("keeps a thousand of them, without those unused longest", () => {
    const { breakers, upstream } = setup();
    const first = breakers.of(upstream, "0");
    const second = breakers.of(upstream, "1");
    for (let principal = 2; principal < 1_000; principal++) breakers.of(upstream, String(principal));
    expect(breakers.of(upstream, "0")).toBe(first);
    breakers.of(upstream, "one more");
    expect(breakers.of(upstream, "0")).toBe(first);
    expect(breakers.of(upstream, "1")).not.toBe(second);
  });
});

describe("an incident", () => {
  /** Failures of one incident, as a session marks them. */
  function crash(calls: number): readonly RunletError[] {
    const incidents = new Incidents();
    const begun = Array.from({ length: calls }, () => ({ since: incidents.begin(), error: lost() }));
    for (const { since, error } of begun) incidents.lost(since, error);
    return begun.map(({ error }) => error);
  }

  test("is one failure, however many calls it hits", async () => {
    const { call, state } = setup();
    for (let time = 0; time < 4; time++) {
      for (const error of crash(8)) await call(error);
      expect(state()).toBe("closed");
    }
    for (const error of crash(8)) await call(error);
    expect(state()).toBe("open");
  });

  test("is one start that failed for all who waited for it", async () => {
    const { fail, state } = setup();
    const error = lost();
    await fail(20, () => error);
    expect(state()).toBe("closed");
  });

  test("is met anew by a call that began after it", () => {
    const incidents = new Incidents();
    const [early, later] = [incidents.begin(), incidents.begin()];
    const [first, second, third] = [lost(), lost(), lost()];
    incidents.lost(early, first);
    const next = incidents.begin();
    incidents.lost(later, second);
    incidents.lost(next, third);
    expect(incidentOf(first)).toBe(incidentOf(second));
    expect(incidentOf(third)).not.toBe(incidentOf(first));
  });

  test("is the failure itself where nobody knows of another", () => {
    const error = lost();
    expect(incidentOf(error)).toBe(error);
  });
});

const POLICY = { failures: 5, errorRate: 0.5, minCalls: 10, windowMs: 60_000, openMs: 30_000 };
