import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineReader } from "../../../../src/upstream/transports/line-reader.ts";

function read(chunks: readonly Buffer[], maxBytes = 1_000): readonly string[] {
  const lines: string[] = [];
  const reader = new LineReader(maxBytes);
  for (const chunk of chunks) reader.push(chunk, (line) => lines.push(line));
  return lines;
}

describe("LineReader", () => {
  it("hands out finished lines only, without their ends", () => {
    expect(read([Buffer.from("one\ntwo\r\n\nthr")])).toEqual(["one", "two", ""]);
  });

  it("reads the same lines however the stream is cut, inside characters too", () => {
    const line = fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => text.replaceAll(/[\r\n]/gu, "€"));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(50)), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
        const chunks: Buffer[] = [];
        let from = 0;
        for (const cut of [...cuts, bytes.length]) {
          chunks.push(bytes.subarray(from, from + cut));
          from += cut;
        }
        expect(read(chunks)).toEqual(lines);
      }),
    );
  });

  it("takes a line of exactly the bound and refuses one byte more, finished or not", () => {
    expect(read([Buffer.from("12345\n")], 5)).toEqual(["12345"]);
    expect(() => read([Buffer.from("123456\n")], 5)).toThrow(RangeError);
    expect(() => read([Buffer.from("123"), Buffer.from("456")], 5)).toThrow("line over 5 bytes");
  });

  it("hands out the lines before one that is too long", () => {
    const lines: string[] = [];
    const reader = new LineReader(5);
    expect(() => reader.push(Buffer.from("ok\nmuch too long\n"), (line) => lines.push(line))).toThrow(RangeError);
    expect(lines).toEqual(["ok"]);
  });

  it("copies a long line once, so that its cost grows with its length", () => {
    const chunk = Buffer.alloc(64 * 1024, "x");
    const chunks = Array.from({ length: 240 }, () => chunk);
    const startedAt = performance.now();
    const [line] = read([...chunks, Buffer.from("\n")], 16 * 1024 * 1024);
    expect(line).toHaveLength(240 * 64 * 1024);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});
