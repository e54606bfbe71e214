import { describe, expect, test } from "vitest";
import { problemResponse, requestInvalid, toProblem } from "../../../src/http/problem.ts";
import { errorInfo, errorSpec, toErrorInfo, type ErrorCode } from "../../../src/lib/errors.ts";

const CODES: readonly ErrorCode[] = [
  "REQUEST_INVALID",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "NOT_FOUND",
  "METHOD_NOT_ALLOWED",
  "RUN_ENDED",
  "IDEMPOTENCY_CONFLICT",
  "REQUEST_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "QUEUE_FULL",
  "SHUTTING_DOWN",
  "TOOL_TIMEOUT",
  "UPSTREAM_UNAVAILABLE",
  "MODEL_NOT_CONFIGURED",
  "INTERNAL",
];

describe("a problem document", () => {
  test.each(CODES)("of %s has the status of the error table, in the answer and in the document", async (code) => {
    const answer = problemResponse(errorInfo(code, "Cannot do it."), "req_1");
    expect(answer.status).toBe(errorSpec(code).status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(await answer.json()).toMatchObject({ type: "about:blank", code, status: answer.status, requestId: "req_1" });
  });

  test("puts the faults of a request where clients look for them, and other details beside", () => {
    const problems = [{ pointer: "/a", message: "is wrong" }];
    const error = errorInfo("REQUEST_INVALID", "Cannot accept it.", { details: { problems, nearest: ["b"] } });
    expect(toProblem(error, "req_1")).toMatchObject({ problems, details: { nearest: ["b"] } });
    const only = JSON.stringify(toProblem(errorInfo("REQUEST_INVALID", "No.", { details: { problems } }), "req_1"));
    expect(JSON.parse(only)).not.toHaveProperty("details");
  });

  test("keeps details that are not an object", () => {
    expect(toProblem(errorInfo("INTERNAL", "No.", { details: [1] }), "r")).toMatchObject({ details: [1] });
    expect(JSON.parse(JSON.stringify(toProblem(errorInfo("INTERNAL", "No."), "r")))).not.toHaveProperty("details");
  });

  test("tells where in a script and in which tool", () => {
    const where = { line: 3, column: 9, snippet: "x()", server: "files", tool: "read", hint: "Do y." };
    expect(toProblem(errorInfo("SCRIPT_ERROR", "x", where), "r")).toMatchObject(where);
  });

  test("of a value that is no error of ours tells nothing of it", () => {
    const text = JSON.stringify(toProblem(toErrorInfo(new Error("password=1 at /home/x/y.js")), "r"));
    expect(text).not.toMatch(/password|home/u);
  });
});

describe("Retry-After", () => {
  test.each([
    [1, "1"],
    [1_000, "1"],
    [1_001, "2"],
    [60_000, "60"],
    [-5, "1"],
    [Number.NaN, "1"],
    [undefined, "1"],
  ])("of %s ms is %s whole seconds", (retryAfterMs, header) => {
    const answer = problemResponse(errorInfo("QUEUE_FULL", "No.", { details: { retryAfterMs } }), "r");
    expect(answer.headers.get("retry-after")).toBe(header);
  });

  test("is only given where another try of the same request may go well, and soon", () => {
    for (const code of ["REQUEST_INVALID", "TOOL_TIMEOUT", "INTERNAL", "EXECUTOR_LOST"] as const) {
      expect(problemResponse(errorInfo(code, "No."), "r").headers.has("retry-after"), code).toBe(false);
    }
  });
});

describe("an invalid request", () => {
  test("tells its first faults in words and all of them as data", () => {
    const problems = [
      { pointer: "/a", message: "is wrong" },
      { pointer: "", message: "is worse" },
    ];
    expect(requestInvalid("the body", problems)).toMatchObject({
      code: "REQUEST_INVALID",
      message: "Cannot accept the body as it does not satisfy its schema: /a is wrong; it is worse.",
      context: { details: { problems } },
    });
    expect(requestInvalid("the body", problems.slice(1)).message).toContain("schema: it is worse.");
    const five = Array.from({ length: 5 }, () => ({ pointer: "/a", message: "is wrong" }));
    expect(requestInvalid("the body", five).message).toMatch(
      /: \/a is wrong; \/a is wrong; \/a is wrong \(and 2 more\)\.$/u,
    );
  });

  test("that ends with a question has no full stop after it", () => {
    const problems = [{ pointer: "/scirpt", message: 'is not known; did you mean "script"?' }];
    expect(requestInvalid("the body", problems).message).toMatch(/did you mean "script"\?$/u);
  });
});
