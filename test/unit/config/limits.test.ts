import { describe, expect, test } from "vitest";
import { BUILT_IN_LIMITS } from "../../../src/config/limits.ts";
import { compileYaml, problemsOf } from "./support.ts";

describe("limits", () => {
  test("a number is the default; a pair is default and most", () => {
    const { limits } = compileYaml("limits: {wallMs: 5s, toolCalls: {default: 5, max: 50}, resultBytes: {max: 2m}}");
    expect([limits.defaults.wallMs, limits.ceilings.wallMs]).toEqual([5_000, 600_000]);
    expect([limits.defaults.toolCalls, limits.ceilings.toolCalls]).toEqual([5, 50]);
    expect([limits.defaults.resultBytes, limits.ceilings.resultBytes]).toEqual([2_097_152, 2_097_152]);
    expect(limits.defaults.cpuMs).toBe(BUILT_IN_LIMITS.defaults.cpuMs);
  });

  test("a default over the built-in ceiling raises it; a ceiling under the built-in default lowers that", () => {
    const { limits } = compileYaml("limits: {wallMs: 20m, memoryMiB: {max: 32}}");
    expect([limits.defaults.wallMs, limits.ceilings.wallMs]).toEqual([1_200_000, 1_200_000]);
    expect([limits.defaults.memoryMiB, limits.ceilings.memoryMiB]).toEqual([32, 32]);
  });

  test.each([
    ["wallMs: 5", "limits.wallMs", "must be a duration from 10ms"],
    ["wallMs: {default: 2h, max: 1h}", "limits.wallMs.default", "must not be over its max of 3600000"],
    ["toolCalls: -1", "limits.toolCalls", "must be a whole number of at least 0, or an object"],
    ["toolCalls: 5s", "limits.toolCalls", "must be a whole number"],
    ["resultBytes: {max: huge}", "limits.resultBytes.max", "must be a size from"],
    ["memoryMiB: [64]", "limits.memoryMiB", "must be a whole number"],
  ])("%s is refused", (limit, key, rule) => {
    expect(problemsOf(() => compileYaml(`limits: {${limit}}`))).toEqual([
      expect.stringContaining(`Cannot use ${key} (runlet.yaml:1) as it ${rule}`),
    ]);
  });
});
