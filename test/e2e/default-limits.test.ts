import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIMIT_NAMES } from "../../src/config/limits.ts";
import type { LimitName } from "../../src/config/limits.ts";
import type { ErrorCode } from "../../src/lib/errors.ts";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { EndedRun } from "../support/service-client.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

let service: RunningService;
/** Takes its whole time, beside all others. */
let late: Promise<EndedRun>;

beforeAll(async () => {
  service = await startService({
    mcpServers: {
      lab: { ...fixtureServer("lab"), concurrency: 128 },
      desk: { ...fixtureServer("desk"), concurrency: 128 },
    },
    executors: { processes: 2 },
  });
  await service.run("await mcp.lab.echo({}); await mcp.desk.meet({ count: 1 })");
  late = service.run("await mcp.lab.never()");
});

afterAll(() => service.remove());

/** A script that stays within a limit by as little as it can, and one that does not. */
interface Edge {
  readonly limit: LimitName;
  /** What a run gets that does not ask. */
  readonly gets: number | string;
  readonly within: string;
  readonly over: string;
  readonly code: ErrorCode;
}

/** JSON of `{"v":"…"}` with so many bytes. */
const argument = (bytes: string): string => `{ v: "x".repeat(${bytes} - 8) }`;
const calls = (count: number, bytes: string): string =>
  `for (let i = 0; i < ${count}; i++) await mcp.lab.echo(${argument(bytes)})`;
const source = (bytes: number): string => `/*${"x".repeat(bytes - 4)}*/`;

const EDGES: readonly Edge[] = [
  {
    limit: "sourceBytes",
    gets: "256 KiB",
    within: source(256 * KIB),
    over: source(256 * KIB + 1),
    code: "SCRIPT_TOO_LARGE",
  },
  {
    limit: "syntaxNodes",
    gets: "100,000",
    within: `return [${"1,".repeat(99_900)}].length`,
    over: `return [${"1,".repeat(100_000)}].length`,
    code: "SCRIPT_TOO_LARGE",
  },
  {
    limit: "toolCalls",
    gets: 200,
    within: "for (let i = 0; i < 200; i++) await mcp.lab.echo({})",
    over: "for (let i = 0; i < 201; i++) await mcp.lab.echo({})",
    code: "TOOL_CALL_LIMIT",
  },
  {
    limit: "concurrency",
    gets: 64,
    within: "await Promise.all(Array.from({ length: 64 }, () => mcp.desk.meet({ count: 64 })))",
    over: "await Promise.all(Array.from({ length: 65 }, () => mcp.desk.meet({ count: 65 })))",
    code: "CALL_CONCURRENCY_LIMIT",
  },
  {
    limit: "argumentBytes",
    gets: "1 MiB",
    within: calls(1, `${MIB} - 16`),
    over: calls(1, `${MIB} + 1`),
    code: "ARGUMENTS_TOO_LARGE",
  },
  {
    limit: "argumentTotalBytes",
    gets: "4 MiB",
    within: calls(4, `${MIB} - 16`),
    over: calls(5, `${MIB} - 16`),
    code: "ARGUMENTS_TOO_LARGE",
  },
  {
    limit: "toolResultBytes",
    gets: "4 MiB",
    within: `await mcp.lab.big({ bytes: ${4 * MIB - 11} })`,
    over: `await mcp.lab.big({ bytes: ${4 * MIB - 10} })`,
    code: "TOOL_RESULT_TOO_LARGE",
  },
  {
    limit: "resultBytes",
    gets: "32 MiB",
    within: `return "x".repeat(${32 * MIB - 2})`,
    over: `return "x".repeat(${32 * MIB - 1})`,
    code: "RESULT_TOO_LARGE",
  },
  {
    limit: "emittedBytes",
    gets: "4 MiB",
    within: `emit("x".repeat(${4 * MIB - 2}))`,
    over: `emit("x".repeat(${4 * MIB - 1}))`,
    code: "EMIT_LIMIT",
  },
  {
    limit: "memoryMiB",
    gets: "some 64 MiB",
    within: "const kept = Array.from({ length: 5e6 }, (_, i) => i + 0.5); return kept.length",
    over: "const kept = []; while (kept.length < 128) kept.push(new Array(131_072).fill(0.5)); return 1",
    code: "SCRIPT_MEMORY_LIMIT",
  },
  {
    limit: "timers",
    gets: 1_000,
    within: "for (let i = 0; i < 1000; i++) setTimeout(() => {}, 60_000)",
    over: "for (let i = 0; i < 1001; i++) setTimeout(() => {}, 60_000)",
    code: "TIMER_LIMIT",
  },
];

const told = (run: EndedRun): unknown => run.error?.code ?? run.status;

describe("a run that asks for nothing", () => {
  test.each(EDGES)("may use $gets of limits.$limit, and not more", async ({ within, over, code }) => {
    expect(told(await service.run(within))).toBe("succeeded");
    expect(told(await service.run(over))).toBe(code);
  });

  test("may compute for 5 seconds, and not for longer", { timeout: 120_000 }, async () => {
    // On a busy machine that takes longer than the wall limit that it would get.
    const run = await service.run("while (true);", { limits: { wallMs: 120_000 } });
    expect(told(run)).toBe("SCRIPT_CPU_LIMIT");
    expect(run.usage.cpuMs).toBeGreaterThanOrEqual(5_000);
    expect(run.usage.cpuMs).toBeLessThan(7_000);
  });

  test("has 1,000 lines of log, 64 KiB of it, 8 KiB a line and 4 KiB of an error's text", async () => {
    const lines = await service.run("for (let i = 0; i < 1200; i++) console.log(i)");
    expect(lines.logs.slice(0, 1_000).map(({ text }) => text)).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i}`));
    expect(lines.logs.slice(1_000)).toMatchObject([
      { level: "warn", text: expect.stringMatching(/^LOG_LIMIT: .*1000/u) },
    ]);
    const bytes = await service.run("for (let i = 0; i < 20; i++) console.log('x'.repeat(6000))");
    expect(bytes.logs.slice(0, -1).map(({ text }) => text.length)).toEqual(Array.from({ length: 10 }, () => 6_000));
    expect(bytes.logs.at(-1)?.text).toMatch(/^LOG_LIMIT: .*65536/u);
    const line = await service.run("console.log('x'.repeat(8192)); console.log('x'.repeat(9000))");
    expect(line.logs.map(({ text }) => text)).toEqual(["x".repeat(8_192), `${"x".repeat(8_192)}… [808 more]`]);
    const whole = await service.run("throw new Error('x'.repeat(4096 - 7))");
    expect(whole.error?.message).toBe(`Error: ${"x".repeat(4_096 - 7)}`);
    const cut = await service.run("throw new Error('x'.repeat(9000))");
    expect(cut.error?.message).toMatch(/^Error: x{4000,4089}/u);
    expect(Buffer.byteLength(cut.error?.message ?? "")).toBeLessThan(4_200);
  });

  test("has 1 MiB of its result in the answer", async () => {
    expect(await service.run(`return "x".repeat(${MIB - 2})`)).toMatchObject({ truncated: false, resultBytes: MIB });
    const cut = await service.run(`return "x".repeat(${MIB - 1})`);
    expect(cut).toMatchObject({ status: "succeeded", truncated: true, resultBytes: MIB + 1 });
    expect(Buffer.byteLength(JSON.stringify(cut.result))).toBeLessThanOrEqual(MIB);
  });

  test("may take 30 seconds, waits for tools included", { timeout: 60_000 }, async () => {
    const run = await late;
    expect(told(run)).toBe("SCRIPT_TIMEOUT");
    expect(run.usage.wallMs).toBeGreaterThanOrEqual(30_000);
    expect(run.usage.cpuMs).toBeLessThan(1_000);
  });
});

describe("limits that end a run", () => {
  test("of time, computing, memory, calls, output, timers and source each have a code of their own", () => {
    const shared: readonly LimitName[] = ["argumentTotalBytes", "syntaxNodes"];
    const codes = EDGES.filter(({ limit }) => !shared.includes(limit)).map(({ code }) => code);
    const all = [...codes, "SCRIPT_TIMEOUT", "SCRIPT_CPU_LIMIT", "LOG_LIMIT"];
    expect(all.filter((code, at) => all.indexOf(code) !== at)).toEqual([]);
  });
});

/** The most that the operator allows of each limit, a script that goes over it, and what it then meets. */
const MOST: Readonly<Record<LimitName, readonly [max: number, script: string, meets: string]>> = {
  wallMs: [3_000, "await mcp.lab.never()", "SCRIPT_TIMEOUT"],
  cpuMs: [100, "while (true);", "SCRIPT_CPU_LIMIT"],
  memoryMiB: [16, "const all = []; for (;;) all.push(new Array(131_072).fill(0.5))", "SCRIPT_MEMORY_LIMIT"],
  sourceBytes: [400, source(401), "SCRIPT_TOO_LARGE"],
  syntaxNodes: [60, `return [${"1, ".repeat(60)}]`, "SCRIPT_TOO_LARGE"],
  toolCalls: [3, "for (let i = 0; i < 4; i++) await mcp.lab.echo({})", "TOOL_CALL_LIMIT"],
  concurrency: [2, "await Promise.all([1, 2, 3].map(() => mcp.lab.echo({})))", "CALL_CONCURRENCY_LIMIT"],
  argumentBytes: [100, calls(1, "110"), "ARGUMENTS_TOO_LARGE"],
  argumentTotalBytes: [150, calls(2, "90"), "ARGUMENTS_TOO_LARGE"],
  toolResultBytes: [200, "await mcp.lab.big({ bytes: 201 })", "TOOL_RESULT_TOO_LARGE"],
  resultBytes: [600, "return 'x'.repeat(600)", "RESULT_TOO_LARGE"],
  replyBytes: [256, "return 'x'.repeat(300)", "the result is cut"],
  emittedBytes: [50, "emit('x'.repeat(50))", "EMIT_LIMIT"],
  logBytes: [
    200,
    "for (let i = 0; i < 3; i++) console.log('x'.repeat(80))",
    "LOG_LIMIT: a run may log 4 lines and 200 bytes",
  ],
  logLines: [4, "for (let i = 0; i < 5; i++) console.log(i)", "LOG_LIMIT: a run may log 4 lines"],
  logLineBytes: [100, "console.log('x'.repeat(101))", "x… [1 more]"],
  errorBytes: [64, "throw new Error('x'.repeat(100))", "SCRIPT_ERROR: 57"],
  journalBytes: [400, "for (let i = 0; i < 3; i++) await mcp.lab.big({ bytes: 170 })", "JOURNAL_LIMIT"],
  timers: [3, "for (let i = 0; i < 4; i++) setTimeout(() => {}, 1e4)", "TIMER_LIMIT"],
};

describe("a run that asks for more than the operator allows", () => {
  let strict: RunningService;
  beforeAll(async () => {
    const limits = Object.fromEntries(LIMIT_NAMES.map((name) => [name, { max: MOST[name][0] }]));
    strict = await startService({ mcpServers: { lab: fixtureServer("lab") }, limits, executors: { processes: 1 } });
  });
  afterAll(() => strict.remove());

  test.each(LIMIT_NAMES)("gets the operator's most of limits.%s", async (name) => {
    const [, script, meets] = MOST[name];
    const { error, logs, truncated } = await strict.run(script, { limits: { [name]: 1_000_000_000 } });
    const met = [
      `${error?.code}: ${error?.message.replace(/^Error: (?<kept>x+).*$/u, (_, kept: string) => String(kept.length))}`,
      ...logs.map(({ text }) => text),
      truncated ? "the result is cut" : "",
    ];
    expect(met.join("\n")).toContain(meets);
  });
});
