import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run, value } = useExecutor();
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u;

describe("crypto", () => {
  it("makes UUIDs of version 4 that differ, within a run and between runs", async () => {
    const code = "return Array.from({ length: 200 }, () => crypto.randomUUID())";
    const all = [...((await value(code)) as string[]), ...((await value(code)) as string[])];
    for (const id of all) expect(id).toMatch(UUID);
    expect(new Set(all).size).toBe(400);
  });

  it("fills integer arrays in place, a part of a buffer alone", async () => {
    const code = `
      const whole = new Uint8Array(300), part = whole.subarray(100, 200);
      const same = crypto.getRandomValues(part) === part;
      const numbers = crypto.getRandomValues(new BigUint64Array(2));
      return [same, [...whole].slice(0, 100).every((n) => n === 0), new Set(part).size > 40, numbers[0] !== numbers[1]]`;
    expect(await value(code)).toEqual([true, true, true, true]);
  });

  it("spreads bytes evenly", async () => {
    const counts = (await value(
      `const counts = Array(256).fill(0); for (const byte of crypto.getRandomValues(new Uint8Array(65536))) counts[byte]++; return counts`,
    )) as number[];
    expect(Math.min(...counts)).toBeGreaterThan(256 - 6 * 16);
    expect(Math.max(...counts)).toBeLessThan(256 + 6 * 16);
  });

  it("refuses what it cannot fill", async () => {
    for (const [argument, name] of [
      ["new Float32Array(1)", "TypeMismatchError"],
      ["new DataView(new ArrayBuffer(1))", "TypeMismatchError"],
      ["[1]", "TypeMismatchError"],
      ["new Uint8Array(65537)", "QuotaExceededError"],
    ] as const) {
      const code = `try { crypto.getRandomValues(${argument}) } catch (e) { return [e.name, e instanceof DOMException] }`;
      expect(await value(code), argument).toEqual([name, true]);
    }
  });

  it("cannot be changed", async () => {
    const { error } = await run(`"use strict"; crypto.randomUUID = () => "x"`);
    expect(error?.message).toContain("read only");
  });
});
