import { describe, expect, test } from "vitest";
import { type CallTimers, startCallTimers } from "../../../src/upstream/call-timers.ts";
import type { UpstreamCallOptions } from "../../../src/upstream/upstream.ts";
import { upstreamConfig } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

function setup(change: Partial<UpstreamCallOptions> = {}) {
  const clock = createManualClock();
  const caller = new AbortController();
  const options = { signal: caller.signal, timeoutMs: 1_000, principal: "p", ...change };
  const timers: CallTimers = startCallTimers(clock, { config: upstreamConfig("a"), tool: "t" }, options);
  return { clock, caller, timers };
}

describe("the timers of a call", () => {
  test("end it at its timeout, not sooner", () => {
    const { clock, timers } = setup();
    clock.advance(999);
    expect([timers.signal.aborted, timers.timeout(undefined)]).toEqual([false, undefined]);
    clock.advance(1);
    expect(timers.signal.reason).toBe("timed out");
    expect(timers.timeout(undefined)).toMatchObject({ code: "TOOL_TIMEOUT", context: { server: "a", tool: "t" } });
  });

  test("end a silent one sooner, and start anew with each report", () => {
    const { clock, timers } = setup({ idleTimeoutMs: 100 });
    for (let progress = 0; progress < 5; progress++) {
      clock.advance(99);
      timers.onProgress?.({ progress });
    }
    clock.advance(99);
    expect(timers.signal.aborted).toBe(false);
    clock.advance(1);
    expect(timers.timeout(undefined)?.message).toContain("may be silent for 100 ms");
  });

  test("end one that reports without end at its timeout", () => {
    const { clock, timers } = setup({ idleTimeoutMs: 100 });
    for (let progress = 0; progress < 20; progress++) {
      clock.advance(50);
      timers.onProgress?.({ progress });
    }
    expect(timers.timeout(undefined)?.message).toContain("its timeout is 1000 ms");
  });

  test("want no progress when nobody does", () => {
    expect(setup().timers.onProgress).toBeUndefined();
    expect(setup({ idleTimeoutMs: 1 }).timers.onProgress).toBeDefined();
    expect(setup({ onProgress: () => undefined }).timers.onProgress).toBeDefined();
  });

  test("tell the listener nothing after the end", () => {
    const seen: number[] = [];
    const { clock, timers } = setup({ idleTimeoutMs: 100, onProgress: ({ progress }) => void seen.push(progress) });
    timers.onProgress?.({ progress: 1 });
    timers.stop();
    timers.onProgress?.({ progress: 2 });
    expect([seen, clock.pending()]).toEqual([[1], 0]);
  });

  test("pass the caller's abort on without its reason, which is not a timeout", () => {
    const { caller, timers } = setup();
    caller.abort(new Error("a reason that stays with us"));
    expect([timers.signal.reason, timers.timeout(undefined)]).toEqual(["cancelled by the caller", undefined]);
  });
});
