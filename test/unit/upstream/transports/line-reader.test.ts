import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineReader, type TooLongLine } from "../../../../src/upstream/transports/line-reader.ts";

interface Read {
  readonly lines: readonly string[];
  readonly tooLong: readonly TooLongLine[];
}

function readAll(chunks: readonly Buffer[], maxBytes: number): Read {
  const lines: string[] = [];
  const tooLong: TooLongLine[] = [];
  const reader = new LineReader(maxBytes);
  const sink = { line: (text: string) => lines.push(text), tooLong: (line: TooLongLine) => tooLong.push(line) };
  for (const chunk of chunks) reader.push(chunk, sink);
  return { lines, tooLong };
}

function read(chunks: readonly Buffer[], maxBytes = 1_000): readonly string[] {
  return readAll(chunks, maxBytes).lines;
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

  it("takes a line of exactly the bound, and passes over one with a byte more, whatever it comes in", () => {
    expect(read([Buffer.from("12345\n")], 5)).toEqual(["12345"]);
    for (const chunks of [["123456\nok\n"], ["123", "456", "\nok\n"], ["1", "23456\no", "k\n"]]) {
      expect(
        readAll(
          chunks.map((text) => Buffer.from(text)),
          5,
        ),
      ).toEqual({ lines: ["ok"], tooLong: [{ head: "123456".slice(0, 6), tail: "123456" }] });
    }
  });

  it("keeps the two ends of a line that is too long, at most 256 bytes of each", () => {
    const line = `{"id":1,${"x".repeat(5_000)},"end":2}\r\n`;
    const chunks = line.match(/[^]{1,700}/gu) ?? [];
    const { lines, tooLong } = readAll(
      chunks.map((text) => Buffer.from(text)),
      1_000,
    );
    expect(lines).toEqual([]);
    expect(tooLong).toEqual([{ head: line.slice(0, 256), tail: line.slice(-257, -2) }]);
  });

  it("gives up on a line of more than sixteen times the bound, also when it never ends", () => {
    expect(read([Buffer.from(`${"x".repeat(80)}\n`)], 5)).toEqual([]);
    expect(() => read([Buffer.from("x".repeat(81))], 5)).toThrow(new RangeError("line over 80 bytes"));
  });

  it("hands out the lines before and after one that is too long", () => {
    expect(read([Buffer.from("ok\nmuch too long\nfine\n")], 5)).toEqual(["ok", "fine"]);
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
