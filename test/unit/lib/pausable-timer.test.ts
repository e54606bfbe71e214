import { describe, expect, test } from "vitest";
import { startDeadline } from "../../../src/lib/deadline.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { startPausableTimer } from "../../../src/lib/pausable-timer.ts";
import { createManualClock } from "../../support/manual-clock.ts";

function setup() {
  const clock = createManualClock();
  const state = { fired: 0 };
  const timer = startPausableTimer(clock, 100, () => void state.fired++);
  return { clock, timer, fired: () => state.fired };
}

describe("a timer that can stand still", () => {
  test("fires once when its time is over", () => {
    const { clock, fired } = setup();
    clock.advance(99);
    expect(fired()).toBe(0);
    clock.advance(1_000);
    expect(fired()).toBe(1);
  });

  test("does not count its pauses", () => {
    const { clock, timer, fired } = setup();
    clock.advance(60);
    const pause = timer.pause();
    clock.advance(10_000);
    pause[Symbol.dispose]();
    clock.advance(39);
    expect(fired()).toBe(0);
    clock.advance(1);
    expect(fired()).toBe(1);
  });

  test("stands still until the last of its pauses is over, each counted once", () => {
    const { clock, timer, fired } = setup();
    const [first, second] = [timer.pause(), timer.pause()];
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    clock.advance(1_000);
    expect(fired()).toBe(0);
    second[Symbol.dispose]();
    clock.advance(100);
    expect(fired()).toBe(1);
  });

  test("never fires once it is cancelled, and not after a pause either", () => {
    const { clock, timer, fired } = setup();
    const pause = timer.pause();
    timer.cancel();
    timer.cancel();
    pause[Symbol.dispose]();
    clock.advance(1_000);
    expect([fired(), clock.pending()]).toEqual([0, 0]);
  });

  test("says how long it has to run still, the same all through a pause", () => {
    const { clock, timer } = setup();
    clock.advance(30);
    expect(timer.leftMs()).toBe(70);
    const pause = timer.pause();
    clock.advance(1_000);
    expect(timer.leftMs()).toBe(70);
    pause[Symbol.dispose]();
    clock.advance(60);
    expect(timer.leftMs()).toBe(10);
  });

  test("fires no second time for a pause that outlives it", () => {
    const { clock, timer, fired } = setup();
    clock.advance(100);
    timer.pause()[Symbol.dispose]();
    clock.advance(1_000);
    expect(fired()).toBe(1);
  });
});

test("a deadline's time stands still while it is paused", () => {
  const clock = createManualClock();
  using deadline = startDeadline({
    clock,
    timeoutMs: 100,
    parent: new AbortController().signal,
    timeoutError: () => new RunletError("TOOL_TIMEOUT", "late"),
  });
  const pause = deadline.pause();
  clock.advance(1_000);
  expect(deadline.signal.aborted).toBe(false);
  pause[Symbol.dispose]();
  clock.advance(100);
  expect(deadline.signal.reason).toMatchObject({ code: "TOOL_TIMEOUT" });
});
