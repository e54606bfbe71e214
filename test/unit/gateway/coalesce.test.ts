import { describe, expect, test } from "vitest";
import type { ToolResult } from "../../../src/gateway/call.ts";
import { coalesce } from "../../../src/gateway/interceptors/coalesce.ts";
import { totalDeadline } from "../../../src/gateway/interceptors/deadline.ts";
import type { AdmittedCall } from "../../../src/gateway/policy.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { admittedCall, catalogTool, createFakeUpstream } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const rest = () => new Promise(setImmediate);

function setup(config: Parameters<typeof createFakeUpstream>[2] = {}) {
  const clock = createManualClock();
  const upstream = createFakeUpstream("server", [], config);
  const open: { call: AdmittedCall; end: (value: unknown) => void; fail: (error: Error) => void }[] = [];
  const deadline = totalDeadline(clock)(
    (call) =>
      new Promise((resolve, reject) => {
        const end = (value: unknown): void =>
          resolve({ value, content: [], outcome: "ok", bytes: JSON.stringify(value).length } satisfies ToolResult);
        open.push({ call, end, fail: reject });
        call.signal.addEventListener("abort", () => reject(call.signal.reason as Error));
      }),
  );
  const send = coalesce(clock)(deadline);
  const make = (change: Parameters<typeof admittedCall>[1] = {}) => admittedCall(upstream, change);
  const start = (change: Parameters<typeof admittedCall>[1] = {}) => {
    const controller = new AbortController();
    const call = make({ signal: controller.signal, ...change });
    const outcome = send(call).then(
      ({ value }) => ({ value }),
      (error: unknown) => error as RunletError,
    );
    return { call, outcome, abort: () => controller.abort() };
  };
  return { clock, open, send, make, start };
}

describe("coalescing", () => {
  test("makes one call of 100 identical reads, and one of the next once that has ended", async () => {
    const { open, start } = setup();
    const sharers = Array.from({ length: 100 }, (_, at) =>
      start({ arguments: at % 2 === 0 ? { a: 1, b: 2 } : { b: 2, a: 1 } }),
    );
    await rest();
    expect(open).toHaveLength(1);
    open[0]?.end({ found: 1 });
    const outcomes = await Promise.all(sharers.map(({ outcome }) => outcome));
    expect(outcomes).toEqual(sharers.map(() => ({ value: { found: 1 } })));
    void start();
    expect(open).toHaveLength(2);
  });

  test("shares a failure too", async () => {
    const { open, start } = setup();
    const sharers = [start(), start()];
    open[0]?.fail(new RunletError("TOOL_FAILED", "it failed"));
    for (const { outcome } of sharers) expect(await outcome).toMatchObject({ code: "TOOL_FAILED" });
    expect(open).toHaveLength(1);
  });

  test.each([
    ["principals", { principal: { id: "other", access: {}, admin: false } }],
    ["arguments", { arguments: { other: true } }],
    ["tools", { definition: { ...catalogTool(true, "other"), class: "read" as const } }],
  ])("keeps calls apart that differ in their %s", (_what, change) => {
    const { open, start } = setup();
    start();
    start(change);
    expect(open).toHaveLength(2);
  });

  test.each(["write", "destructive"] as const)("never shares a call that is %s", (kind) => {
    const { open, start } = setup();
    const definition = { ...catalogTool(true), class: kind };
    start({ definition });
    start({ definition });
    expect(open).toHaveLength(2);
  });

  test("is off where the server's configuration says so", () => {
    const { open, start } = setup({ config: { coalesce: false } });
    start();
    start();
    expect(open).toHaveLength(2);
  });

  test("a read that follows a write of the same principal shares no read from before it", async () => {
    const { open, start } = setup();
    const write = { definition: { ...catalogTool(true, "write"), class: "write" as const } };
    const [early, written] = [start(), start(write)];
    const during = start();
    expect(open).toHaveLength(2);
    open[1]?.end("written");
    await written.outcome;
    const late = [start(), start()];
    expect(open).toHaveLength(3);
    open[0]?.end("old");
    expect([await early.outcome, await during.outcome]).toEqual([{ value: "old" }, { value: "old" }]);
    late.push(start());
    open[2]?.end("new");
    for (const { outcome } of late) expect(await outcome).toEqual({ value: "new" });
    expect(open).toHaveLength(3);
  });

  test("a write that failed may have changed something too, and that of another principal is not waited for", async () => {
    const { open, start } = setup();
    const definition = { ...catalogTool(true, "write"), class: "destructive" as const };
    const other = { principal: { id: "other", access: {}, admin: false } };
    start();
    const [mine, others] = [start({ definition }), start({ ...other, definition })];
    open[2]?.fail(new RunletError("TOOL_FAILED", "half done"));
    await others.outcome;
    start();
    expect(open).toHaveLength(3);
    open[1]?.fail(new RunletError("TOOL_FAILED", "half done"));
    await mine.outcome;
    start();
    expect(open).toHaveLength(4);
  });

  test("leaves the answer as it is, and unchangeable once it is shared", async () => {
    const { open, start } = setup();
    const sharers = [start(), start()];
    const value = { list: [{ n: 1 }] };
    open[0]?.end(value);
    const [one, other] = await Promise.all(sharers.map(({ outcome }) => outcome));
    expect([one, other]).toEqual([{ value }, { value }]);
    expect(() => value.list.push({ n: 2 })).toThrow(TypeError);
  });
});

describe("one who shares a call", () => {
  test("gives up without ending it for the others, though it was the first", async () => {
    const { open, start } = setup();
    const [first, second] = [start(), start()];
    first.abort();
    expect(await first.outcome).toMatchObject({ code: "RUN_CANCELLED" });
    expect(open[0]?.call.signal.aborted).toBe(false);
    open[0]?.end(1);
    expect(await second.outcome).toEqual({ value: 1 });
  });

  test("ends it upstream when the last has given up, and who comes then starts anew", async () => {
    const { open, start, clock } = setup();
    const sharers = [start(), start()];
    for (const sharer of sharers) sharer.abort();
    expect(open[0]?.call.signal.aborted).toBe(true);
    const next = start();
    expect(open).toHaveLength(2);
    for (const { outcome } of sharers) expect(await outcome).toMatchObject({ code: "RUN_CANCELLED" });
    open[1]?.end(2);
    expect(await next.outcome).toEqual({ value: 2 });
    expect(clock.pending()).toBe(0);
  });

  test("starts nothing when it has given up before", async () => {
    const { open, start } = setup();
    expect(await start({ signal: AbortSignal.abort() }).outcome).toMatchObject({ code: "RUN_CANCELLED" });
    expect(open).toHaveLength(0);
  });

  test("is told why its own run ended", async () => {
    const { start } = setup();
    const reason = new RunletError("SCRIPT_TIMEOUT", "the run took too long");
    void start();
    expect(await start({ signal: AbortSignal.abort(reason) }).outcome).toBe(reason);
  });

  test("is held to its own limit of size, and no other is held to it", async () => {
    const { open, start } = setup();
    const [small, large] = [start({ maxResultBytes: 3 }), start({ maxResultBytes: 10 })];
    open[0]?.end("12345678");
    expect(await small.outcome).toMatchObject({
      code: "TOOL_RESULT_TOO_LARGE",
      context: { details: { maxBytes: 3, bytes: 10 } },
    });
    expect(await large.outcome).toEqual({ value: "12345678" });
    expect(open).toHaveLength(1);
  });

  test("has its own time: one who came late goes on when the call of the first runs out of it", async () => {
    const { open, start, clock } = setup({ config: { callTimeoutMs: 1_000 } });
    const first = start();
    clock.advance(600);
    const late = [start(), start()];
    clock.advance(400);
    expect(await first.outcome).toMatchObject({ code: "TOOL_TIMEOUT" });
    await rest();
    expect(open).toHaveLength(2);
    clock.advance(599);
    open[1]?.end("late");
    for (const { outcome } of late) expect(await outcome).toEqual({ value: "late" });
    expect(clock.pending()).toBe(0);
  });

  test("waits no longer than its own time in all", async () => {
    const { open, start, clock } = setup({ config: { callTimeoutMs: 1_000 } });
    void start();
    clock.advance(600);
    const late = start();
    clock.advance(400);
    await rest();
    expect(open).toHaveLength(2);
    clock.advance(600);
    expect(await late.outcome).toMatchObject({ code: "TOOL_TIMEOUT" });
    await rest();
    expect(clock.pending()).toBe(0);
  });

  test("takes the time-out of the call it shares when hardly any time of its own is left", async () => {
    const { open, start, clock } = setup({ config: { callTimeoutMs: 1_000 } });
    const sharers = [start()];
    clock.advance(50);
    sharers.push(start());
    clock.advance(950);
    for (const { outcome } of sharers) expect(await outcome).toMatchObject({ code: "TOOL_TIMEOUT" });
    expect(open).toHaveLength(1);
  });

  test("counts as upstream time what it waited, at most what the call took", async () => {
    const { open, start, clock } = setup();
    const first = start();
    clock.advance(30);
    const second = start();
    clock.advance(20);
    const third = start();
    clock.advance(10);
    third.abort();
    const trace = open[0]?.call.trace ?? expect.fail("nothing was sent");
    trace.queueMs = 15;
    trace.upstreamMs = 45;
    open[0]?.end(1);
    await Promise.all([first, second, third].map(({ outcome }) => outcome));
    expect([first, second, third].map(({ call }) => [call.trace.queueMs, call.trace.upstreamMs])).toEqual([
      [15, 45],
      [15, 15],
      [0, 10],
    ]);
  });

  test("is told to the operator as refused when the call was", async () => {
    const { open, start } = setup();
    const sharers = [start(), start()];
    const trace = open[0]?.call.trace ?? expect.fail("nothing was sent");
    trace.refusal = { reason: "queue_full", scope: "server" };
    open[0]?.fail(new RunletError("UPSTREAM_OVERLOADED", "full"));
    for (const { outcome, call } of sharers) {
      expect(await outcome).toMatchObject({ code: "UPSTREAM_OVERLOADED" });
      expect(call.trace.refusal).toEqual({ reason: "queue_full", scope: "server" });
    }
  });
});
