import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import type { ErrorCode } from "../../src/lib/errors.ts";
import { fixtureServer, pause, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { EndedRun, ServiceClient } from "../support/service-client.ts";

/** A script that goes over one limit, and how it ends. */
interface LimitCase {
  readonly claim: string;
  readonly script: string;
  readonly limits?: Readonly<Record<string, number>>;
  readonly code: ErrorCode;
  /** What else the run tells. */
  readonly also?: (run: EndedRun) => void;
}

const NEVER_ANSWERS = "await mcp.lab.never()";
const KIB = 1024;

const CASES: readonly LimitCase[] = [
  {
    claim: "a tool that never answers ends with the wall limit",
    script: NEVER_ANSWERS,
    limits: { wallMs: 300 },
    code: "SCRIPT_TIMEOUT",
    also: ({ calls, usage }) => {
      expect(calls).toMatchObject([{ server: "lab", tool: "never", outcome: "error" }]);
      expect(usage.wallMs).toBeGreaterThanOrEqual(300);
    },
  },
  {
    claim: "timers that go on for ever end with the wall limit",
    script: "await new Promise(() => setInterval(() => {}, 5))",
    limits: { wallMs: 300 },
    code: "SCRIPT_TIMEOUT",
  },
  {
    claim: "a loop that does not end reaches the computing limit",
    script: "while (true);",
    limits: { cpuMs: 200 },
    code: "SCRIPT_CPU_LIMIT",
    also: ({ usage }) => expect(usage.cpuMs).toBeGreaterThanOrEqual(190),
  },
  {
    claim: "a loop after an awaited tool call reaches the computing limit",
    script: "await mcp.lab.echo({}); while (true);",
    limits: { cpuMs: 200 },
    code: "SCRIPT_CPU_LIMIT",
    also: ({ calls }) => expect(calls).toMatchObject([{ outcome: "ok" }]),
  },
  {
    claim: "a loop in a timer reaches the computing limit",
    script: "await new Promise((resolve) => setTimeout(resolve, 1)); while (true);",
    limits: { cpuMs: 200 },
    code: "SCRIPT_CPU_LIMIT",
  },
  {
    claim: "many short slices of computing add up to the computing limit",
    script:
      "for (;;) { for (const end = Date.now() + 20; Date.now() < end;); await new Promise((done) => setTimeout(done, 1)); }",
    limits: { cpuMs: 200, wallMs: 20_000 },
    code: "SCRIPT_CPU_LIMIT",
  },
  {
    claim: "a heap that grows reaches the memory limit",
    script: "const all = []; for (;;) all.push(new Array(1000).fill(Math.random()));",
    limits: { memoryMiB: 32 },
    code: "SCRIPT_MEMORY_LIMIT",
  },
  {
    claim: "a map with text keys that grows until V8 gives up costs its own run only",
    script: "const map = new Map(); for (let i = 0; ; i++) map.set('key' + i, { i });",
    limits: { memoryMiB: 32, cpuMs: 20_000 },
    code: "SCRIPT_MEMORY_LIMIT",
  },
  {
    claim: "a promise that nothing settles is a deadlock, told at once",
    script: "await new Promise(() => {})",
    code: "SCRIPT_DEADLOCK",
    also: ({ usage }) => expect(usage.wallMs).toBeLessThan(10_000),
  },
  {
    claim: "one tool call too many is refused",
    script: "for (let i = 0; i < 4; i++) await mcp.lab.echo({ i })",
    limits: { toolCalls: 3 },
    code: "TOOL_CALL_LIMIT",
    also: ({ calls }) => expect(calls).toHaveLength(3),
  },
  {
    claim: "too many calls in flight are refused",
    script: "await Promise.all([1, 2, 3].map((ms) => mcp.lab.sleep({ ms })))",
    limits: { concurrency: 2 },
    code: "CALL_CONCURRENCY_LIMIT",
  },
  {
    claim: "a source text over its limit is refused",
    script: `return "${"x".repeat(2 * KIB)}"`,
    limits: { sourceBytes: KIB },
    code: "SCRIPT_TOO_LARGE",
  },
  {
    claim: "arguments of one call over their limit are refused",
    script: "await mcp.lab.echo({ text: 'x'.repeat(2000) })",
    limits: { argumentBytes: KIB },
    code: "ARGUMENTS_TOO_LARGE",
    also: ({ calls }) => expect(calls).toEqual([]),
  },
  {
    claim: "arguments of all calls over their limit are refused",
    script: "for (let i = 0; i < 3; i++) await mcp.lab.echo({ text: 'x'.repeat(600) })",
    limits: { argumentTotalBytes: 1_500 },
    code: "ARGUMENTS_TOO_LARGE",
    also: ({ calls }) => expect(calls).toHaveLength(2),
  },
  {
    claim: "a result over its limit is refused",
    script: "return 'x'.repeat(2000)",
    limits: { resultBytes: KIB },
    code: "RESULT_TOO_LARGE",
  },
  {
    claim: "a result in many bytes a character is measured in bytes",
    script: "return '\u20ac'.repeat(900)",
    limits: { resultBytes: 2 * KIB },
    code: "RESULT_TOO_LARGE",
  },
  {
    claim: "emitted values over their limit are refused",
    script: "emit('x'.repeat(600)); emit('x'.repeat(600))",
    limits: { emittedBytes: KIB },
    code: "EMIT_LIMIT",
  },
  {
    claim: "too many timers are refused",
    script: "for (let i = 0; i < 6; i++) setTimeout(() => {}, 1000)",
    limits: { timers: 5 },
    code: "TIMER_LIMIT",
  },
  {
    claim: "a tool's answer over its limit is refused",
    script: "await mcp.lab.big({ bytes: 4096 })",
    limits: { toolResultBytes: KIB },
    code: "TOOL_RESULT_TOO_LARGE",
    also: ({ calls }) => expect(calls).toMatchObject([{ outcome: "error", error: "TOOL_RESULT_TOO_LARGE" }]),
  },
];

let service: RunningService;
/** Goes over limits. */
let culprit: ServiceClient;
/** Runs beside it and must notice nothing. */
let neighbour: ServiceClient;

beforeAll(async () => {
  const keys = [createClientKey(), createClientKey()] as const;
  service = await startService({
    mcpServers: { lab: fixtureServer("lab") },
    clients: { culprit: { key: keys[0].hash }, neighbour: { key: keys[1].hash } },
  });
  culprit = service.as(keys[0].key);
  neighbour = service.as(keys[1].key);
  await Promise.all([culprit, neighbour].map((client) => client.run("return await mcp.lab.echo({})")));
});

afterAll(() => service.remove());

/** Runs of another client, one after the other, until they are told to stop. */
function startCanaries(): { stop(): Promise<readonly EndedRun[]> } {
  const told = new AbortController();
  const loop = async (): Promise<readonly EndedRun[]> => {
    const runs: EndedRun[] = [];
    do {
      runs.push(await neighbour.run("return (await mcp.lab.echo({ v: 41 })).v + 1"));
      await pause(20);
    } while (!told.signal.aborted);
    return runs;
  };
  const running = loop();
  return {
    stop: () => {
      told.abort();
      return running;
    },
  };
}

/** Does something while another client runs scripts: all of those succeed, and so does the very next run. */
async function undisturbed(doing: () => Promise<void>): Promise<void> {
  const canaries = startCanaries();
  try {
    await doing();
    expect(await culprit.run("return (await mcp.lab.echo({ v: 41 })).v + 1")).toMatchObject({ result: 42 });
  } finally {
    const others = (await canaries.stop()).filter(({ result }) => result !== 42);
    expect(others).toEqual([]);
  }
  expect((await service.get("/healthz")).status).toBe(200);
}

describe("a run over a limit ends with that limit's code, and no other run notices", () => {
  test.for(CASES.map((limit) => [limit.claim, limit] as const))("%s", async ([, { script, limits, code, also }]) => {
    await undisturbed(async () => {
      const run = await culprit.run(script, { limits });
      expect(run, JSON.stringify(run).slice(0, 500)).toMatchObject({ status: "failed", result: null, error: { code } });
      also?.(run);
    });
  });
});

describe("limits that do not end a run", () => {
  test("logs over their limit are dropped with a notice, and the run succeeds", async () => {
    await undisturbed(async () => {
      const run = await culprit.run("for (let i = 0; i < 20000; i++) console.log('line', i); return 'done'", {
        limits: { logLines: 10 },
      });
      expect(run).toMatchObject({ status: "succeeded", result: "done" });
      expect(run.logs).toHaveLength(11);
      expect(run.logs.at(-1)?.text).toMatch(/^LOG_LIMIT: /u);
    });
  });

  test("a log line over its limit is cut, and the others are kept", async () => {
    const run = await culprit.run("console.log('x'.repeat(5000)); console.log('after')", {
      limits: { logLineBytes: 100 },
    });
    expect(run.logs[0]?.text.length).toBeLessThan(200);
    expect(run.logs[1]?.text).toBe("after");
  });

  test("an error text over its limit is cut", async () => {
    const run = await culprit.run("throw new Error('x'.repeat(1e6))", { limits: { errorBytes: 256 } });
    expect(run.error).toMatchObject({ code: "SCRIPT_ERROR" });
    expect(run.error?.message.length).toBeLessThan(400);
  });

  test("a script that catches the refusal of a call goes on", async () => {
    const script = `
      await mcp.lab.echo({});
      try { await mcp.lab.echo({}) } catch (error) { return [error.name, error.code, error.retryable] }`;
    const run = await culprit.run(script, { limits: { toolCalls: 1 } });
    expect(run).toMatchObject({ status: "succeeded", result: ["ToolError", "TOOL_CALL_LIMIT", false] });
  });
});

describe("what a run asks for", () => {
  test("more than the operator's ceiling is cut to it", async () => {
    const run = await culprit.run("return 1", { limits: { memoryMiB: 1_000_000, wallMs: 1_000_000_000 } });
    expect(run).toMatchObject({ status: "succeeded", result: 1 });
  });

  test("an unknown limit is refused with its place", async () => {
    const { status, body } = await culprit.post("/run", { script: "return 1", limits: { wallSeconds: 1 } });
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain("wallSeconds");
  });
});
