import { afterAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { ResultReader } from "../../../src/runs/result-reader.ts";
import type { ReadResult } from "../../../src/runs/result-reader.ts";

const MIB = 1024 * 1024;
const reader = new ResultReader(systemClock);
afterAll(() => reader.close());

const ANN = { owner: "ann", signal: new AbortController().signal };

/** As the executor sends a large one. */
function shared(text: string | Buffer): Uint8Array {
  const bytes = Buffer.from(text);
  const memory = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  memory.set(bytes);
  return memory;
}

async function read(json: string | Uint8Array, replyBytes = MIB): Promise<ReadResult> {
  const result = await reader.read(json, replyBytes, ANN);
  if ("code" in result) throw new Error(`it was refused: ${result.message}`);
  return result;
}

/** Texts on both sides of what is read in a thread. */
describe.each([
  ["small", 1_000],
  ["large", 300_000],
])("a %s result", (_, count) => {
  const value = Array.from({ length: count }, (_each, i) => i);
  const json = JSON.stringify(value);

  test.each([
    ["text", json],
    ["bytes", shared(json)],
  ])("that fits is given as it is, from %s", async (_form, sent) => {
    expect(await read(sent, 16 * MIB)).toEqual({ value, bytes: json.length, whole: undefined });
  });

  test.each([
    ["text", json],
    ["bytes", shared(json)],
  ])("that does not fit is cut, its size told and its whole given, from %s", async (_form, sent) => {
    const { value: part, bytes, whole } = await read(sent, 500);
    const items = part as readonly unknown[];
    expect(items.at(-1)).toBe(`… [${count - (items.length - 1)} more items cut]`);
    expect(JSON.stringify(part).length).toBeLessThanOrEqual(500);
    expect([bytes, Buffer.from(whole ?? []).toString()]).toEqual([json.length, json]);
  });

  test.each([
    ["no JSON", `${json}]`],
    ["half of one", json.slice(0, -1)],
    ["no UTF-8", Buffer.concat([Buffer.from(`[${json},"`), Buffer.from([0xff]), Buffer.from('"]')])],
  ])("that is %s is refused", async (_what, text) => {
    expect(await reader.read(shared(text), MIB, ANN)).toMatchObject({ code: "RESULT_INVALID", fault: "script" });
  });

  test("that is nested deeper than 512 levels is refused, and one of 512 is not", async () => {
    const nested = (levels: number): Uint8Array => shared(`${"[".repeat(levels - 1)}${json}${"]".repeat(levels - 1)}`);
    expect(await reader.read(nested(513), MIB, ANN)).toMatchObject({
      code: "RESULT_INVALID",
      message: "Cannot return the result as it may be nested 512 deep: it is deeper",
    });
    expect(await read(nested(512), 16 * MIB)).toMatchObject({ whole: undefined });
  });
});

test("a text that unfolds to far more memory than it has bytes is cut like any other", async () => {
  const { value, bytes } = await read(shared(`[${"{},".repeat(6_000_000)}[]]`), 1_000);
  expect(bytes).toBe(18_000_004);
  expect((value as readonly unknown[]).at(-1)).toMatch(/^… \[5\d{6} more items cut\]$/u);
});

test("a result that comes after the thread was ended is read by another", async () => {
  await reader.close();
  expect(await read(shared(JSON.stringify("x".repeat(MIB))), 500)).toMatchObject({ bytes: MIB + 2 });
});
