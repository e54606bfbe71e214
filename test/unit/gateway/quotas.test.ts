import { describe, expect, test, vi } from "vitest";
import type { Principal } from "../../../src/config/principal.ts";
import type { Quotas } from "../../../src/config/quotas.ts";
import type { CallTool, ToolResult } from "../../../src/gateway/call.ts";
import { callerPlaces } from "../../../src/gateway/interceptors/caller-places.ts";
import { quota } from "../../../src/gateway/interceptors/quota.ts";
import type { AdmittedCall } from "../../../src/gateway/policy.ts";
import { createQuotaKeeper } from "../../../src/gateway/quotas.ts";
import { createMemoryQuotaStore } from "../../../src/store/memory/memory-quota-store.ts";
import { catalogTool, createFakeUpstream, toolCall } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const MINUTE = 60_000;
const RESULT: ToolResult = { value: 1, content: [], outcome: "ok", bytes: 40 };
const rest = () => new Promise(setImmediate);
const who = (id: string, quotas?: Quotas): Principal => ({
  id,
  access: {},
  admin: false,
  ...(quotas === undefined ? {} : { quotas }),
});

function makeCall(principal: Principal, signal = new AbortController().signal): AdmittedCall {
  return {
    ...toolCall("server", "tool", { principal, signal }),
    definition: catalogTool(true),
    upstream: createFakeUpstream("server", []),
    trace: { server: "server", tool: "tool", upstreamMs: 0, queueMs: 0, attempts: 0, refusal: undefined },
  };
}

function keeperOf(everybody: Quotas = {}) {
  return createQuotaKeeper(createMemoryQuotaStore(), everybody);
}

describe("a keeper of quotas", () => {
  test("counts each principal and each kind alone", async () => {
    const keeper = keeperOf({ calls: { limit: 1, periodMs: MINUTE }, runs: { limit: 1, periodMs: MINUTE } });
    await keeper.take(who("ann"), "calls", "call it");
    await keeper.take(who("bob"), "calls", "call it");
    await keeper.take(who("ann"), "runs", "start the run");
    await expect(keeper.take(who("ann"), "calls", "call it")).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  });

  test("lets a principal's own quotas go before those of everybody, kind by kind", async () => {
    const keeper = keeperOf({ calls: { limit: 1, periodMs: MINUTE }, tokens: { limit: 5, periodMs: MINUTE } });
    const ann = who("ann", { calls: { limit: 2, periodMs: MINUTE } });
    expect(keeper.of(ann)).toEqual({ calls: { limit: 2, periodMs: MINUTE }, tokens: { limit: 5, periodMs: MINUTE } });
    await keeper.take(ann, "calls", "call it");
    await keeper.take(ann, "calls", "call it");
    await keeper.spend(ann, "tokens", 7);
    await expect(keeper.require(ann, "tokens", "ask the model")).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    await keeper.require(who("bob"), "tokens", "ask the model");
  });

  test("holds everybody to other quotas from the next look on, with what was used before", async () => {
    const keeper = keeperOf({ calls: { limit: 1, periodMs: MINUTE } });
    const own = who("bob", { calls: { limit: 1, periodMs: MINUTE } });
    for (const caller of [who("ann"), own]) await keeper.take(caller, "calls", "call it");
    keeper.replace({ calls: { limit: 2, periodMs: MINUTE } });
    expect(await keeper.states(who("ann"), ["calls"])).toMatchObject([{ left: 1 }]);
    await keeper.take(who("ann"), "calls", "call it");
    await expect(keeper.take(who("ann"), "calls", "call it")).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    await expect(keeper.take(own, "calls", "call it")).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    keeper.replace({});
    await keeper.take(who("ann"), "calls", "call it");
  });

  test("tells what is used up, how long, and to stop until then", async () => {
    const keeper = keeperOf({ runs: { limit: 3, periodMs: MINUTE } });
    for (let run = 0; run < 3; run++) await keeper.take(who("ann"), "runs", "start the run");
    const error = await keeper.take(who("ann"), "runs", "start the run").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "QUOTA_EXCEEDED",
      message:
        "Cannot start the run as its caller may use 3 runs per minute: current value is 3. Stop: every further try is refused for 60 s.",
      context: {
        hint: expect.stringContaining("Wait 60 s"),
        details: { scope: "runs", limit: 3, period: "minute", retryAfterMs: expect.any(Number) },
      },
    });
  });

  test("limits nobody when nothing is configured, and tells of no quota", async () => {
    const keeper = keeperOf();
    for (let call = 0; call < 100; call++) await keeper.take(who("ann"), "calls", "call it");
    await keeper.spend(who("ann"), "bytes", 1e12);
    await keeper.require(who("ann"), "bytes", "call it");
    expect(await keeper.states(who("ann"), ["calls", "bytes"])).toEqual([]);
  });

  test("tells how quotas stand, of the kinds asked for", async () => {
    const keeper = keeperOf({ calls: { limit: 3, periodMs: MINUTE }, bytes: { limit: 10, periodMs: MINUTE } });
    await keeper.take(who("ann"), "calls", "call it");
    await keeper.spend(who("ann"), "bytes", 25);
    expect(await keeper.states(who("ann"), ["calls", "runs", "bytes"])).toMatchObject([
      { kind: "calls", left: 2 },
      { kind: "bytes", left: 0 },
    ]);
  });
});

describe("the quota of calls", () => {
  test("refuses a call that finds it used up, unsent, and notes why", async () => {
    const send = vi.fn<CallTool<AdmittedCall>>(async () => RESULT);
    const call = quota(keeperOf({ calls: { limit: 1, periodMs: MINUTE } }))(send);
    expect(await call(makeCall(who("ann")))).toBe(RESULT);
    const refused = makeCall(who("ann"));
    await expect(call(refused)).rejects.toMatchObject({
      code: "QUOTA_EXCEEDED",
      context: { server: "server", tool: "tool", details: { scope: "calls" } },
    });
    expect(refused.trace.refusal).toEqual({ reason: "quota", scope: "principal", rule: "limits.calls" });
    expect(send).toHaveBeenCalledTimes(1);
    await call(makeCall(who("bob")));
  });

  test("counts calls that fail, and of refused ones nothing else", async () => {
    const keeper = keeperOf({ calls: { limit: 5, periodMs: MINUTE }, bytes: { limit: 50, periodMs: MINUTE } });
    const failing = quota(keeper)(() => Promise.reject(new Error("broken")));
    await expect(failing(makeCall(who("ann")))).rejects.toThrow("broken");
    const call = quota(keeper)(async () => RESULT);
    await call(makeCall(who("ann")));
    await call(makeCall(who("ann")));
    const refused = makeCall(who("ann"));
    await expect(call(refused)).rejects.toMatchObject({ context: { details: { scope: "bytes" } } });
    expect(refused.trace.refusal?.rule).toBe("limits.bytes");
    expect(await keeper.states(who("ann"), ["calls", "bytes"])).toMatchObject([{ left: 2 }, { left: 0 }]);
  });

  test("lets a defect of the store through as it is", async () => {
    const store = { ...createMemoryQuotaStore(), take: () => Promise.reject(new TypeError("store")) };
    const keeper = createQuotaKeeper(store, { calls: { limit: 1, periodMs: MINUTE } });
    await expect(quota(keeper)(async () => RESULT)(makeCall(who("ann")))).rejects.toThrow("store");
  });
});

describe("the places of a caller", () => {
  function setup(places: number) {
    const clock = createManualClock();
    const open: (() => void)[] = [];
    const send = callerPlaces(
      clock,
      keeperOf({ concurrency: places }),
    )(() => new Promise((resolve) => open.push(() => resolve(RESULT))));
    return { clock, open, send };
  }

  test("bound what one has in flight and not what another has", async () => {
    const { clock, open, send } = setup(2);
    const calls = [makeCall(who("ann")), makeCall(who("ann")), makeCall(who("ann"))];
    const answers = calls.map(send);
    void send(makeCall(who("bob")));
    await rest();
    expect(open).toHaveLength(3);
    clock.advance(25);
    open[0]?.();
    await rest();
    expect(open).toHaveLength(4);
    open[1]?.();
    open[3]?.();
    expect(await Promise.all(answers)).toEqual([RESULT, RESULT, RESULT]);
    expect(calls.map(({ trace }) => trace.queueMs)).toEqual([0, 0, 25]);
  });

  test("refuse who waited too long, and take the next when one is free", async () => {
    const { clock, open, send } = setup(1);
    void send(makeCall(who("ann")));
    const late = makeCall(who("ann"));
    const waiting = send(late);
    await rest();
    clock.advance(30_000);
    await expect(waiting).rejects.toMatchObject({
      code: "QUOTA_EXCEEDED",
      message: expect.stringContaining("1 calls in flight at once: current value is 1, and none ended within 30000 ms"),
      context: { details: { scope: "concurrency", limit: 1, retryAfterMs: expect.any(Number) } },
    });
    expect(late.trace.refusal).toEqual({ reason: "quota", scope: "principal", rule: "limits.concurrency" });
    open[0]?.();
    await rest();
    void send(makeCall(who("ann")));
    await rest();
    expect(open).toHaveLength(2);
  });

  test("let the line be left, and refuse at once when it is full", async () => {
    const { send, open } = setup(1);
    void send(makeCall(who("ann")));
    const controller = new AbortController();
    const leaving = send(makeCall(who("ann"), controller.signal));
    for (let call = 0; call < 255; call++) send(makeCall(who("ann"))).catch(() => undefined);
    await rest();
    await expect(send(makeCall(who("ann")))).rejects.toMatchObject({
      message: expect.stringContaining("256 more wait"),
    });
    controller.abort(new Error("not wanted"));
    await expect(leaving).rejects.toThrow("not wanted");
    expect(open).toHaveLength(1);
  });
});
