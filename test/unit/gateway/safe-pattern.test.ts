import { describe, expect, test } from "vitest";
import { compilePattern, longestSafeText } from "../../../src/gateway/safe-pattern.ts";

describe("a pattern of a schema", () => {
  test.each([
    [String.raw`^\d{4}-\d{2}-\d{2}$`, "2026-01-02", "2026-1-2"],
    ["^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}$", "01234567-89ab-0123456789ab", "01234567-89ab-0123456789aZ"],
    [String.raw`^(\d{1,3}\.){3}\d{1,3}$`, "192.168.100.200", "192.168.100"],
    ["^(foo|bar)$", "foo", "baz"],
    [String.raw`^\p{L}+$`, "Ünïcode", "a1"],
    [String.raw`^[\w-.]+$`, "a-b.c", "a b"],
  ])("%s is tested", (pattern, good, bad) => {
    const compiled = compilePattern(pattern, "u");
    expect([compiled.test(good), compiled.test(bad)]).toEqual([true, false]);
  });

  test("that is no regular expression lets everything pass", () => {
    expect(compilePattern("(", "u").test("x")).toBe(true);
    expect(compilePattern("a{2,1}", "u").test("x")).toBe(true);
  });

  test("is told apart from others by its text", () => {
    expect(String(compilePattern("a", "u"))).not.toBe(String(compilePattern("b", "u")));
  });

  test.each([
    ["(a+)+$", "a"],
    ["(a|a)*$", "a"],
    ["((a+)+)+$", "a"],
    ["(a?a?)*$", "a"],
    ["a?".repeat(30) + "a".repeat(30), "a"],
    ["^a*a*a*a*b", "a"],
    ["(.*)*=.*;", "="],
    ["(a{1,30}){1,30}$", "a"],
    [String.raw`(\w+\s?)*$`, "a"],
    ["^(?=(a+)+$)b", "a"],
    ["(?<x>a+)+$", "a"],
    ["(?:a|ab|b)+c", "a"],
    ["[a-z]+[a-z]+[a-z]+$", "a"],
    ["^(a|a|a|a|a|a)*$", "a"],
  ])("%s is tested no longer than some milliseconds", (pattern, letter) => {
    const compiled = compilePattern(pattern, "u");
    const longest = Math.min(longestSafeText(pattern), 100_000);
    const startedMs = performance.now();
    compiled.test(`${letter.repeat(Math.max(0, longest - 1))}!`);
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    expect(compiled.test(`${letter.repeat(100_000)}!`)).toBe(true);
  });

  test("of absurd length is not tested", () => {
    expect(longestSafeText("a".repeat(20_000))).toBe(0);
  });
});
