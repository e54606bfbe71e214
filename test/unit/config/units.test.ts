import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatBytes, formatDuration, parseBytes, parseCount, parseDuration } from "../../../src/config/units.ts";

describe("durations", () => {
  test.each([
    [0, 0],
    [1500, 1500],
    ["1500", 1500],
    ["250ms", 250],
    ["30s", 30_000],
    ["1.5s", 1_500],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["1h 30m", 5_400_000],
    ["2 d", 172_800_000],
    [" 10S ", 10_000],
  ])("%j is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["", "s", "ten", "10 seconds", "-5s", "5s!", "1h-30m", "5 5s x", "1e3", "0x10"])(
    "%j is no duration",
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("the number %d is no duration", (value) => {
    expect(parseDuration(value)).toBeUndefined();
  });

  test("what is formatted is parsed to the same amount", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  test("the largest whole unit is chosen", () => {
    expect([0, 1, 999, 1_000, 90_000, 120_000, 86_400_000].map(formatDuration)).toEqual([
      "0",
      "1ms",
      "999ms",
      "1s",
      "90s",
      "2m",
      "1d",
    ]);
  });
});

describe("sizes", () => {
  test.each([
    [0, 0],
    ["77", 77],
    ["512k", 524_288],
    ["4m", 4_194_304],
    ["4M", 4_194_304],
    ["4MB", 4_194_304],
    ["4 MiB", 4_194_304],
    ["1.5k", 1_536],
    ["1g", 1_073_741_824],
    ["10b", 10],
  ])("%j is %d bytes", (text, size) => {
    expect(parseBytes(text)).toBe(size);
  });

  test.each(["", "k", "-1k", "4 t", "four", "1e3", "4m4k"])("%j is no size", (text) => {
    expect(parseBytes(text)).toBeUndefined();
  });

  test("what is formatted is parsed to the same amount", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (size) => {
        expect(parseBytes(formatBytes(size))).toBe(size);
      }),
    );
  });
});

describe("counts", () => {
  test.each([
    [7, 7],
    ["7", 7],
    [" 7 ", 7],
  ])("%j is %d", (text, amount) => {
    expect(parseCount(text)).toBe(amount);
  });

  test.each([1.5, -1, Number.NaN, "1.5", "-1", "7k", "", 2 ** 60])("%j is no count", (text) => {
    expect(parseCount(text)).toBeUndefined();
  });
});
