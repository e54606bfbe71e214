import { describe, expect, test } from "vitest";
import { Demand } from "../../../../src/executor/isolates/demand.ts";

const BOUNDS = { floor: 4, most: 16 };

function after(times: readonly number[], nowMs: number): number {
  const demand = new Demand(BOUNDS, 0);
  for (const at of times) demand.note(at);
  return demand.target(nowMs);
}

/** So many at one time. */
function at(count: number, ms: number): number[] {
  return Array.from({ length: count }, () => ms);
}

describe("what is kept ready", () => {
  test("is the floor while little is asked for", () => {
    expect(after([], 0)).toBe(4);
    expect(after(at(3, 10), 20)).toBe(4);
  });

  test("is what was asked for at once, up to the most", () => {
    expect(after(at(9, 10), 20)).toBe(9);
    expect(after(at(200, 10), 20)).toBe(16);
  });

  test("is the busiest second of late, of which half is forgotten each second", () => {
    const burst = at(16, 500);
    expect([600, 1_200, 2_200, 3_200, 60_000].map((now) => after(burst, now))).toEqual([16, 16, 8, 4, 4]);
    expect(after([...burst, ...at(3, 1_200)], 2_200)).toBe(8);
  });

  test("goes by when it was asked for, not by when it is told", () => {
    const demand = new Demand(BOUNDS, 0);
    for (const now of at(12, 900)) demand.note(now);
    expect(demand.target(30_000)).toBe(4);
    for (const now of at(6, 30_000)) demand.note(now);
    expect(demand.target(30_000)).toBe(6);
  });
});
