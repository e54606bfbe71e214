import { expect, test } from "vitest";
import { toolClass } from "../../../src/catalog/tool-class.ts";

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
