import { describe, expect, test } from "vitest";
import { compileYaml, loadYaml, problemsOf } from "./support.ts";

/** What is redacted of a server with these keys, and more keys at the top. */
const modeOf = (keys: string, top = ""): string | undefined =>
  compileYaml(`mcpServers: {a: {command: x${keys === "" ? "" : `, ${keys}`}}}\n${top}\n`).upstreams[0]?.redactResults;

describe("redaction of a server's results", () => {
  test.each([
    ["", "", "off"],
    ["", "redaction: {}", "off"],
    ["", "redaction: {results: false}", "off"],
    ["", "redaction: {results: true}", "all"],
    ["", "redaction: {results: known}", "known"],
    ["redactResults: true", "", "all"],
    ["redactResults: known", "redaction: {results: true}", "known"],
    ["redactResults: false", "redaction: {results: true}", "off"],
    ["redactResults: true", "redaction: {results: false}", "all"],
  ])("with %j and %j is %s", (keys, top, mode) => {
    expect(modeOf(keys, top)).toBe(mode);
  });

  test.each(["redaction: {results: all}", "redaction: {results: 1}", "redaction: {results: [known]}"])(
    "%s is refused, and told what it takes",
    (top) => {
      expect(problemsOf(() => modeOf("", top))).toEqual([expect.stringContaining("must be true, false or known")]);
    },
  );

  test("does not take a misspelt key: secrets would be shown", () => {
    const { problems } = loadYaml("redaction: {result: true}\n");
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining("redaction.result")]);
  });
});
