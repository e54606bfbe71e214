import { expect, test } from "vitest";
import { describeShape } from "../../../src/gateway/schema-shape.ts";

test.each<[unknown, string]>([
  [{ type: "string" }, "string"],
  [{ type: "string", format: "date" }, "string (date)"],
  [{ type: ["string", "null"] }, "string | null"],
  [{ const: 1 }, "1"],
  [{ enum: ["a", 2, null] }, '"a" | 2 | null'],
  [{ enum: Array.from({ length: 20 }, (_, index) => index) }, "0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | …"],
  [{ type: "array", items: { type: "number" } }, "number[]"],
  [{ type: "array", items: { enum: ["a", "b"] } }, 'Array<"a" | "b">'],
  [{ type: "array" }, "any[]"],
  [{ type: "object" }, "object"],
  [{ type: "object", properties: {} }, "{}"],
  [{ properties: { a: {}, b: { type: "string" } }, required: ["b"] }, "{ a?: any, b: string }"],
  [{ anyOf: [{ type: "string" }, { type: "string" }, { type: "null" }] }, "string | null"],
  [{ $ref: "#/$defs/Point" }, "Point"],
  [{ $ref: "#" }, "object"],
  [true, "any"],
  [false, "nothing"],
  [null, "any"],
])("%j reads as %s", (schema, expected) => {
  expect(describeShape(schema)).toBe(expected);
});

test("a large or endless schema is told in at most 200 characters", () => {
  const endless: Record<string, unknown> = { type: "object" };
  endless["properties"] = { self: endless, other: { anyOf: [endless] } };
  const large = { type: "object", properties: { ["x".repeat(1_000)]: { type: "string" } } };
  expect(describeShape(endless).length).toBeLessThanOrEqual(201);
  expect(describeShape(large).length).toBeLessThanOrEqual(201);
});
