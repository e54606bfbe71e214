import { describe, expect, test } from "vitest";
import { toolSummary } from "../../../src/catalog/tool-summary.ts";
import { fakeTool } from "../../support/fake-catalog.ts";

describe("a tool's summary", () => {
  test.each([
    ["Lists\n  files. Use it often.", "Lists files"],
    ["", ""],
    ["Ends a comment */ here", "Ends a comment * / here"],
    ["Reads a file. DEPRECATED: use read_text.", "Reads a file — DEPRECATED: use read_text"],
  ])("of %j is %j", (description, summary) => {
    expect(toolSummary(fakeTool("s", "t", { description }))).toBe(summary);
  });

  test("is its title where it has no description", () => {
    expect(toolSummary(fakeTool("s", "t", { description: "", title: "List files" }))).toBe("List files");
  });

  test("is short however long the description is", () => {
    const { length } = toolSummary(fakeTool("s", "t", { description: "word ".repeat(10_000) }));
    expect(length).toBeGreaterThan(60);
    expect(length).toBeLessThanOrEqual(120);
  });
});
