import { describe, expect, it } from "vitest";
import { headerParameterFault } from "../../../src/upstream/header-parameters.ts";

function property(declaration: object): Record<string, unknown> {
  return { type: "object", properties: { p: declaration } };
}

describe("headerParameterFault", () => {
  it.each([
    ["no declaration", property({ type: "string" })],
    ["a string", property({ type: "string", "x-mcp-header": "Region" })],
    [
      "an integer and a boolean",
      {
        properties: { a: { type: "integer", "x-mcp-header": "A" }, b: { type: "boolean", "x-mcp-header": "B" } },
      },
    ],
    ["a nested property", property({ type: "object", properties: { q: { type: "string", "x-mcp-header": "Deep" } } })],
    ["a property of that name", { properties: { "x-mcp-header": { type: "string" } } }],
    ["data that looks like one", property({ default: { "x-mcp-header": "no" }, enum: [{ "x-mcp-header": 1 }] })],
  ])("finds nothing wrong with %s", (_, schema) => {
    expect(headerParameterFault(schema)).toBeUndefined();
  });

  it.each([
    [
      "a name with a space",
      property({ type: "string", "x-mcp-header": "My Region" }),
      "x-mcp-header is not the name of a header",
    ],
    ["an empty name", property({ type: "string", "x-mcp-header": "" }), "x-mcp-header is not the name of a header"],
    [
      "a name that breaks the line",
      property({ type: "string", "x-mcp-header": "A\r\nB: c" }),
      "x-mcp-header is not the name of a header",
    ],
    [
      "a name that is no text",
      property({ type: "string", "x-mcp-header": 5 }),
      "x-mcp-header is not the name of a header",
    ],
    [
      "a number",
      property({ type: "number", "x-mcp-header": "Rate" }),
      'x-mcp-header "Rate" is on a property that is not a string, integer or boolean',
    ],
    [
      "a property without a type",
      property({ "x-mcp-header": "Any" }),
      'x-mcp-header "Any" is on a property that is not a string, integer or boolean',
    ],
    [
      "the root",
      { type: "string", "x-mcp-header": "Root" },
      "x-mcp-header stands where only a plain property may have it",
    ],
    [
      "list items",
      property({ items: { type: "string", "x-mcp-header": "I" } }),
      "x-mcp-header stands where only a plain property may have it",
    ],
    [
      "an alternative",
      property({ anyOf: [{ type: "string", "x-mcp-header": "I" }] }),
      "x-mcp-header stands where only a plain property may have it",
    ],
    [
      "a definition's property",
      { $defs: { d: property({ type: "string", "x-mcp-header": "I" }) } },
      "x-mcp-header stands where only a plain property may have it",
    ],
  ])("refuses %s", (_, schema, fault) => {
    expect(headerParameterFault(schema)).toBe(fault);
  });

  it("refuses one name on two properties, whatever the case", () => {
    const schema = {
      properties: { a: { type: "string", "x-mcp-header": "Region" }, b: { type: "string", "x-mcp-header": "REGION" } },
    };
    expect(headerParameterFault(schema)).toBe('x-mcp-header "REGION" is declared twice');
  });
});
