import { describe, expect, test } from "vitest";
import { cancellation, startDeadline } from "../../../src/lib/deadline.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { createManualClock } from "../../support/manual-clock.ts";

function setup() {
  const clock = createManualClock();
  const caller = new AbortController();
  const timeoutError = () => new RunletError("TOOL_TIMEOUT", "time is up");
  const deadline = startDeadline({ clock, timeoutMs: 100, parent: caller.signal, timeoutError });
  return { clock, caller, deadline };
}

const never = () => new Promise<never>(() => undefined);

describe("a deadline", () => {
  test("settles as the work does when it is in time", async () => {
    const { deadline } = setup();
    expect(await deadline.race(Promise.resolve(1))).toBe(1);
    await expect(deadline.race(Promise.reject(new Error("own")))).rejects.toThrow("own");
  });

  test("rejects when time is up, though the work goes on", async () => {
    const { clock, deadline } = setup();
    const raced = deadline.race(never());
    clock.advance(99);
    expect(deadline.signal.aborted).toBe(false);
    clock.advance(1);
    await expect(raced).rejects.toMatchObject({ code: "TOOL_TIMEOUT" });
    expect(deadline.signal.reason).toMatchObject({ code: "TOOL_TIMEOUT" });
  });

  test("rejects with RUN_CANCELLED when the caller aborts, and stops its timer", async () => {
    const { clock, caller, deadline } = setup();
    const raced = deadline.race(never());
    caller.abort();
    await expect(raced).rejects.toMatchObject({ code: "RUN_CANCELLED" });
    expect(clock.pending()).toBe(0);
  });

  test("keeps the caller's own RunletError as the reason", async () => {
    const { caller, deadline } = setup();
    const raced = deadline.race(never());
    const reason = new RunletError("SCRIPT_TIMEOUT", "the run is over");
    caller.abort(reason);
    await expect(raced).rejects.toBe(reason);
  });

  test("ignores a late rejection of the work", async () => {
    const { clock, deadline } = setup();
    let fail: (error: Error) => void = () => undefined;
    const raced = deadline.race(new Promise<never>((_, reject) => (fail = reject)));
    clock.advance(100);
    await expect(raced).rejects.toMatchObject({ code: "TOOL_TIMEOUT" });
    fail(new Error("late"));
    await new Promise(setImmediate);
  });

  test("rejects a race that starts after the end", async () => {
    const { clock, deadline } = setup();
    clock.advance(100);
    await expect(deadline.race(never())).rejects.toMatchObject({ code: "TOOL_TIMEOUT" });
  });

  test("lets go of timer and caller when disposed, without aborting", () => {
    const { clock, caller, deadline } = setup();
    deadline[Symbol.dispose]();
    caller.abort();
    expect(clock.pending()).toBe(0);
    expect(deadline.signal.aborted).toBe(false);
  });

  test("does not start for a caller that aborted already", () => {
    const clock = createManualClock();
    const start = () =>
      startDeadline({
        clock,
        timeoutMs: 1,
        parent: AbortSignal.abort(),
        timeoutError: () => new RunletError("INTERNAL", ""),
      });
    expect(start).toThrow(expect.objectContaining({ code: "RUN_CANCELLED" }));
    expect(clock.pending()).toBe(0);
  });
});

test("a cancellation keeps what the caller gave as cause", () => {
  const reason = new Error("closed the page");
  expect(cancellation(AbortSignal.abort(reason))).toMatchObject({ code: "RUN_CANCELLED", cause: reason });
});
