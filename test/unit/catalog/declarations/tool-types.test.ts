import { expect, test } from "vitest";
import { positionalNames } from "../../../../src/catalog/declarations/tool-types.ts";
import type { JsonSchema } from "../../../../src/upstream/upstream.ts";
import { catalogOf, recordedTools, tool } from "../fake-registry.ts";

const text = { type: "string" };

test.each<[JsonSchema, string[]]>([
  [{ properties: { b: text, c: text, a: text }, required: ["a", "b"] }, ["b", "a"]],
  [{ properties: { a: text }, required: ["late", "a"] }, ["a", "late"]],
  [{ properties: { a: text } }, []],
  [{ $ref: "#/$defs/x", $defs: { x: { properties: { a: text }, required: ["a"] } } }, ["a"]],
  [{ allOf: [{ properties: { a: text } }, { properties: { b: text }, required: ["b", "a"] }] }, ["a", "b"]],
  [{ $ref: "#" }, []],
  [{ required: "a" }, []],
  [true, []],
])("positional arguments of %j are %j", (schema, expected) => {
  expect(positionalNames(schema)).toEqual(expected);
});

test("a signature is one line that says how the tool is called and what it answers", () => {
  const { tools } = catalogOf({
    "my-files": [
      tool("list-directory", {
        inputSchema: {
          type: "object",
          properties: { path: { ...text, description: "Where" }, deep: { type: "boolean" } },
          required: ["path"],
        },
        outputSchema: { type: "object", properties: { content: text }, required: ["content"] },
      }),
      tool("get-x", { inputSchema: { type: "object", properties: { a: text } } }),
      tool("get_x", { inputSchema: { type: "object", properties: {}, additionalProperties: true } }),
      tool("ping"),
    ],
  });
  expect(tools.map((one) => one.signature)).toEqual([
    "mcp.myFiles.listDirectory(args: { path: string; deep?: boolean }): Promise<{ content: string }>",
    'mcp.myFiles["get-x"](args?: { a?: string }): Promise<unknown>',
    "mcp.myFiles.get_x(args?: Record<string, unknown>): Promise<unknown>",
    "mcp.myFiles.ping(): Promise<unknown>",
  ]);
});

test("signatures of real tools are one bounded line each", () => {
  for (const { signature } of catalogOf(recordedTools()).tools) {
    expect(signature).not.toContain("\n");
    expect(signature.length).toBeLessThan(3_200);
  }
});
