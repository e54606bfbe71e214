import type { CallToolResult } from "@modelcontextprotocol/server";
import { describe, expect, it } from "vitest";
import type { CallSummary } from "../../../src/bridge/call-summary.ts";
import { errorInfo } from "../../../src/lib/errors.ts";
import type { JsonValue } from "../../../src/lib/guards.ts";
import { DEFAULT_ANSWER_BYTES, toErrorAnswer, toRunAnswer } from "../../../src/mcp/run-answer.ts";
import type { RunView } from "../../../src/runs/run.ts";

const PNG = { type: "image", data: "aGVsbG8=", mimeType: "image/png" };

function view(change: Partial<RunView> = {}): RunView {
  return {
    id: "run_1",
    status: "succeeded",
    createdAt: "2026-01-01T00:00:00.000Z",
    result: null,
    resultType: "json",
    truncated: false,
    logs: [],
    emitted: [],
    usage: { wallMs: 5, cpuMs: 1, heapPeakMiB: 2, toolCalls: 0, modelTokens: null },
    calls: [],
    ...change,
  };
}

function call(seq: number, change: Partial<CallSummary> = {}): CallSummary {
  return { seq, server: "files", tool: "write", ms: 3, outcome: "ok", argsBytes: 2, resultBytes: 2, ...change };
}

function textOf(answer: CallToolResult): string {
  const [first] = answer.content;
  if (first?.type !== "text") throw new Error("the answer does not begin with text");
  return first.text;
}

function structureOf(answer: CallToolResult): Record<string, JsonValue> {
  expect(JSON.parse(textOf(answer))).toEqual(answer.structuredContent);
  return answer.structuredContent as Record<string, JsonValue>;
}

describe("the answer of a run that succeeded", () => {
  it("is its result, as text and structure alike", () => {
    const answer = toRunAnswer(view({ result: { rows: [1, 2] } }));
    expect(answer.isError).toBeUndefined();
    expect(structureOf(answer)).toEqual({ id: "run_1", status: "succeeded", result: { rows: [1, 2] }, toolCalls: 0 });
  });

  it("has a null result when the script returned nothing, and says so unless it printed or emitted", () => {
    const silent = structureOf(toRunAnswer(view({ resultType: "undefined" })));
    expect(silent).toMatchObject({ result: null, notice: expect.stringContaining("end it with `return <value>`") });
    const line = { level: "info", atMs: 1, text: "one" } as const;
    for (const rest of [{ logs: [line] }, { emitted: [1] }]) {
      expect(structureOf(toRunAnswer(view({ resultType: "undefined", ...rest })))).not.toHaveProperty("notice");
    }
    expect(structureOf(toRunAnswer(view({ result: null, resultType: "json" })))).not.toHaveProperty("notice");
  });

  it("has its log, levels other than info named", () => {
    const logs = [
      { level: "info", atMs: 1, text: "one" },
      { level: "warn", atMs: 2, text: "two" },
    ] as const;
    expect(structureOf(toRunAnswer(view({ logs })))["logs"]).toEqual(["one", "[warn] two"]);
  });

  it("does not list its calls, only their number", () => {
    const structure = structureOf(toRunAnswer(view({ calls: [call(1), call(2)], usage: undefined as never })));
    expect(structure).toEqual({ id: "run_1", status: "succeeded", result: null, toolCalls: 2 });
  });

  it("cuts a large result to the bound, for text and structure alike, and says what to do", () => {
    const result = Array.from({ length: 50_000 }, (_, index) => ({ index, name: `item ${index}` }));
    const answer = toRunAnswer(view({ result }));
    const structure = structureOf(answer);
    expect(Buffer.byteLength(textOf(answer))).toBeLessThanOrEqual(DEFAULT_ANSWER_BYTES);
    expect(structure).toMatchObject({ status: "succeeded", truncated: true });
    expect(structure["notice"]).toContain("limits.replyBytes");
    expect((structure["result"] as JsonValue[])[0]).toEqual({ index: 0, name: "item 0" });
  });

  it("is not cut when the caller asked for more", () => {
    const result = "x".repeat(200_000);
    const structure = structureOf(toRunAnswer(view({ result }), 300_000));
    expect(structure).toMatchObject({ result });
    expect(structure).not.toHaveProperty("truncated");
  });

  it("says that the service cut the result already", () => {
    expect(structureOf(toRunAnswer(view({ result: [1], truncated: true })))["truncated"]).toBe(true);
  });

  it("holds the bound with large logs and emitted values beside a large result", () => {
    const logs = Array.from(
      { length: 1_000 },
      (_, i) => ({ level: "info", atMs: i, text: `${i} ${"é".repeat(500)}` }) as const,
    );
    const answer = toRunAnswer(view({ logs, emitted: ["y".repeat(200_000)], result: "z".repeat(1_000_000) }));
    const structure = structureOf(answer);
    expect(Buffer.byteLength(textOf(answer))).toBeLessThanOrEqual(DEFAULT_ANSWER_BYTES);
    const told = structure["logs"] as string[];
    expect(told[0]).toMatch(/^… \[\d+ earlier lines cut\]$/u);
    expect(told.at(-1)).toMatch(/^999 /u);
    expect((structure["result"] as string).length).toBeGreaterThan(20_000);
  });
});

describe("what a script emitted", () => {
  it("is passed through as a block when it is one, and told in its place", () => {
    const link = { type: "resource_link", uri: "file:///a.txt", name: "a.txt" };
    const answer = toRunAnswer(view({ emitted: ["step 1", PNG, { n: 1 }, link] }));
    expect(answer.content.slice(1)).toEqual([PNG, link]);
    expect(structureOf(answer)["emitted"]).toEqual([
      "step 1",
      { type: "image", contentIndex: 1 },
      { n: 1 },
      { type: "resource_link", contentIndex: 2 },
    ]);
  });

  it("is a text when it is a text block", () => {
    const answer = toRunAnswer(view({ emitted: [{ type: "text", text: "hello" }] }));
    expect(answer.content).toHaveLength(1);
    expect(structureOf(answer)["emitted"]).toEqual(["hello"]);
  });

  it.each<JsonValue>([
    { type: "image" },
    { type: "image", data: 1, mimeType: "image/png" },
    { type: "image", data: "not base64!", mimeType: "image/png" },
    { type: "resource", resource: {} },
    { type: "resource_link", uri: "x" },
    { type: "video", data: "aGVsbG8=", mimeType: "video/mp4" },
    { type: ["image"] },
  ])("stays a value when it only looks like a block: %j", (value) => {
    const answer = toRunAnswer(view({ emitted: [value] }));
    expect(answer.content).toHaveLength(1);
    expect(structureOf(answer)["emitted"]).toEqual([value]);
  });

  it("is given for a failed run too", () => {
    const answer = toRunAnswer(view({ status: "failed", error: errorInfo("SCRIPT_ERROR", "boom"), emitted: [PNG] }));
    expect(answer.content.slice(1)).toEqual([PNG]);
  });
});

describe("the answer of a run that failed", () => {
  const error = errorInfo("TOOL_FAILED", "disk full", { line: 3, column: 9, server: "files", tool: "write" });

  it("is an error with everything that is known of it, and what the script had done", () => {
    const calls = [call(1), call(2, { outcome: "error", error: "TOOL_FAILED" })];
    const answer = toRunAnswer(view({ status: "failed", error, calls }));
    expect(answer.isError).toBe(true);
    expect(structureOf(answer)).toEqual({
      id: "run_1",
      status: "failed",
      error: {
        code: "TOOL_FAILED",
        message: "disk full",
        fault: "upstream",
        retryable: false,
        line: 3,
        column: 9,
        server: "files",
        tool: "write",
      },
      calls: ["files.write: ok", "files.write: TOOL_FAILED"],
      toolCalls: 0,
    });
  });

  it("names the last calls of many", () => {
    const calls = Array.from({ length: 500 }, (_, index) => call(index + 1, { tool: `t${index + 1}` }));
    const told = structureOf(toRunAnswer(view({ status: "cancelled", error, calls })))["calls"] as string[];
    expect(told[0]).toBe("… [450 earlier calls]");
    expect(told.at(-1)).toBe("files.t500: ok");
  });

  it("bounds an error with large details", () => {
    const huge = errorInfo("TOOL_FAILED", "m".repeat(100_000), { details: { content: ["c".repeat(100_000)] } });
    const answer = toRunAnswer(view({ status: "failed", error: huge }));
    expect(Buffer.byteLength(textOf(answer))).toBeLessThanOrEqual(DEFAULT_ANSWER_BYTES);
    expect(structureOf(answer)["error"]).toMatchObject({ code: "TOOL_FAILED", fault: "upstream" });
  });
});

describe("other answers", () => {
  it("a run that has not ended is told as it is, and is no error", () => {
    const answer = toRunAnswer({ id: "run_1", status: "running", createdAt: "2026-01-01T00:00:00.000Z", calls: [] });
    expect(answer.isError).toBeUndefined();
    expect(structureOf(answer)).toEqual({ id: "run_1", status: "running", toolCalls: 0 });
  });

  it("a refusal has the shape of a failed run without an id", () => {
    const answer = toErrorAnswer(errorInfo("QUEUE_FULL", "Come back later", { details: { retryAfterMs: 500 } }));
    expect(answer.isError).toBe(true);
    expect(structureOf(answer)).toEqual({
      status: "failed",
      error: {
        code: "QUEUE_FULL",
        message: "Come back later",
        fault: "service",
        retryable: true,
        details: { retryAfterMs: 500 },
      },
    });
  });
});
