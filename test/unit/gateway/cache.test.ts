import { describe, expect, test } from "vitest";
import type { CacheLimits, CachePolicy } from "../../../src/config/call-policies.ts";
import type { ToolResult } from "../../../src/gateway/call.ts";
import { cache } from "../../../src/gateway/interceptors/cache.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { admittedCall, catalogTool, createFakeUpstream } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const WHOLE: CacheLimits = { maxBytes: 100_000, maxEntries: 100 };
const POLICY: CachePolicy = { ttlMs: 1_000, tools: undefined, ...WHOLE };

function setup(policy: Partial<CachePolicy> = {}, limits: CacheLimits = WHOLE) {
  const clock = createManualClock();
  const metrics = createMetrics();
  const upstream = createFakeUpstream("server", [], { config: { cache: { ...POLICY, ...policy } } });
  let calls = 0;
  let failure: RunletError | undefined;
  let text = "";
  const send = cache({ limits, clock, metrics })(async () => {
    calls++;
    if (failure !== undefined) throw failure;
    const value = { number: calls, text };
    return { value, content: [], outcome: "ok", bytes: JSON.stringify(value).length } satisfies ToolResult;
  });
  const call = (change: Parameters<typeof admittedCall>[1] = {}, to = upstream) => send(admittedCall(to, change));
  const at = (id: number) => call({ arguments: { id } });
  return {
    clock,
    call,
    at,
    calls: () => calls,
    fail: (error: RunletError | undefined) => void (failure = error),
    answerWith: (value: string) => void (text = value),
    count: (result: string) =>
      Number(new RegExp(`cache_total\\{result="${result}"\\} (\\d+)`, "u").exec(metrics.render())?.[1] ?? 0),
  };
}

describe("the cache", () => {
  test("gives an answer again, told to be cached, at no cost of the server", async () => {
    const { call, calls, count } = setup();
    const first = await call();
    expect(first.outcome).toBe("ok");
    expect(await call()).toEqual({ ...first, outcome: "cached" });
    expect([calls(), count("miss"), count("hit")]).toEqual([1, 1, 1]);
  });

  test("forgets an answer when its time is over", async () => {
    const { call, calls, clock } = setup({ ttlMs: 1_000 });
    await call();
    clock.advance(999);
    expect((await call()).outcome).toBe("cached");
    clock.advance(1);
    expect((await call()).outcome).toBe("ok");
    expect(calls()).toBe(2);
  });

  test("is off where the server's configuration does not ask for it", async () => {
    const { calls, call, count } = setup();
    const off = createFakeUpstream("off", []);
    for (let time = 0; time < 2; time++) expect((await call({}, off)).outcome).toBe("ok");
    expect([calls(), count("miss")]).toEqual([2, 0]);
  });

  test("never gives one principal the answer of another", async () => {
    const { call, calls } = setup();
    const as = (id: string) => call({ principal: { id, access: {}, admin: false } });
    const [one, other] = [await as("one"), await as("other")];
    expect([one.outcome, other.outcome, calls()]).toEqual(["ok", "ok", 2]);
    expect((await as("one")).value).toEqual(one.value);
    expect((await as("other")).value).toEqual(other.value);
  });

  test.each(["write", "destructive"] as const)(
    "keeps no answer of a tool that is %s, unless it is listed",
    async (kind) => {
      const definition = { ...catalogTool(true), class: kind };
      const plain = setup();
      await plain.call({ definition });
      await plain.call({ definition });
      expect([plain.calls(), plain.count("miss")]).toEqual([2, 0]);
      const listed = setup({ tools: ["to*"] });
      await listed.call({ definition });
      await listed.call({ definition });
      expect(listed.calls()).toBe(1);
    },
  );

  test("keeps only the listed tools where some are listed", async () => {
    const { call, calls } = setup({ tools: ["other_*"] });
    await call();
    await call();
    expect(calls()).toBe(2);
  });

  test("keeps no failure", async () => {
    const { call, calls, fail } = setup();
    fail(new RunletError("TOOL_FAILED", "it failed"));
    await expect(call()).rejects.toMatchObject({ code: "TOOL_FAILED" });
    fail(undefined);
    expect(await call()).toMatchObject({ outcome: "ok" });
    expect(calls()).toBe(2);
  });

  test("honours each caller's own limit of size", async () => {
    const { call, calls } = setup();
    const { bytes } = await call();
    await expect(call({ maxResultBytes: bytes - 1 })).rejects.toMatchObject({
      code: "TOOL_RESULT_TOO_LARGE",
      context: { details: { maxBytes: bytes - 1, bytes } },
    });
    expect((await call({ maxResultBytes: bytes })).outcome).toBe("cached");
    expect(calls()).toBe(1);
  });

  test("keeps an answer that no caller can change", async () => {
    const { call } = setup();
    const { value } = await call();
    expect(() => Object.assign(value as object, { number: 666 })).toThrow(TypeError);
    expect((await call()).value).toEqual({ number: 1, text: "" });
  });

  test("gives nothing to a caller who has given up", async () => {
    const { call } = setup();
    await call();
    await expect(call({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "RUN_CANCELLED" });
  });

  test("passes a call on whose arguments are nested too deep", async () => {
    let deep: Record<string, unknown> = {};
    for (let level = 0; level < 50_000; level++) deep = { deep };
    const { call, calls } = setup();
    await call({ arguments: deep });
    await call({ arguments: deep });
    expect(calls()).toBe(2);
  });
});

describe("the cache's bounds", () => {
  test("what was not asked for the longest goes first", async () => {
    const { at, calls, count } = setup({ maxEntries: 2 }, { maxBytes: 100_000, maxEntries: 2 });
    await at(1);
    await at(2);
    await at(1);
    await at(3);
    expect(count("evicted")).toBe(1);
    expect((await at(1)).outcome).toBe("cached");
    expect((await at(2)).outcome).toBe("ok");
    expect(calls()).toBe(4);
  });

  test("sizes are counted in bytes", async () => {
    const { at, answerWith, count } = setup({}, { maxBytes: 10_000, maxEntries: 100 });
    answerWith("x".repeat(4_000));
    for (const id of [1, 2, 3]) await at(id);
    expect(count("evicted")).toBe(1);
    expect([(await at(2)).outcome, (await at(3)).outcome]).toEqual(["cached", "cached"]);
  });

  test("an answer larger than the cache drives nothing out", async () => {
    const { at, answerWith, count } = setup({ maxBytes: 5_000 }, { maxBytes: 5_000, maxEntries: 100 });
    await at(1);
    answerWith("x".repeat(6_000));
    expect([(await at(2)).outcome, (await at(2)).outcome]).toEqual(["ok", "ok"]);
    expect([(await at(1)).outcome, count("evicted")]).toEqual(["cached", 0]);
  });

  test("a server's own share is its alone: filling it leaves the others' answers", async () => {
    const { at, call, calls, count } = setup({ maxEntries: 2 });
    const other = createFakeUpstream("other", [], { config: { cache: POLICY } });
    await call({ arguments: { id: 1 } }, other);
    for (const id of [1, 2, 3]) await at(id);
    expect(count("evicted")).toBe(1);
    expect((await call({ arguments: { id: 1 } }, other)).outcome).toBe("cached");
    expect([(await at(2)).outcome, (await at(3)).outcome]).toEqual(["cached", "cached"]);
    expect(calls()).toBe(4);
    expect((await at(1)).outcome).toBe("ok");
  });

  test("what the whole cache drives out frees the server's share", async () => {
    const { at, call, count } = setup({ maxEntries: 2 }, { maxBytes: 100_000, maxEntries: 3 });
    const other = createFakeUpstream("other", [], { config: { cache: { ...POLICY, maxEntries: 3 } } });
    await at(1);
    for (const id of [1, 2, 3]) await call({ arguments: { id } }, other);
    expect(count("evicted")).toBe(1);
    for (const id of [2, 3]) await at(id);
    expect([(await at(2)).outcome, (await at(3)).outcome]).toEqual(["cached", "cached"]);
  });

  test("an answer whose time is over makes room without being told", async () => {
    const { at, clock, count } = setup({ ttlMs: 10 }, { maxBytes: 100_000, maxEntries: 1 });
    await at(1);
    clock.advance(10);
    await at(2);
    expect(count("evicted")).toBe(0);
  });
});
