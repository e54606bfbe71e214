import { describe, expect, test } from "vitest";
import type { EndReason } from "../../../src/bridge/protocol.ts";
import { toExecutionResult } from "../../../src/executor/outcome.ts";
import { prepareScript } from "../../../src/script/prepare.ts";
import { limits } from "./support.ts";

const usage = { wallMs: 1, cpuMs: 1, heapMiB: 1 };
const source = "const a = 1;\n    boom();\n";

async function outcome(reason: EndReason, text: string, change = {}) {
  const script = await prepareScript(source, { maxBytes: 1_000 });
  return toExecutionResult(reason, text, usage, { script, limits: limits(change) });
}

async function errorFrom(reason: EndReason, text: string, change = {}) {
  const result = await outcome(reason, text, change);
  if (result.status !== "failed") throw new Error("it succeeded");
  return result.error;
}

test.each([
  ["wall", "SCRIPT_TIMEOUT"],
  ["cpu", "SCRIPT_CPU_LIMIT"],
  ["memory", "SCRIPT_MEMORY_LIMIT"],
  ["catastrophe", "SCRIPT_MEMORY_LIMIT"],
  ["deadlock", "SCRIPT_DEADLOCK"],
  ["cancelled", "RUN_CANCELLED"],
  ["refused", "EXECUTOR_LOST"],
] as const)("a run that ended by %s failed with %s", async (reason, code) => {
  expect(await errorFrom(reason, "ignored")).toMatchObject({ code, message: expect.not.stringContaining("ignored") });
});

test.each([
  ["result", "RESULT_TOO_LARGE"],
  ["emit", "EMIT_LIMIT"],
  ["timers", "TIMER_LIMIT"],
  ["calls", "TOOL_CALL_LIMIT"],
  ["anything else", "TOOL_CALL_LIMIT"],
])("the quota %s is %s", async (which, code) => {
  expect(await errorFrom("quota", which)).toMatchObject({ code, fault: "script" });
});

describe("results", () => {
  test("are counted in bytes, not characters", async () => {
    expect(await outcome("value", '"éé"', { resultBytes: 6 })).toMatchObject({
      status: "succeeded",
      resultJson: '"éé"',
    });
    expect(await errorFrom("value", '"ééé"', { resultBytes: 6 })).toMatchObject({ code: "RESULT_TOO_LARGE" });
  });

  test.each(["", "{", "undefined", `${"[".repeat(600)}${"]".repeat(600)}`])("%.12s is refused", async (text) => {
    expect(await errorFrom("value", text)).toMatchObject({ code: "RESULT_INVALID" });
  });
});

describe("what a script threw", () => {
  const thrown = (stack: string, message = "no") => JSON.stringify({ name: "Error", message, stack });

  test("has the place of the first frame of its own, in the caller's text", async () => {
    const stack = "Error: no\n    at runlet:runtime:1:1\n    at boom (script.js:2:5)\n    at script.js:1:20";
    expect(await errorFrom("thrown", thrown(stack))).toMatchObject({ line: 2, column: 5, snippet: "boom();" });
  });

  test.each([
    ["the message names a place", "Error: at script.js:1:1 it is\nscript.js:2:5"],
    ["the place is in no text of the caller", "Error\n    at script.js:99:1"],
    ["there is no stack", ""],
  ])("has no place when %s", async (_, stack) => {
    expect(await errorFrom("thrown", thrown(stack))).toEqual({
      code: "SCRIPT_ERROR",
      message: "Error: no",
      fault: "script",
      retryable: false,
    });
  });

  test("is cut to the limit of error texts", async () => {
    const { message } = await errorFrom("thrown", thrown("", "x".repeat(10_000)), { errorBytes: 100 });
    expect(message.length).toBeLessThan(150);
  });

  test.each(["", "[]", "{}", "null", '{"name":1}'])("%s is a failure without words", async (text) => {
    expect(await errorFrom("thrown", text)).toMatchObject({ message: "The script threw a value without a message" });
  });
});

describe("a failure of Runlet's own that a script let through", () => {
  const failed = (info: unknown, stack = "") => JSON.stringify({ info: JSON.stringify(info), stack });

  test("takes fault and retryability from the table, whatever is claimed", async () => {
    const claim = {
      code: "TOOL_FAILED",
      message: "no",
      fault: "service",
      retryable: true,
      server: "a",
      tool: "b",
      extra: 1,
    };
    expect(await errorFrom("failed", failed({ ...claim, details: { n: 1 } }))).toEqual({
      code: "TOOL_FAILED",
      message: "no",
      fault: "upstream",
      retryable: false,
      server: "a",
      tool: "b",
      details: { n: 1 },
    });
  });

  test.each([{ code: "ROOT_ACCESS" }, { code: "toString" }, {}, null, []])(
    "%j is a failure that says nothing",
    async (info) => {
      expect(await errorFrom("failed", failed(info))).toMatchObject({ code: "SCRIPT_ERROR" });
    },
  );

  test("loses data that are too large or too deep, and keeps its code", async () => {
    const deep = JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`) as unknown;
    for (const details of ["x".repeat(70_000), deep]) {
      const error = await errorFrom("failed", JSON.stringify({ info: deepText(details), stack: "" }));
      expect([error.code, error.details]).toEqual(["TOOL_FAILED", undefined]);
    }
  });
});

/** `JSON.stringify` would exhaust the stack for the deep one. */
function deepText(details: unknown): string {
  const text = typeof details === "string" ? JSON.stringify(details) : `${"[".repeat(5_000)}${"]".repeat(5_000)}`;
  return `{"code":"TOOL_FAILED","message":"no","details":${text}}`;
}
