import { describe, expect, test } from "vitest";
import { ObservedTool } from "../../../../src/catalog/learned/observed-tool.ts";

const ID = { type: "object", properties: { id: { type: "number" } }, required: ["id"] };

function observed(...answers: readonly unknown[]): ObservedTool {
  const tool = new ObservedTool("v1");
  for (const answer of answers) tool.learn(answer);
  return tool;
}

test("nothing is known before the first answer", () => {
  expect(new ObservedTool("v1").schema).toBeUndefined();
  expect(new ObservedTool("v1").isDue()).toBe(true);
});

test("the first answer teaches, and what is new changes the schema object", () => {
  const tool = new ObservedTool("v1");
  expect(tool.learn({ id: 1 })).toBe(true);
  const { schema } = tool;
  expect(schema).toEqual(ID);
  expect(tool.learn({ id: 2 })).toBe(false);
  expect(tool.schema).toBe(schema);
  expect(tool.learn({ id: null })).toBe(true);
  expect(tool.schema).toEqual({ ...ID, properties: { id: { type: ["number", "null"] } } });
});

test("after eight answers without news one in 64 is looked at, until one brings news", () => {
  const tool = observed({ id: 1 });
  const due = (answers: number): number => Array.from({ length: answers }, () => tool.isDue()).filter(Boolean).length;
  const kept = Array.from({ length: 8 }, () => tool.learn({ id: 1 }));
  expect(kept).toEqual([false, false, false, false, false, false, false, true]);
  expect(due(63)).toBe(0);
  expect(tool.isDue()).toBe(true);
  tool.learn({ id: 1 });
  expect(due(63)).toBe(0);
  expect(tool.isDue()).toBe(true);
  expect(tool.learn({ id: "x" })).toBe(true);
  expect(due(5)).toBe(5);
});

describe("what is kept", () => {
  test("goes on where it ended, evidence included", () => {
    const before = observed({ id: 1 }, { id: 2, name: "x" });
    const after = new ObservedTool("v1", before.encode());
    expect(after.encode()).toBe(before.encode());
    expect(after.schema).toEqual(before.schema);
    before.learn({ name: "y" });
    after.learn({ name: "y" });
    expect(after.schema).toEqual(before.schema);
  });

  test("counts as nothing when it is damaged", () => {
    const tool = new ObservedTool("v1", "[6,[32");
    expect(tool.schema).toBeUndefined();
    tool.learn({ id: 1 });
    expect(tool.schema).toEqual(ID);
  });

  test("is taken up before the first answer is added, also when nobody has asked for it", () => {
    const tool = new ObservedTool("v1", observed({ id: 1 }).encode());
    expect(tool.learn({ id: 2 })).toBe(false);
    expect(tool.schema).toEqual(ID);
  });
});

describe("size is bounded", () => {
  const words = Array.from({ length: 30 }, (_, at) => `field${String.fromCharCode(97 + (at % 26), 97 + at / 26)}`);
  const wide = (inside: unknown): object => Object.fromEntries(words.map((word) => [word, inside]));

  test("of an answer that is too much the deepest levels are given up, for good", () => {
    const answer = { rows: [{ id: 1, ...wide(wide(1)) }], total: 1 };
    const tool = observed(answer);
    expect(JSON.stringify(tool.schema).length).toBeLessThan(4_097);
    const properties = { id: { type: "number" }, ...wide({ type: "object" }) };
    const row = { type: "object", properties, required: ["id", ...words] };
    expect(tool.schema).toEqual({
      type: "object",
      properties: { rows: { type: "array", items: row }, total: { type: "number" } },
      required: ["rows", "total"],
    });
    tool.learn(answer);
    expect(tool.encode().length).toBeLessThan(20_000);
    expect(new ObservedTool("v1", tool.encode()).schema).toEqual(tool.schema);
  });

  test("answers that are always different do not make it grow without end", () => {
    const tool = new ObservedTool("v1");
    for (let at = 0; at < 300; at++) {
      const word = words[at % 30] ?? "";
      tool.learn({ [word]: wide({ [`${word}X`]: { [words[(at * 7) % 30] ?? ""]: at } }) });
    }
    expect(JSON.stringify(tool.schema).length).toBeLessThan(4_097);
    expect(tool.encode().length).toBeLessThan(30_000);
  });
});
