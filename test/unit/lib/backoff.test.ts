import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fullJitterMs } from "../../../src/lib/backoff.ts";

const BOUNDS = { baseMs: 1_000, maxMs: 30_000 };

describe("fullJitterMs", () => {
  it("doubles its ceiling with each failure up to the bound", () => {
    const ceilings = [1, 2, 3, 4, 5, 6, 7, 500].map((failures) => fullJitterMs(failures, BOUNDS, () => 1));
    expect(ceilings).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it("takes its share of the ceiling from chance, nothing included", () => {
    expect(fullJitterMs(3, BOUNDS, () => 0)).toBe(0);
    expect(fullJitterMs(3, BOUNDS, () => 0.25)).toBe(1_000);
  });

  it("is a whole number within the bounds, whatever the count", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e9 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (failures, chance) => {
          const wait = fullJitterMs(failures, BOUNDS, () => chance);
          expect(Number.isSafeInteger(wait)).toBe(true);
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(BOUNDS.maxMs);
        },
      ),
    );
  });
});
