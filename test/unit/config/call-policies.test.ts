import { describe, expect, test } from "vitest";
import type { CallPolicies } from "../../../src/config/call-policies.ts";
import { compileYaml, loadYaml, problemsOf } from "./support.ts";

/** The policies of a server `a` with these keys, and more keys at the top. */
function policies(keys: string, top = ""): Omit<CallPolicies, "rateLimits"> {
  const [upstream] = compileYaml(`mcpServers: {a: {command: x${keys === "" ? "" : `, ${keys}`}}}\n${top}\n`).upstreams;
  if (upstream === undefined) throw new Error("the server is missing");
  const { cache, coalesce, retry, breaker } = upstream;
  return { cache, coalesce, retry, breaker };
}

const WHOLE = { maxBytes: 67_108_864, maxEntries: 10_000 };

describe("the cache of a server", () => {
  test.each([["cache: false"], ["coalesce: true"]])("is off with %s", (keys) => {
    expect(policies(keys).cache).toBeUndefined();
  });

  test.each([
    ["cache: 60s", 60_000],
    ["cache: 1500", 1_500],
    ["cache: true", 60_000],
    ["cache: {}", 60_000],
    ["cache: {ttl: 5m}", 300_000],
  ])("%s keeps answers of tools that read for %i ms", (keys, ttlMs) => {
    expect(policies(keys).cache).toEqual({ ttlMs, tools: undefined, ...WHOLE });
  });

  test("hears which tools, and its own bounds", () => {
    expect(policies("cache: {ttl: 1s, tools: ['search_*'], maxBytes: 1m, maxEntries: 7}").cache).toEqual({
      ttlMs: 1_000,
      tools: ["search_*"],
      maxBytes: 1_048_576,
      maxEntries: 7,
    });
  });

  test("is never larger than the whole cache", () => {
    expect(policies("cache: {maxBytes: 1g, maxEntries: 99}", "cache: {maxBytes: 2m, maxEntries: 5}").cache).toEqual({
      ttlMs: 60_000,
      tools: undefined,
      maxBytes: 2_097_152,
      maxEntries: 5,
    });
  });

  test("does not take a misspelt key: it could keep what was to be left out", () => {
    const { problems } = loadYaml("mcpServers: {a: {command: x, cache: {tool: [y]}}}\n");
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining("mcpServers.a.cache.tool")]);
  });

  test("says what it takes", () => {
    expect(problemsOf(() => policies("cache: often"))).toEqual([
      expect.stringContaining(
        'must be a duration from 1ms to 24d, in ms or as text such as "30s", or true or false, or an object: current value is "often"',
      ),
    ]);
  });
});

describe("coalescing", () => {
  test.each([
    ["", "", true],
    ["", "coalesce: false", false],
    ["coalesce: false", "", false],
    ["coalesce: true", "coalesce: false", true],
  ])("a server with {%s} under {%s}: %s", (keys, top, coalesce) => {
    expect(policies(keys, top).coalesce).toBe(coalesce);
  });
});

describe("the retries of a server", () => {
  test.each([
    ["", { retries: 2, baseMs: 100, maxMs: 2_000 }],
    ["retry: true", { retries: 2, baseMs: 100, maxMs: 2_000 }],
    ["retry: false", { retries: 0, baseMs: 100, maxMs: 2_000 }],
    ["retry: 0", { retries: 0, baseMs: 100, maxMs: 2_000 }],
    ["retry: 5", { retries: 5, baseMs: 100, maxMs: 2_000 }],
    ["retry: {attempts: 1, base: 10ms, max: 1s}", { retries: 1, baseMs: 10, maxMs: 1_000 }],
    ["retry: {base: 5s}", { retries: 2, baseMs: 5_000, maxMs: 5_000 }],
  ])("{%s}", (keys, retry) => {
    expect(policies(keys).retry).toEqual(retry);
  });

  test("a first wait longer than the longest is a fault", () => {
    expect(problemsOf(() => policies("retry: {base: 2s, max: 1s}"))).toEqual([
      "Cannot use mcpServers.a.retry.base (runlet.yaml:1) as it must not be over its max of 1000 ms: current value is 2000. " +
        "Raise max or lower base.",
    ]);
  });

  test.each(["retry: 11", "retry: -1", "retry: {attempts: 1.5}"])("%s is a fault", (keys) => {
    expect(problemsOf(() => policies(keys))).toHaveLength(1);
  });
});

describe("the breaker of a server", () => {
  const DEFAULTS = { failures: 5, errorRate: 0.5, minCalls: 10, windowMs: 60_000, openMs: 30_000 };

  test.each([
    ["", DEFAULTS],
    ["breaker: true", DEFAULTS],
    ["breaker: false", undefined],
    ["breaker: {open: 5s}", { ...DEFAULTS, openMs: 5_000 }],
    [
      "breaker: {failures: 3, errorRate: 0.25, minCalls: 20, window: 2m, open: 1m}",
      { failures: 3, errorRate: 0.25, minCalls: 20, windowMs: 120_000, openMs: 60_000 },
    ],
  ])("{%s}", (keys, breaker) => {
    expect(policies(keys).breaker).toEqual(breaker);
  });

  test.each(["breaker: 5", "breaker: {errorRate: 0}", "breaker: {errorRate: 1.1}", "breaker: {window: 10ms}"])(
    "%s is a fault",
    (keys) => {
      expect(problemsOf(() => policies(keys))).toHaveLength(1);
    },
  );
});

test.each(["retry: 5", "breaker: false"])("%s at the top is told to belong to a server", (top) => {
  expect(loadYaml(`${top}\n`).warnings).toEqual([expect.stringContaining("Write it for each server.")]);
});
