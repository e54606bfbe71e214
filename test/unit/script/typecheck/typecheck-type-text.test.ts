import { describe, expect, it } from "vitest";
import { builtInOf, cannotBe, kindsOf, splitUnion } from "../../../../src/script/typecheck/typecheck-type-text.ts";

describe("the kinds of a type's text", () => {
  it.each([
    ["string", ["string"]],
    ['"a | b"', ["string"]],
    ["`a${string}`", ["string"]],
    ["StringLike", ["string"]],
    ["-1.5e+21", ["number"]],
    ["12n", ["bigint"]],
    ["true", ["boolean"]],
    ["{ a: string | number; }[]", ["array"]],
    ["[string, number]", ["array"]],
    ["ListOf<string>", ["array"]],
    ["{ a: (x: number) => void; }", ["object"]],
    ["Promise<string | number>", ["promise"]],
    ['"a" | "b" | 3 | null', ["string", "number"]],
    ["string | undefined", ["string"]],
  ])("%s", (text, kinds) => {
    expect([...(kindsOf(text) ?? [])]).toEqual(kinds);
  });

  it.each(["any", "unknown", "{}", "Item", "T", "string | Item", "null", "() => string", "Date", "never", ""])(
    "of %s are not told",
    (text) => {
      expect(kindsOf(text)).toBeUndefined();
    },
  );
});

describe("a value of one type as another", () => {
  it.each([
    ["number", "StringLike"],
    ['"5"', "number"],
    ["string", "ListOf<string>"],
    ["string[]", "StringLike | number"],
    ["{ a: number; }", "string"],
    ["Promise<string>", "string"],
    ["boolean", "{ [key: string]: any; }"],
  ])("%s cannot be %s", (given, wanted) => {
    expect(cannotBe(given, wanted)).toBe(true);
  });

  it.each([
    ["string", '"a" | "b"'],
    ["string | number", "string"],
    ["any", "string"],
    ["Date", "string"],
    ["number", "Item"],
    ["{ a: string; }", "{ a: number; }"],
    ["number", "number | null"],
  ])("%s may be %s", (given, wanted) => {
    expect(cannotBe(given, wanted)).toBe(false);
  });
});

it("a union is taken apart between its brackets and quotes only", () => {
  expect(splitUnion('{ a: 1 | 2; } | "x | \\"y" | ((a: A | B) => C | D) | Map<a | b, c>[] | `a|b`')).toEqual([
    "{ a: 1 | 2; }",
    '"x | \\"y"',
    "((a: A | B) => C | D)",
    "Map<a | b, c>[]",
    "`a|b`",
  ]);
});

it("what the language gives its values is known of the language's own types alone", () => {
  expect(builtInOf("string[]")).toBe(Array.prototype);
  expect(builtInOf('"abc"')).toBe(String.prototype);
  expect(builtInOf("Map<string, any>")).toBe(Map.prototype);
  expect(builtInOf("ArrayConstructor")).toBe(Array);
  expect([builtInOf("{ a: 1; }"), builtInOf("Item"), builtInOf("Mapper"), builtInOf("Error")]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
