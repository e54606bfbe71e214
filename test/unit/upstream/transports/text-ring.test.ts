import { describe, expect, it } from "vitest";
import { TextRing } from "../../../../src/upstream/transports/text-ring.ts";

describe("TextRing", () => {
  it("keeps the last lines, oldest first", () => {
    const ring = new TextRing(3, 100);
    ring.write(Buffer.from("1\n2\r\n3\n4\n"));
    expect(ring.lines).toEqual(["2", "3", "4"]);
  });

  it("shows an unfinished line and finishes it later", () => {
    const ring = new TextRing(3, 100);
    ring.write(Buffer.from("star"));
    expect(ring.lines).toEqual(["star"]);
    ring.write(Buffer.from("ted\nnext"));
    expect(ring.lines).toEqual(["started", "next"]);
  });

  it("cuts a long line, says by how much, and reads on after its end", () => {
    const ring = new TextRing(3, 10);
    ring.write(Buffer.from(`${"x".repeat(50)}${"y".repeat(50)}`));
    ring.write(Buffer.from("z".repeat(1_000_000)));
    ring.write(Buffer.from("\nshort\n"));
    expect(ring.lines).toEqual([`${"x".repeat(10)}… [1 bytes cut]`, "short"]);
  });

  it("joins a character that two chunks share", () => {
    const ring = new TextRing(3, 100);
    const bytes = Buffer.from("é\n");
    ring.write(bytes.subarray(0, 1));
    ring.write(bytes.subarray(1));
    expect(ring.lines).toEqual(["é"]);
  });

  it("gives a copy that later lines do not change", () => {
    const ring = new TextRing(3, 100);
    ring.add("first");
    const { lines } = ring;
    ring.add("second");
    expect(lines).toEqual(["first"]);
  });
});
