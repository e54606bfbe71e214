import { Ajv2020 } from "ajv/dist/2020.js";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson } from "../../../../src/lib/json.ts";
import { decodeShape, encodeShape } from "../../../../src/catalog/learned/observed-codec.ts";
import { toObservedSchema } from "../../../../src/catalog/learned/observed-schema.ts";
import { MAX_DEPTH, addShape, addValue, emptyShape } from "../../../../src/catalog/learned/observed-shape.ts";
import type { Shape } from "../../../../src/catalog/learned/observed-shape.ts";
import { isRecord } from "../../../../src/lib/guards.ts";
import { ANY_NAME, SECRET, answersWith } from "../arbitrary-answer.ts";

const ajv = new Ajv2020({ strict: false, ownProperties: true });

const answers = answersWith(ANY_NAME);

function shapeOf(values: readonly unknown[]): Shape {
  const shape = emptyShape();
  for (const value of values) addValue(shape, value);
  return shape;
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : 1);

/** A schema without the order of its lists. */
function unordered(schema: unknown): string {
  return canonicalJson(
    JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
      key === "required" && Array.isArray(value) ? value.map(String).toSorted(byCodeUnit) : value,
    ),
  );
}

/** Keywords of all schemas in a schema, and the names of properties in it. */
function wordsOf(schema: unknown): { readonly keywords: Set<string>; readonly names: Set<string> } {
  const words = { keywords: new Set<string>(), names: new Set<string>() };
  const read = (node: unknown): void => {
    if (!isRecord(node)) return;
    for (const [keyword, value] of Object.entries(node)) {
      words.keywords.add(keyword);
      if (keyword === "properties" && isRecord(value)) {
        for (const [key, inside] of Object.entries(value)) {
          words.names.add(key);
          read(inside);
        }
      } else read(value);
    }
  };
  read(schema);
  return words;
}

test("every answer that was seen satisfies the schema that was learned", () => {
  fc.assert(
    fc.property(answers, (values) => {
      const validate = ajv.compile(toObservedSchema(shapeOf(values)));
      for (const value of values) expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("the order of the answers does not matter", () => {
  const shuffled = answers.chain((values) =>
    fc.tuple(fc.constant(values), fc.shuffledSubarray([...values], { minLength: values.length })),
  );
  fc.assert(
    fc.property(shuffled, ([values, others]) => {
      expect(unordered(toObservedSchema(shapeOf(others)))).toBe(unordered(toObservedSchema(shapeOf(values))));
    }),
    { numRuns: 500 },
  );
});

test("learning apart and putting together is learning together", () => {
  fc.assert(
    fc.property(answers, answers, (first, second) => {
      const shape = shapeOf(first);
      addShape(shapeOf(second), shape);
      expect(toObservedSchema(shape)).toEqual(toObservedSchema(shapeOf([...first, ...second])));
    }),
    { numRuns: 500 },
  );
});

test("no value and no key that looks like data is in what was learned, shown or kept", () => {
  fc.assert(
    fc.property(answers, (values) => {
      const shape = shapeOf(values);
      const schema = toObservedSchema(shape);
      const { keywords, names } = wordsOf(schema);
      expect(["additionalProperties", "items", "properties", "required", "type"]).toEqual(
        expect.arrayContaining([...keywords]),
      );
      for (const text of [JSON.stringify(schema), encodeShape({ shape, depth: MAX_DEPTH })]) {
        expect(text).not.toContain(SECRET);
        expect(text).not.toMatch(/@|2024|"42"|é|__proto__/u);
      }
      expect(names.has("")).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test("what is kept comes back as it was", () => {
  fc.assert(
    fc.property(answers, fc.integer({ min: 0, max: MAX_DEPTH }), (values, depth) => {
      const shape = shapeOf(values);
      expect(decodeShape(encodeShape({ shape, depth }))).toEqual({ shape, depth });
    }),
    { numRuns: 200 },
  );
});

test.each([
  ["no JSON", "[6"],
  ["another form", "{}"],
  ["more members", "[6,1,1]"],
  ["a depth that is too large", "[7,1]"],
  ["a depth that is none", '["6",1]'],
  ["kinds that are none", "[6,64]"],
  ["negative kinds", "[6,-1]"],
  ["items that are none", '[6,[16,"x",0]]'],
  ["an object that is none", "[6,[32,0,{}]]"],
  ["a count that is none", '[6,[32,0,["1",false,0,0,[]]]]'],
  ["members that are none", "[6,[32,0,[1,false,0,0,0]]]"],
  ["a member that is none", "[6,[32,0,[1,false,0,0,[1]]]]"],
  ["a name that is data", '[6,[32,0,[1,false,0,0,[["a@b.example",1,4]]]]]'],
  ["a member's shape that is none", '[6,[32,0,[1,false,0,0,[["id",1,"x"]]]]]'],
  ["others that are none", '[6,[32,0,[1,false,0,"x",[]]]]'],
  ["endless nesting", `[6,${"[16,".repeat(50)}4${",0]".repeat(50)}]`],
])("a kept text with %s counts as none", (_, text) => {
  expect(decodeShape(text)).toBeUndefined();
});
