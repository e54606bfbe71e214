import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createMemoryQuotaStore } from "../../../src/store/memory/memory-quota-store.ts";

const RATE = { limit: 2, periodMs: 60_000 };

// The library that counts reads the machine's clock.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("quotas in memory", () => {
  test("grant what there is, and say when there is more", async () => {
    const store = createMemoryQuotaStore();
    expect(await store.take("a", RATE)).toEqual({ granted: true, used: 1, resetMs: 60_000 });
    vi.advanceTimersByTime(10_000);
    expect(await store.take("a", RATE)).toEqual({ granted: true, used: 2, resetMs: 50_000 });
    expect(await store.take("a", RATE)).toMatchObject({ granted: false, resetMs: 50_000 });
    vi.advanceTimersByTime(50_000);
    expect(await store.take("a", RATE)).toEqual({ granted: true, used: 1, resetMs: 60_000 });
  });

  test("find what is used when the limit is another, and nothing when the period is", async () => {
    const store = createMemoryQuotaStore();
    for (let time = 0; time < 2; time++) await store.take("a", RATE);
    const more = { ...RATE, limit: 3 };
    expect(await store.read("a", more)).toMatchObject({ used: 2 });
    expect(await store.take("a", more)).toMatchObject({ granted: true, used: 3 });
    expect(await store.take("a", { ...RATE, limit: 1 })).toMatchObject({ granted: false });
    expect(await store.take("a", { ...RATE, periodMs: 1_000 })).toMatchObject({ granted: true, used: 1 });
  });

  test("are kept for each key and each period", async () => {
    const store = createMemoryQuotaStore();
    await store.add("a", RATE, 5);
    expect(await store.read("a", RATE)).toEqual({ used: 5, resetMs: 60_000 });
    expect(await store.read("b", RATE)).toEqual({ used: 0, resetMs: 60_000 });
    expect(await store.read("a", { limit: 3, periodMs: 1_000 })).toEqual({ used: 0, resetMs: 1_000 });
  });

  test("are not changed by being read, and are none once their period is over", async () => {
    const store = createMemoryQuotaStore();
    await store.add("a", RATE, 1);
    expect(await store.read("a", RATE)).toEqual(await store.read("a", RATE));
    vi.setSystemTime(Date.now() + 61_000);
    expect(await store.read("a", RATE)).toEqual({ used: 0, resetMs: 60_000 });
  });

  test("give the last one to one of two who ask at once", async () => {
    const store = createMemoryQuotaStore();
    const answers = await Promise.all(Array.from({ length: 5 }, () => store.take("a", RATE)));
    expect(answers.filter(({ granted }) => granted)).toHaveLength(2);
  });

  test("leave no timer behind that keeps a process alive", async () => {
    vi.useRealTimers();
    const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const store = createMemoryQuotaStore();
    await store.add("a", RATE, 1);
    expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout")).toHaveLength(before);
  });
});
