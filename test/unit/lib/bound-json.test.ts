import { assert, integer, jsonValue, property } from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../../src/lib/guards.ts";
import { boundJson, jsonBytes } from "../../../src/lib/bound-json.ts";

describe("boundJson", () => {
  it("gives back a value that fits as the same object", () => {
    const value = { a: [1, 2, 3] };
    expect(boundJson(value, 100)).toEqual({ value, cut: false });
    expect(boundJson(value, 100).value).toBe(value);
  });

  it("never gives more bytes than asked, and JSON only", () => {
    assert(
      property(jsonValue({ maxDepth: 6 }), integer({ min: 32, max: 600 }), (generated, maxBytes) => {
        const value = JSON.parse(JSON.stringify(generated)) as JsonValue;
        const bounded = boundJson(value, maxBytes);
        expect(jsonBytes(bounded.value)).toBeLessThanOrEqual(maxBytes);
        expect(bounded.cut).toBe(jsonBytes(value) > maxBytes);
        expect(JSON.parse(JSON.stringify(bounded.value))).toEqual(bounded.value);
      }),
      { numRuns: 500 },
    );
  });

  it.each<{ readonly claim: string; readonly value: JsonValue }>([
    { claim: "characters of several bytes", value: "é€𝄞".repeat(10_000) },
    { claim: "characters that JSON escapes", value: '\u0000\n"\\'.repeat(10_000) },
    { claim: "many members", value: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`member${i}`, i])) },
    { claim: "long names", value: { ["n".repeat(5_000)]: 1, short: 2 } },
    { claim: "deep nesting", value: nest(400) },
    { claim: "many lists", value: Array.from({ length: 200 }, () => Array.from({ length: 50 }, () => "x")) },
  ])("holds for $claim", ({ value }) => {
    for (const maxBytes of [32, 100, 1_000, 9_000]) {
      expect(jsonBytes(boundJson(value, maxBytes).value)).toBeLessThanOrEqual(maxBytes);
    }
  });

  it("keeps the head of a list and says how many items are gone", () => {
    const { value } = boundJson(
      Array.from({ length: 1_000 }, (_, i) => i),
      200,
    );
    const list = value as readonly JsonValue[];
    expect(list.slice(0, 3)).toEqual([0, 1, 2]);
    expect(list.at(-1)).toBe(`… [${1_000 - (list.length - 1)} more items cut]`);
  });

  it("keeps small members of an object whole beside a large one, in their order", () => {
    const { value } = boundJson({ rows: "x".repeat(10_000), count: 7, next: "page2" }, 400);
    expect(Object.keys(value as object)).toEqual(["rows", "count", "next"]);
    expect(value).toMatchObject({ count: 7, next: "page2" });
    expect((value as { rows: string }).rows).toMatch(/^x{100,}… \[\d+ bytes cut\]$/u);
  });

  it("shows items after one that is too large", () => {
    const { value } = boundJson(["x".repeat(10_000), "after"], 400);
    expect((value as readonly string[])[1]).toBe("after");
  });

  it("treats a member called __proto__ as any other", () => {
    const hostile = JSON.parse(`{"__proto__": {"polluted": true}, "body": "${"x".repeat(1_000)}"}`) as JsonValue;
    const { value } = boundJson(hostile, 300);
    expect(Object.hasOwn(value as object, "__proto__")).toBe(true);
    expect((value as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

function nest(depth: number): JsonValue {
  let value: JsonValue = "x".repeat(500);
  for (let i = 0; i < depth; i++) value = { inner: value, beside: [i] };
  return value;
}
