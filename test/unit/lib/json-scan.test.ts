import { array, assert, constantFrom, integer, json, property, string, tuple, uint8Array } from "fast-check";
import { describe, expect, it, test } from "vitest";
import { jsonParts, jsonValueEnd, scanJson } from "../../../src/lib/json-scan.ts";
import { parseJson } from "../../../src/lib/json.ts";

const DEPTH = 512;

function isJson(text: string | Uint8Array): boolean {
  return typeof scanJson(typeof text === "string" ? Buffer.from(text) : text, DEPTH) !== "string";
}

/** A text with some of its places changed. */
const damaged = tuple(
  json({ maxDepth: 4 }),
  array(
    tuple(
      integer({ min: 0, max: 400 }),
      constantFrom(...Array.from('[]{},:"\\ \n\t0123456789-+.eEtrufalsn\u0001é')),
      integer({ min: 0, max: 2 }),
    ),
  ),
).map(([text, edits]) => {
  let changed = text;
  for (const [place, character, removed] of edits.slice(0, 3)) {
    const at = changed.length === 0 ? 0 : place % (changed.length + 1);
    changed = changed.slice(0, at) + character + changed.slice(at + removed);
  }
  return changed;
});

describe("scanJson", () => {
  it("takes exactly what JSON.parse takes", () => {
    assert(
      property(damaged, (text) => {
        expect([text, isJson(text)]).toEqual([text, parseJson(text) !== undefined]);
      }),
      { numRuns: 3_000 },
    );
    assert(
      property(string({ unit: "binary", maxLength: 12 }), (text) => {
        expect([text, isJson(text)]).toEqual([text, parseJson(text) !== undefined]);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    "0",
    "-0",
    "1.5e+10",
    "-1E-3",
    ' "a" ',
    "\t[ ]\n",
    "{ }",
    '{"a" : [1 , {"b":null}]}',
    '"\\u00e9\\n"',
    "true",
  ])("%s is JSON", (text) => {
    expect(isJson(text)).toBe(true);
  });

  test.each([
    "",
    " ",
    "01",
    "-",
    "1.",
    ".5",
    "1e",
    "+1",
    "0x1",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{,}",
    '{"a"}',
    '{"a":}',
    "{a:1}",
    '{"a":1,}',
    '"',
    '"\\x"',
    '"\\u12g4"',
    '"\n"',
    "nul",
    "nulll",
    "truex",
    "[",
    "{",
    "]",
    "[}",
    "{]",
    "1 2",
    "\ufeff1",
    "'a'",
    "NaN",
    "[1]]",
    '{"a":1}}',
    "\u00a01",
    "undefined",
  ])("%j is not", (text) => {
    expect(isJson(text)).toBe(false);
  });

  it("takes UTF-8 only", () => {
    expect(isJson(Buffer.from([0x22, 0xc3, 0xa9, 0x22]))).toBe(true);
    expect(isJson(Buffer.from([0x22, 0xc3, 0x22]))).toBe(false);
    expect(isJson(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe(false);
    assert(property(uint8Array({ maxLength: 20 }), (bytes) => void isJson(bytes)));
  });

  it("counts levels of lists and objects alike, and takes as many as it may", () => {
    const nested = (levels: number): Buffer => Buffer.from('[{"a":'.repeat(levels / 2) + "1" + "}]".repeat(levels / 2));
    expect(typeof scanJson(nested(DEPTH), DEPTH)).toBe("object");
    expect(scanJson(nested(DEPTH + 2), DEPTH)).toBe("depth");
    expect(scanJson(Buffer.from("[".repeat(5_000_000)), DEPTH)).toBe("depth");
    expect(typeof scanJson(Buffer.from(`[${"[],".repeat(100_000)}[]]`), DEPTH)).toBe("object");
  });

  it("indexes what is large, by its place", () => {
    const large = `[${"1,".repeat(20_000)}1]`;
    const text = Buffer.from(` {"small": [1], "large": ${large}}`);
    const index = scanJson(text, DEPTH);
    const start = text.indexOf(large);
    expect(index).toEqual(
      new Map([
        [1, { end: text.length, count: 2 }],
        [start, { end: start + large.length, count: 20_001 }],
      ]),
    );
  });
});

describe("the parts of a scanned text", () => {
  it("are its members with their keys, or its items", () => {
    assert(
      property(json({ maxDepth: 3 }), integer({ min: 0, max: 3 }), (json, indent) => {
        const value = JSON.parse(json) as unknown;
        if (typeof value !== "object" || value === null) return;
        const text = Buffer.from(JSON.stringify(value, null, indent));
        const index = scanJson(text, DEPTH);
        if (typeof index === "string") throw new Error(index);
        const parse = (start: number, end: number): unknown => JSON.parse(text.toString("utf8", start, end));
        const parts = [...jsonParts(text, 0, index)];
        expect(parts.map(({ start, end }) => parse(start, end))).toEqual(Object.values(value));
        if (!Array.isArray(value))
          expect(parts.map((part) => parse(part.keyStart, part.keyEnd))).toEqual(Object.keys(value));
        expect(jsonValueEnd(text, 0, index)).toBe(text.length);
        expect(jsonValueEnd(text, 0, new Map())).toBe(text.length);
      }),
    );
  });
});
