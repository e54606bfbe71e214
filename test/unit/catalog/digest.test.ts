import { expect, test } from "vitest";
import { toolDigest } from "../../../src/catalog/digest.ts";
import { tool } from "./fake-registry.ts";

const base = { description: "Reads.", inputSchema: { type: "object", properties: { a: { type: "string" } } } };

test("a digest is a SHA-256 in hexadecimal digits", () => {
  expect(toolDigest(tool("read", base))).toMatch(/^[0-9a-f]{64}$/u);
});

test("is the same for the same tool, whatever the order of its keys, its server and its hints", () => {
  const reordered = { properties: { a: { type: "string" } }, type: "object" };
  const others = [
    tool("read", { ...base, inputSchema: reordered }),
    tool("read", { ...base, server: "other" }),
    tool("read", { ...base, title: "T", annotations: { readOnlyHint: true } }),
  ];
  expect(new Set([tool("read", base), ...others].map(toolDigest)).size).toBe(1);
});

test("changes with name, description, input and output schema", () => {
  const changed = [
    tool("read2", base),
    tool("read", { ...base, description: "Reads!" }),
    tool("read", { ...base, inputSchema: { type: "object", properties: { a: { type: "number" } } } }),
    tool("read", { ...base, outputSchema: { type: "object" } }),
    tool("read", { ...base, outputSchema: {} }),
  ];
  expect(new Set([tool("read", base), ...changed].map(toolDigest)).size).toBe(changed.length + 1);
});
