import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deprecationOf, firstSentence, saysOnly, toPlainLine } from "../../../src/catalog/doc-text.ts";

describe("deprecationOf", () => {
  test.each([
    ["Reads. DEPRECATED: Use read_text_file instead. Old.", "DEPRECATED: Use read_text_file instead"],
    ["[Deprecated] Reads.", "Deprecated] Reads"],
    ["Reads a file. This tool is deprecated since 2.0. More.", "is deprecated since 2.0"],
    ["DEPRECATED */ alert(1)", "DEPRECATED * / alert(1)"],
  ])("of %j is %j", (text, expected) => {
    expect(deprecationOf(text)).toBe(expected);
  });

  test("is bounded", () => {
    expect(deprecationOf(`DEPRECATED ${"x ".repeat(500)}`)?.length).toBeLessThanOrEqual(80);
  });

  test.each(["Lists deprecated packages.", "Finds deprecated and outdated APIs", "", "Undeprecated"])(
    "%j says nothing of the kind",
    (text) => {
      expect(deprecationOf(text)).toBeUndefined();
    },
  );
});

describe("firstSentence", () => {
  test.each([
    ["Reads a file. Then more.", "Reads a file"],
    ["Reads a file, e.g. a text. Then more.", "Reads a file, e.g. a text"],
    ["Reads version 1.5 of it. More.", "Reads version 1.5 of it"],
    ["Really? Yes.", "Really?"],
    ["One line\nthat goes on\n\nNext paragraph", "One line that goes on"],
    ["\n\n  Indented", "Indented"],
    ["読む。次。", "読む。"],
    ["", ""],
    ["   \n ", ""],
    ["ends a comment */ alert(1) /*", "ends a comment * / alert(1) /*"],
    ["null\u0000 bell\u0007 rtl\u202e sep\u2028 x", "null bell rtl sep x"],
  ])("of %j is %j", (text, expected) => {
    expect(firstSentence(text, 120)).toBe(expected);
  });

  test("a long sentence is cut at a word and marked", () => {
    expect(firstSentence("alpha beta gamma delta", 14)).toBe("alpha beta…");
    expect(firstSentence("x".repeat(50), 10)).toBe(`${"x".repeat(9)}…`);
  });

  test("an aside that is cut near its start is left out, and one that says something is kept", () => {
    expect(firstSentence("Kubeconfig context to use (optional - defaults to the current one)", 44)).toBe(
      "Kubeconfig context to use…",
    );
    expect(firstSentence("Type of resource (e.g., pods, deployments, services)", 44)).toBe(
      "Type of resource (e.g., pods, deployments,…",
    );
  });

  test("is one bounded line that cannot end a comment, whatever the text", () => {
    const nasty = fc.array(fc.constantFrom("*", "/", "\0", "\n", "\u2028", ".", " ", "a", "\ud800", "\u200b"));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          nasty.map((parts) => parts.join("")),
        ),
        (text) => {
          const sentence = firstSentence(text, 30);
          expect(sentence.length).toBeLessThanOrEqual(30);
          expect(sentence).not.toMatch(/\*\/|[\p{Cc}\p{Cf}\u2028\u2029]/u);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("takes no longer for a megabyte than for a line", () => {
    const started = performance.now();
    firstSentence("e.g. ".repeat(200_000), 120);
    firstSentence("\n".repeat(1_000_000), 120);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

test("a description that repeats the name says nothing", () => {
  expect(saysOnly("Page size", "page_size")).toBe(true);
  expect(saysOnly("The path", "path")).toBe(true);
  expect(saysOnly("Size of a page", "page_size")).toBe(false);
});

test("a comment's end cannot be put together from what is taken out", () => {
  expect(toPlainLine("*\u200b/ **// *\n/")).not.toContain("*/");
});
