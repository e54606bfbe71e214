import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatRate, parseRate, periodName } from "../../../src/config/rates.ts";

const MINUTE = 60_000;

describe("rates", () => {
  test.each([
    ["100/minute", 100, MINUTE],
    ["100/min", 100, MINUTE],
    ["100/m", 100, MINUTE],
    ["10/second", 10, 1_000],
    ["10/s", 10, 1_000],
    ["10/sec", 10, 1_000],
    ["5/hour", 5, 3_600_000],
    ["5/h", 5, 3_600_000],
    ["1000000/day", 1_000_000, 86_400_000],
    ["7/d", 7, 86_400_000],
    ["7/days", 7, 86_400_000],
    [" 60 / Minute ", 60, MINUTE],
    ["60 per minute", 60, MINUTE],
  ])("%j is %d in each %d ms", (text, limit, periodMs) => {
    expect(parseRate(text)).toEqual({ limit, periodMs });
  });

  test.each([
    "",
    "100",
    "/minute",
    "100/",
    "100/week",
    "100/minutely",
    "-1/s",
    "1.5/s",
    "1e3/s",
    "0/minute",
    "1k/s",
    "1/2s",
  ])("%j is no rate", (text) => {
    expect(parseRate(text)).toBeUndefined();
  });

  test.each([
    ["100m/hour", 100 * 1024 ** 2, 3_600_000],
    ["1.5 MiB/min", 1.5 * 1024 ** 2, MINUTE],
    ["4g/day", 4 * 1024 ** 3, 86_400_000],
    ["512/s", 512, 1_000],
  ])("%j is %d bytes in each %d ms", (text, limit, periodMs) => {
    expect(parseRate(text, "bytes")).toEqual({ limit, periodMs });
  });

  test.each(["0k/hour", "m/hour", "100t/hour", "9999999999999g/day"])("%j is no rate of bytes", (text) => {
    expect(parseRate(text, "bytes")).toBeUndefined();
  });

  test("a period has a name where people have one for it", () => {
    expect([1_000, MINUTE, 3_600_000, 86_400_000, 1_500].map(periodName)).toEqual([
      "second",
      "minute",
      "hour",
      "day",
      "1500 ms",
    ]);
  });

  test("a rate is written as it can be read again", () => {
    const limit = fc.integer({ min: 1, max: 1_000_000_000 });
    const periodMs = fc.constantFrom(1_000, MINUTE, 3_600_000, 86_400_000);
    const unit = fc.constantFrom("count" as const, "bytes" as const);
    fc.assert(
      fc.property(limit, periodMs, unit, (amount, period, kind) => {
        const rate = { limit: amount, periodMs: period };
        expect(parseRate(formatRate(rate, kind), kind)).toEqual(rate);
      }),
    );
  });
});
