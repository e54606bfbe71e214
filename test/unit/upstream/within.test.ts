import { describe, expect, it } from "vitest";
import { abortable, within } from "../../../src/upstream/within.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const expired = (): Error => new Error("expired");
const forever = (): Promise<never> => new Promise(() => undefined);

describe("within", () => {
  it("gives what the run gives and leaves no timer", async () => {
    const clock = createManualClock();
    expect(await within(clock, 100, expired, () => Promise.resolve(5))).toBe(5);
    await expect(within(clock, 100, expired, () => Promise.reject(new Error("own")))).rejects.toThrow("own");
    expect(clock.pending()).toBe(0);
  });

  it("rejects at its time even a run that takes no notice, and tells it", async () => {
    const clock = createManualClock();
    let told: unknown;
    const running = within(clock, 100, expired, (signal) => {
      signal.addEventListener("abort", () => (told = signal.reason));
      return forever();
    });
    clock.advance(99);
    expect(told).toBeUndefined();
    clock.advance(1);
    await expect(running).rejects.toThrow("expired");
    expect(told).toEqual(new Error("expired"));
  });
});

describe("abortable", () => {
  it("follows the promise while nobody aborts", async () => {
    const { signal } = new AbortController();
    expect(await abortable(Promise.resolve(1), signal)).toBe(1);
    await expect(abortable(Promise.reject(new Error("own")), signal)).rejects.toThrow("own");
    expect(await abortable(Promise.resolve(2), undefined)).toBe(2);
  });

  it("rejects with the signal's reason, before or meanwhile", async () => {
    const controller = new AbortController();
    const waiting = abortable(forever(), controller.signal);
    controller.abort(new Error("no longer wanted"));
    await expect(waiting).rejects.toThrow("no longer wanted");
    await expect(abortable(forever(), controller.signal)).rejects.toThrow("no longer wanted");
  });
});
