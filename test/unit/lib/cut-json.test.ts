import { assert, integer, jsonValue, property } from "fast-check";
import { describe, expect, it, test } from "vitest";
import { cutJson } from "../../../src/lib/cut-json.ts";
import type { JsonValue } from "../../../src/lib/guards.ts";
import { scanJson } from "../../../src/lib/json-scan.ts";

function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  const index = scanJson(bytes, 1_000);
  if (typeof index === "string") throw new Error(index);
  const result = cutJson(bytes, maxBytes, index);
  expect(Buffer.byteLength(result)).toBeLessThanOrEqual(maxBytes);
  return result;
}

function cutValue(value: unknown, maxBytes: number): JsonValue {
  return JSON.parse(cut(JSON.stringify(value), maxBytes)) as JsonValue;
}

describe("cutJson", () => {
  it("is the same with an index and without", () => {
    assert(
      property(jsonValue({ maxDepth: 5 }), integer({ min: 32, max: 500 }), (value, maxBytes) => {
        const text = Buffer.from(JSON.stringify(Array.from({ length: 200 }, () => value)));
        const index = scanJson(text, 1_000);
        if (typeof index === "string") throw new Error(index);
        expect(cutJson(text, maxBytes, index)).toBe(cutJson(text, maxBytes, new Map()));
      }),
      { numRuns: 200 },
    );
  });

  it("keeps a text that fits as it is, spaces included", () => {
    expect(cut(' { "a" : [ 1 , 2 ] } ', 100)).toBe('{ "a" : [ 1 , 2 ] }');
  });

  test.each([`"${"\\u00e9".repeat(80)}`, `"${'\\"'.repeat(300)}`, `"${"\\\\".repeat(300)}`, `"${"😀".repeat(200)}`])(
    "cuts %.12s… at a whole character",
    (head) => {
      const whole = JSON.parse(`${head}"`) as string;
      for (let maxBytes = 60; maxBytes < 90; maxBytes++) {
        const shown = JSON.parse(cut(`${head}"`, maxBytes)) as string;
        const [kept = "", note] = shown.split("… [");
        expect(whole.startsWith(kept)).toBe(true);
        expect(note).toMatch(/^\d+ bytes cut\]$/u);
      }
    },
  );

  it("counts on what an earlier cut counted: of items, members and bytes", () => {
    const items = Array.from({ length: 5_000 }, (_, i) => i);
    const list = cutValue(cutValue(items, 2_000), 300) as readonly JsonValue[];
    expect(list.at(-1)).toBe(`… [${5_000 - (list.length - 1)} more items cut]`);

    const members = Object.fromEntries(items.map((i) => [`m${i}`, i]));
    const object = cutValue(cutValue(members, 20_000), 2_000) as Readonly<Record<string, JsonValue>>;
    expect(object["…"]).toBe(`[${5_000 - (Object.keys(object).length - 1)} more members cut]`);

    const text = cutValue(cutValue("x".repeat(10_000), 3_000), 500) as string;
    const kept = /^x*/u.exec(text)?.[0].length ?? 0;
    expect(text.slice(kept)).toBe(`… [${10_000 - kept} bytes cut]`);
  });

  it("counts nothing by what only looks like an earlier cut's note", () => {
    expect(cutValue({ a: "x".repeat(500), "…": "[0 more members cut]" }, 100)).toEqual({
      a: `${"x".repeat(13)}… [487 bytes cut]`,
      "…": "[1 more members cut]",
    });
    expect(cutValue([...Array.from({ length: 8 }, () => "x".repeat(60)), "… [0 more items cut]"], 100)).toEqual([
      "… [9 more items cut]",
    ]);
  });

  it("fills what it may have with small members", () => {
    const members = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, i]));
    for (const maxBytes of [500, 5_000, 20_000])
      expect(cut(JSON.stringify(members), maxBytes).length).toBeGreaterThan(maxBytes - 100);
  });

  it("replaces a number that is longer than its place", () => {
    expect(cut(`[${"9".repeat(1_000)}, 2]`, 200)).toBe('["… [1000 digits cut]",2]');
  });

  it("does not unfold what is small as text and large as values", () => {
    const text = `{"lists":[${"[],".repeat(500_000)}[]],"after":1}`;
    expect(JSON.parse(cut(text, 1_000))).toMatchObject({ after: 1 });
  });

  it("cuts a large value below five hundred levels as it cuts one at the top", () => {
    const text = `${'{"a":'.repeat(500)}[${"1234567,".repeat(200_000)}1]${"}".repeat(500)}`;
    const result = cut(text, 100_000);
    expect(result.startsWith('{"a":'.repeat(500))).toBe(true);
    expect(result).toMatch(/more items cut\]"\]\}{500}$/u);
  });
});
