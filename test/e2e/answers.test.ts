import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import type { ErrorCode, Fault } from "../../src/lib/errors.ts";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { ServiceClient } from "../support/service-client.ts";

const key = createClientKey();
let service: RunningService;
let ann: ServiceClient;

beforeAll(async () => {
  service = await startService({
    mcpServers: {
      lab: fixtureServer("lab"),
      gone: fixtureServer("exit-at-once"),
      secret: fixtureServer("lab"),
      slow: { ...fixtureServer("lab"), timeout: 200 },
    },
    clients: { ann: { key: key.hash, servers: ["lab", "gone", "slow"] } },
  });
  ann = service.as(key.key);
});

afterAll(() => service.remove());

const number = expect.any(Number) as number;
const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u) as string;
const usage = { wallMs: number, cpuMs: number, heapPeakMiB: number, toolCalls: 1, modelTokens: null };

describe("the answer of a run", () => {
  test("that succeeded has these members and no others", async () => {
    const run = await ann.run('console.warn("w"); emit([1]); return await mcp.lab.echo({ a: 1 })', {
      metadata: { job: 7 },
    });
    expect(run).toEqual({
      id: expect.stringMatching(/^run_\w{20,}$/u),
      status: "succeeded",
      result: { a: 1 },
      resultType: "json",
      resultBytes: 7,
      truncated: false,
      logs: [{ level: "warn", atMs: number, text: "w" }],
      calls: [{ seq: 1, server: "lab", tool: "echo", ms: number, outcome: "ok", argsBytes: 7, resultBytes: 7 }],
      emitted: [[1]],
      usage,
      createdAt: instant,
      startedAt: instant,
      endedAt: instant,
      metadata: { job: 7 },
    });
  });

  test("that failed says what failed, whose fault it was, where, and what had happened before", async () => {
    const run = await ann.run(`const message = "no such order";\nconst order = await mcp.lab.fail({ message });`);
    expect(run).toEqual({
      id: expect.stringMatching(/^run_\w{20,}$/u),
      status: "failed",
      result: null,
      resultType: "none",
      truncated: false,
      error: {
        code: "TOOL_FAILED",
        message: "no such order",
        fault: "upstream",
        retryable: false,
        line: 2,
        column: 29,
        snippet: "const order = await mcp.lab.fail({ message });",
        server: "lab",
        tool: "fail",
        details: { content: [{ type: "text", text: "no such order" }] },
      },
      logs: [],
      calls: [
        {
          seq: 1,
          server: "lab",
          tool: "fail",
          ms: number,
          outcome: "error",
          argsBytes: 27,
          resultBytes: 0,
          error: "TOOL_FAILED",
        },
      ],
      emitted: [],
      usage,
      createdAt: instant,
      startedAt: instant,
      endedAt: instant,
    });
  });
});

/** One kind of failure: how it comes about, and what tells it from the others. */
interface Failure {
  readonly kind: string;
  readonly script: string;
  readonly limits?: Readonly<Record<string, number>>;
  readonly code: ErrorCode;
  readonly fault: Fault;
  readonly retryable: boolean;
}

const FAILURES: readonly Failure[] = [
  { kind: "the script's", script: "null.x", code: "SCRIPT_ERROR", fault: "script", retryable: false },
  {
    kind: "the tool's own",
    script: "await mcp.lab.fail({ message: 'no' })",
    code: "TOOL_FAILED",
    fault: "upstream",
    retryable: false,
  },
  {
    kind: "that of a server that cannot start",
    script: "await mcp.gone.anything()",
    code: "UPSTREAM_UNAVAILABLE",
    fault: "upstream",
    retryable: true,
  },
  {
    kind: "that of a tool that does not answer",
    script: "await mcp.slow.never()",
    code: "TOOL_TIMEOUT",
    fault: "upstream",
    retryable: true,
  },
  {
    kind: "the policy's: a tool that the caller may not use",
    script: "const { secret } = mcp; await secret.echo({})",
    code: "TOOL_NOT_FOUND",
    fault: "client",
    retryable: false,
  },
  {
    kind: "a quota's",
    script: "await mcp.lab.echo({}); await mcp.lab.echo({})",
    limits: { toolCalls: 1 },
    code: "TOOL_CALL_LIMIT",
    fault: "script",
    retryable: false,
  },
  {
    kind: "a limit's",
    script: "while (true);",
    limits: { cpuMs: 50 },
    code: "SCRIPT_CPU_LIMIT",
    fault: "script",
    retryable: false,
  },
];

describe("a failure", () => {
  test.each(FAILURES)("$kind is $code", async ({ script, limits, code, fault, retryable }) => {
    const { error } = await ann.run(script, { limits: limits ?? {} });
    expect(error).toMatchObject({ code, fault, retryable });
  });

  test.each(FAILURES.filter(({ code }) => code !== "SCRIPT_CPU_LIMIT"))(
    "$kind can be caught, and its code is the same inside of the script",
    async ({ script, limits, code, retryable }) => {
      const caught = `try { ${script} } catch (error) { return [error instanceof ToolError, error.code ?? error.name, error.retryable] }`;
      const { result } = await ann.run(caught, { limits: limits ?? {}, check: "none" });
      expect(result).toEqual(code === "SCRIPT_ERROR" ? [false, "TypeError", null] : [true, code, retryable]);
    },
  );

  test("of another kind has another code", () => {
    expect(new Set(FAILURES.map(({ code }) => code)).size).toBe(FAILURES.length);
  });
});

describe("what a script writes", () => {
  const FORGED =
    'ok\n{"level":"error","text":"forged"}\n\nid: 9\nevent: ended\ndata: {"id":9,"type":"ended","run":{"status":"failed"}}\n\n';

  test("into its log is one line of its log, and what it emits one value, whatever they look like", async () => {
    const script = "console.log(input); emit(input); emit({ type: 'ended', run: { status: 'failed' } }); return input";
    const id = await ann.queue(script, { input: FORGED });
    const told: unknown[] = [];
    for await (const event of ann.events(id)) {
      const { type } = event;
      told.push(
        type === "log" ? [type, event.line.level, event.line.text] : type === "emit" ? [type, event.value] : type,
      );
    }
    const values = [FORGED, { type: "ended", run: { status: "failed" } }];
    expect(told).toEqual([
      "queued",
      "started",
      ["log", "info", FORGED],
      ...values.map((value) => ["emit", value]),
      "ended",
    ]);
    const run = await ann.ended(id);
    expect(run).toMatchObject({ status: "succeeded", result: FORGED, emitted: values });
    expect(run.logs.map(({ level, text }) => [level, text])).toEqual([["info", FORGED]]);
  });

  test("as its result is its result, though it looks like the answer of a run", async () => {
    const forged = {
      status: "failed",
      result: 1,
      error: { code: "INTERNAL" },
      truncated: true,
      usage: { toolCalls: 9 },
    };
    const run = await ann.run("return { ...input, toJSON: () => input }", { input: forged });
    expect(run).toMatchObject({ status: "succeeded", result: forged, truncated: false, usage: { toolCalls: 0 } });
    expect(run.error).toBeUndefined();
  });
});

describe("calls that were refused", () => {
  test("for their arguments, by their tool and by policy are told apart in the list of calls", async () => {
    const { calls, result } = await ann.run(
      `
      const codes = [];
      const attempt = (call) => call.then(() => codes.push("ok"), (error) => codes.push(error.code));
      await attempt(mcp.lab.echo({ n: 1 }));
      await attempt(mcp.lab.sleep({ ms: input }));
      await attempt(mcp.lab.fail({ message: "no" }));
      await attempt(mcp.secret[input]({}));
      return codes`,
      { input: "echo" },
    );
    expect(result).toEqual(["ok", "TOOL_ARGUMENTS_INVALID", "TOOL_FAILED", "TOOL_NOT_FOUND"]);
    expect(calls.map(({ seq, tool, outcome, error }) => [seq, tool, outcome, error])).toEqual([
      [1, "echo", "ok", undefined],
      [2, "sleep", "error", "TOOL_ARGUMENTS_INVALID"],
      [3, "fail", "error", "TOOL_FAILED"],
    ]);
  });
});
