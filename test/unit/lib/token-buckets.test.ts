import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTokenBuckets } from "../../../src/lib/token-buckets.ts";
import { createManualClock } from "../../support/manual-clock.ts";

function setup() {
  const clock = createManualClock();
  return { clock, buckets: createTokenBuckets(clock) };
}

const TEN_A_SECOND = { limit: 10, periodMs: 1_000 };

describe("token buckets", () => {
  test("give a burst of the limit, then one token each part of the period", () => {
    const { clock, buckets } = setup();
    const take = () => buckets.take("a", TEN_A_SECOND);
    expect(Array.from({ length: 12 }, take)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 100]);
    clock.advance(99);
    expect(take()).toBe(1);
    clock.advance(1);
    expect([take(), take()]).toEqual([0, 100]);
  });

  test("are full again after a period without use, and never more than full", () => {
    const { clock, buckets } = setup();
    const take = () => buckets.take("a", { limit: 2, periodMs: 1_000 });
    expect([take(), take(), take()]).toEqual([0, 0, 500]);
    clock.advance(60_000);
    expect([take(), take(), take()]).toEqual([0, 0, 500]);
  });

  test("are one for each key", () => {
    const { buckets } = setup();
    const once = { limit: 1, periodMs: 1_000 };
    expect([buckets.take("a", once), buckets.take("b", once), buckets.take("a", once)]).toEqual([0, 0, 1_000]);
  });

  test("are not kept once they are full: keys from outside cannot fill memory", () => {
    const { clock, buckets } = setup();
    for (let key = 0; key < 50_000; key++) {
      buckets.take(`key ${key}`, TEN_A_SECOND);
      clock.advance(1);
    }
    expect(buckets.size).toBeLessThanOrEqual(1_024);
  });

  test("never give more than the limit and what was refilled, and no refusal is longer than until the next token", () => {
    const step = fc.record({ waitMs: fc.integer({ min: 0, max: 400 }), times: fc.integer({ min: 1, max: 8 }) });
    const size = fc.record({ limit: fc.integer({ min: 1, max: 9 }), periodMs: fc.constantFrom(700, 1_000, 60_000) });
    fc.assert(
      fc.property(size, fc.array(step, { maxLength: 30 }), (bucket, steps) => {
        const { clock, buckets } = setup();
        let given = 0;
        for (const { waitMs, times } of steps) {
          clock.advance(waitMs);
          for (let time = 0; time < times; time++) {
            const retryMs = buckets.take("a", bucket);
            if (retryMs === 0) given++;
            else expect(retryMs).toBeLessThanOrEqual(Math.ceil(bucket.periodMs / bucket.limit));
          }
          const most = bucket.limit + (clock.monotonic() * bucket.limit) / bucket.periodMs;
          expect(given).toBeLessThanOrEqual(most + 1e-6);
        }
      }),
    );
  });
});
