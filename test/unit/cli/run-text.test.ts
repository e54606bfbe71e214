import { expect, test } from "vitest";
import { formatRun } from "../../../src/cli/run-text.ts";
import type { RunView } from "../../../src/runs/run.ts";

const ended: RunView = { id: "run_1", status: "succeeded", createdAt: "", calls: [], resultType: "json", result: null };

test.each([
  ["a string as it is", { result: "a\nb" }, "a\nb\n"],
  ["anything else as JSON", { result: { a: [1] } }, '{\n  "a": [\n    1\n  ]\n}\n'],
  ["null as null", { result: null }, "null\n"],
  ["no value as nothing", { resultType: "undefined" as const }, ""],
  ["a failed run's as nothing", { status: "failed" as const, result: 1 }, ""],
  [
    "what does not satisfy its schema all the same",
    {
      status: "failed" as const,
      result: 1,
      error: { code: "RESULT_SCHEMA_MISMATCH", message: "no", fault: "script", retryable: false } as const,
    },
    "1\n",
    "failed: RESULT_SCHEMA_MISMATCH: no\n",
  ],
])("the result is written: %s", (_, change: Partial<RunView>, text: string, about = "") => {
  expect(formatRun({ ...ended, ...change })).toEqual({ result: text, about });
});

test("the result is written on one line when that is asked for", () => {
  expect(formatRun({ ...ended, result: { a: [1] } }, 0).result).toBe('{"a":[1]}\n');
});

test("logs, calls and the error follow each other, the calls in columns", () => {
  const { about } = formatRun({
    ...ended,
    status: "failed",
    logs: [{ level: "info", atMs: 1, text: "hello" }],
    calls: [
      { seq: 1, server: "files", tool: "read", ms: 12, outcome: "ok", argsBytes: 2, resultBytes: 5 },
      {
        seq: 2,
        server: "f",
        tool: "w",
        ms: undefined,
        outcome: "error",
        argsBytes: 2,
        resultBytes: 0,
        error: "TOOL_FAILED",
      },
    ],
    error: {
      code: "TOOL_FAILED",
      message: "no",
      fault: "upstream",
      retryable: false,
      line: 3,
      snippet: "await x()",
      hint: "Try.",
    },
  });
  expect(about).toBe(
    [
      "info  hello",
      "#  call        outcome            time   result",
      "1  files.read  ok                 12 ms  5 B",
      "2  f.w         error TOOL_FAILED         0 B",
      "failed: TOOL_FAILED: no (line 3, column 1)",
      "  await x()",
      "hint: Try.",
      "",
    ].join("\n"),
  );
});

test("what scripts and servers write cannot steer the terminal", () => {
  const { about } = formatRun({
    ...ended,
    logs: [{ level: "info", atMs: 0, text: "\u001b[2J\u009b1mred\u0007\ttab\nnext" }],
  });
  expect(about).toBe("info  ␛[2J␡1mred␇\ttab\nnext\n");
});
