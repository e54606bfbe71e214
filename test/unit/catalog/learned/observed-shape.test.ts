import { describe, expect, test } from "vitest";
import { toObservedSchema } from "../../../../src/catalog/learned/observed-schema.ts";
import {
  addShape,
  addValue,
  countPlaces,
  cutShape,
  emptyShape,
} from "../../../../src/catalog/learned/observed-shape.ts";
import type { Shape } from "../../../../src/catalog/learned/observed-shape.ts";

function shapeOf(values: readonly unknown[]): Shape {
  const shape = emptyShape();
  for (const value of values) addValue(shape, value);
  return shape;
}

function learn(...values: readonly unknown[]): unknown {
  return toObservedSchema(shapeOf(values));
}

const number = { type: "number" };
const string = { type: "string" };

describe("values", () => {
  test.each([
    ["nothing", [], {}],
    ["a string", ["x"], string],
    ["a truth", [true], { type: "boolean" }],
    ["null", [null], { type: "null" }],
    ["several kinds", [1, null, "x"], { type: ["string", "number", "null"] }],
    ["an empty list", [[]], { type: "array" }],
    ["a list", [[1, 2]], { type: "array", items: number }],
    ["lists that differ", [[1], ["x", null]], { type: "array", items: { type: ["string", "number", "null"] } }],
    ["an empty object", [{}], { type: "object" }],
    ["an object", [{ a: 1 }], { type: "object", properties: { a: number }, required: ["a"] }],
    [
      "an object or a list or neither",
      [{ a: 1 }, [1], null],
      {
        type: ["object", "array", "null"],
        properties: { a: number },
        required: ["a"],
        items: number,
      },
    ],
    ["what is no JSON", [undefined], {}],
  ])("%s", (_, values, schema) => {
    expect(learn(...values)).toEqual(schema);
  });

  test("a property is required while every object has had it", () => {
    expect(learn({ id: 1, name: "x" }, { id: 2 }, { id: 3, name: null })).toEqual({
      type: "object",
      properties: { id: number, name: { type: ["string", "null"] } },
      required: ["id"],
    });
  });

  test("what an item lacks in one list it lacks in all", () => {
    const list = { type: "array", items: { type: "object", properties: { a: number, b: number }, required: ["a"] } };
    expect(learn([{ a: 1, b: 2 }], [{ a: 1 }, { a: 2, b: 2 }])).toEqual(list);
  });
});

describe("keys that are data", () => {
  const map = (values: unknown): unknown => ({ type: "object", additionalProperties: values });

  test.each([
    ["look like it", [{ "alice@example.com": 3, "bob@example.com": 4 }], map(number)],
    ["are mostly data", [{ id: 1, "2024-01-01": "x" }], map({ type: ["string", "number"] })],
    ["are other words each time", [{ alice: 3 }, { bob: 4 }], map(number)],
    ["are other words in each item", [[{ alice: 3 }, { bob: 4 }, { carol: 5 }]], { type: "array", items: map(number) }],
    [
      "stand beside a name",
      [
        { total: 1, ann: 1, bo: 2 },
        { total: 2, cy: 1 },
      ],
      map(number),
    ],
    [
      "lead to records of one form",
      [{ alice: { age: 1 }, bob: { age: 2 }, carol: { age: 3 } }],
      map({ type: "object", properties: { age: number }, required: ["age"] }),
    ],
    ["are numbered", [{ item_1: "x", item_2: "y", item_3: "z" }], map(string)],
    [
      "come again in some results only, with values of one kind",
      [
        { ann: 1, bo: 2, cy: 3, dee: 4 },
        { ann: 1, bo: 2 },
        { cy: 1, dee: 2 },
      ],
      map(number),
    ],
    [
      "are many, at first",
      [Object.fromEntries(Array.from({ length: 41 }, (_, at) => [`key${letters(at)}`, at]))],
      map(number),
    ],
  ])("are not shown when they %s", (_, values, schema) => {
    expect(learn(...values)).toEqual(schema);
  });

  test("are left out where names are more", () => {
    expect(learn({ id: 1, name: "x", "x@y.z": true })).toEqual({
      type: "object",
      properties: { id: number, name: string },
      required: ["id", "name"],
    });
  });

  test("are forgotten, not only hidden, when there are more than 60", () => {
    const shape = shapeOf([Object.fromEntries(Array.from({ length: 61 }, (_, at) => [`key${letters(at)}`, at]))]);
    expect(shape.object?.members.size).toBe(0);
    expect(toObservedSchema(shape)).toEqual(map(number));
    addValue(shape, { plain: "x" });
    expect(toObservedSchema(shape)).toEqual(map({ type: ["string", "number"] }));
  });

  test("that look like data are never kept", () => {
    const shape = shapeOf([{ "alice@example.com": { "+491234567": 1 } }]);
    expect(JSON.stringify([...(shape.object?.members.keys() ?? [])])).toBe("[]");
    expect(shape.object?.others?.object?.members.size).toBe(0);
  });

  test("cannot reach a prototype", () => {
    const value: unknown = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":1}}');
    expect(learn(value)).toEqual(map({ type: "object", additionalProperties: number }));
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("that come again turn out to be names", () => {
    const results = [
      { data: [], page: 1 },
      { error: "x", code: 2 },
    ];
    expect(learn(...results)).toMatchObject({ additionalProperties: {} });
    expect(learn(...results, ...results)).toEqual({
      type: "object",
      properties: { data: { type: "array" }, page: number, error: string, code: number },
    });
  });

  test("names of optional parts are names", () => {
    const rows = [
      { id: 1, name: "x", note: "y" },
      { id: 2, name: "y", due: "z" },
      { id: 3, name: "z" },
    ];
    expect(learn(rows)).toEqual({
      type: "array",
      items: {
        type: "object",
        properties: { id: number, name: string, note: string, due: string },
        required: ["id", "name"],
      },
    });
  });
});

describe("work is bounded", () => {
  test("a list is read at its ends", () => {
    const list: unknown[] = Array.from({ length: 1_000 }, () => 1);
    list[500] = "in the middle";
    expect(learn(list)).toEqual({ type: "array", items: number });
    list[999] = null;
    expect(learn(list)).toEqual({ type: "array", items: { type: ["number", "null"] } });
  });

  test.each([1, 9, 10, 11, 12, 19, 20])("a list of %i is read whole, each item once", (length) => {
    for (let odd = 0; odd < length; odd++) {
      const shape = shapeOf([Array.from({ length }, (_, at) => (at === odd ? { odd: 1 } : { even: 1 }))]);
      const members = shape.items?.object?.members;
      expect([members?.get("odd")?.seen, members?.get("even")?.seen]).toEqual([
        1,
        length === 1 ? undefined : length - 1,
      ]);
    }
  });

  test("six levels are looked into, and of the next only the kind is learned", () => {
    let value: unknown = { deep: "secret" };
    for (let level = 0; level < 6; level++) value = [value];
    let schema: unknown = { type: "object" };
    for (let level = 0; level < 6; level++) schema = { type: "array", items: schema };
    expect(learn(value)).toEqual(schema);
  });

  test("a value that branches everywhere costs some thousand looks", () => {
    const words = Array.from({ length: 30 }, (_, at) => `key${letters(at)}`);
    const level = (inside: unknown): unknown => Object.fromEntries(words.map((word) => [word, inside]));
    expect(countPlaces(shapeOf([level(level(level(level(1))))]))).toBeLessThan(1_500);
  });

  test("nesting without end is no danger", () => {
    const circle: Record<string, unknown> = { name: "x" };
    circle["self"] = circle;
    expect(JSON.stringify(learn(circle))).toContain('"self":{"type":"object"}');
  });

  test("a shape can be cut to fewer levels", () => {
    const shape = shapeOf([{ a: [{ b: { c: 1 } }], "x@y": { d: 1 } }]);
    cutShape(shape, 2);
    expect(toObservedSchema(shape)).toEqual({
      type: "object",
      additionalProperties: {
        type: ["object", "array"],
        properties: { d: number },
        required: ["d"],
        items: { type: "object" },
      },
    });
    cutShape(shape, 0);
    expect(toObservedSchema(shape)).toEqual({ type: "object" });
  });
});

test("what two shapes have seen can be put together, and the first stays as it is", () => {
  const first = [{ a: 1 }, { a: 2, "x@y": 1 }];
  const second = [{ a: "x", b: [1] }, null];
  const into = shapeOf(second);
  const from = shapeOf(first);
  addShape(from, into);
  expect(toObservedSchema(into)).toEqual(learn(...second, ...first));
  expect(from).toEqual(shapeOf(first));
});

function letters(at: number): string {
  return String.fromCharCode(97 + Math.floor(at / 26), 97 + (at % 26));
}
