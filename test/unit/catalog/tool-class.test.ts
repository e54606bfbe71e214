import { expect, test } from "vitest";
import { configuredClass, toolClass } from "../../../src/catalog/tool-class.ts";

test.each([
  [{ readOnlyHint: true }, true, "read"],
  [{ readOnlyHint: true, destructiveHint: true }, true, "read"],
  [{ destructiveHint: true }, true, "destructive"],
  [{ readOnlyHint: false, destructiveHint: false }, true, "write"],
  [{ readOnlyHint: false }, true, "write"],
  [{}, true, "write"],
  [undefined, true, "write"],
  [{ readOnlyHint: true }, false, "write"],
  [{ destructiveHint: true }, false, "write"],
] as const)("annotations %j of a server whose trust is %s make a tool %s", (annotations, trusted, expected) => {
  expect(toolClass(annotations, trusted)).toBe(expected);
});

test.each([
  ["delete_all", "destructive"],
  ["get_one", "read"],
  ["get_delete", "read"],
  ["put", undefined],
])("the operator makes %s %s: the first glob that matches counts", (name, expected) => {
  const classes = new Map([
    ["delete_*", "destructive"],
    ["get_*", "read"],
    ["*delete", "write"],
  ] as const);
  expect(configuredClass(name, classes)).toBe(expected);
});
