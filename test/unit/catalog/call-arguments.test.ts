import { describe, expect, test } from "vitest";
import { bindArguments } from "../../../src/catalog/call-arguments.ts";
import type { CatalogTool } from "../../../src/catalog/catalog.ts";
import { fakeTool } from "../../support/fake-catalog.ts";

function taking(properties: object, required: readonly string[]): CatalogTool {
  return fakeTool("files", "find", { inputSchema: { type: "object", properties, required }, positional: required });
}

const text = { type: "string" };
const pair = taking({ from: text, to: text, mode: text }, ["from", "to"]);
const filter = taking({ filter: { type: "object" }, limit: { type: "number" } }, ["filter"]);
const nothing = taking({}, []);

describe("the values of a call", () => {
  test.each([
    ["one object is the arguments", pair, [{ from: "a" }], { from: "a" }],
    ["values are the required properties in their order", pair, ["a", "b"], { from: "a", to: "b" }],
    ["fewer values leave the rest out", pair, ["a"], { from: "a" }],
    ["no value, null and undefined are no arguments", pair, [null], {}],
    ["an object that can only be the one required property is that", filter, [{ size: 1 }], { filter: { size: 1 } }],
    ["an object with a property of the tool is the arguments", filter, [{ limit: 1 }], { limit: 1 }],
    ["a list alone is the first property", filter, [[1]], { filter: [1] }],
    ["an object will do while the tool is not known", undefined, [{ any: 1 }], { any: 1 }],
  ] as const)("%s", (_claim, tool, values, args) => {
    expect(bindArguments(tool, values)).toEqual({ status: "bound", args });
  });

  test.each([
    [pair, ["a", "b", "c"], "it takes one object, or 2 values (from, to)"],
    [filter, [1, 2], "it takes one object, or 1 value (filter)"],
    [nothing, ["a"], "it takes one object"],
    [undefined, ["a"], "it takes one object"],
  ] as const)("more of them than the tool takes are refused with its forms", (tool, values, forms) => {
    expect(bindArguments(tool, values)).toEqual({ status: "tooMany", forms });
  });
});
