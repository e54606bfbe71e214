import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/lib/errors.ts";
import { readEventsFile } from "../support/events-file.ts";
import { cpuSeconds, residentMiB } from "../support/processes.ts";
import { createFolder, fixtureServer, pause, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { EndedRun } from "../support/service-client.ts";

/** A script that attacks, and how it may end. */
interface HostileCase {
  readonly name: string;
  readonly category: string;
  readonly code: string;
  readonly expect: {
    readonly ok: boolean | "any";
    readonly value?: unknown;
    readonly valuePattern?: string;
    readonly errorKind?: readonly Kind[];
    readonly note?: string;
  };
}

type Kind =
  | "timeout"
  | "cpu"
  | "memory"
  | "script"
  | "syntax"
  | "result"
  | "quota"
  | "tool"
  | "deadlock"
  | "output"
  | "crash";

const CODES: Readonly<Record<Kind, readonly ErrorCode[]>> = {
  timeout: ["SCRIPT_TIMEOUT"],
  cpu: ["SCRIPT_CPU_LIMIT"],
  memory: ["SCRIPT_MEMORY_LIMIT"],
  script: ["SCRIPT_ERROR"],
  syntax: ["SCRIPT_SYNTAX"],
  result: ["RESULT_TOO_LARGE", "RESULT_INVALID"],
  quota: ["TOOL_CALL_LIMIT", "CALL_CONCURRENCY_LIMIT", "ARGUMENTS_TOO_LARGE", "TIMER_LIMIT", "EMIT_LIMIT"],
  tool: ["TOOL_FAILED", "TOOL_NOT_FOUND", "TOOL_ARGUMENTS_INVALID"],
  deadlock: ["SCRIPT_DEADLOCK"],
  output: ["LOG_LIMIT", "RESULT_TOO_LARGE"],
  crash: ["EXECUTOR_LOST"],
};

/** Cases whose verdict is not the corpus's, each with the reason; the service has to survive them all the same. */
const OPEN: ReadonlyMap<string, string> = new Map<string, string>([]);

const CASES = JSON.parse(
  readFileSync(new URL("../fixtures/data/hostile-corpus.json", import.meta.url), "utf8"),
) as readonly HostileCase[];

const KIB = 1024;
const WALL_MS = 5_000;
/** What the caller of the slowest run waits beside its wall limit: for a process to be killed and another to be ready. */
const OVERTIME_MS = 15_000;
/** More than an executor process may ever hold. */
const RSS_CAP_MIB = 1_800;

/** Sees traces of other runs, and takes a call there and back. */
const AFTERWARDS = `
const traces = [typeof globalThis.__leak, ({}).__leak2, [].__leak3, ({}).polluted, globalThis.injected];
return [(await mcp.test.echo({v: 41})).v + 1, traces]`;

let service: RunningService;
let eventsFile: string;

beforeAll(async () => {
  const folder = createFolder();
  eventsFile = join(folder, "events.jsonl");
  service = await startService({
    folder,
    mcpServers: { test: { ...fixtureServer("lab", { EVENTS_FILE: eventsFile }), concurrency: 64 } },
    // One run in a process at a time: what a case does to its process is that case's own verdict.
    executors: { processes: 4, isolatesPerProcess: 1 },
    limits: {
      memoryMiB: 64,
      wallMs: WALL_MS,
      cpuMs: 2_000,
      resultBytes: KIB * KIB,
      logBytes: 64 * KIB,
      toolCalls: 200,
      concurrency: 64,
      argumentBytes: KIB * KIB,
    },
    log: { level: "warn" },
  });
});

afterAll(() => service.remove());

describe.concurrent("a hostile script ends as it should, and the service lives on", () => {
  test.for(CASES.map((hostile) => [`${hostile.category}: ${hostile.name}`, hostile] as const))(
    "%s",
    { timeout: 60_000 },
    async ([, hostile]) => {
      const startedAt = performance.now();
      const run = await service.run(hostile.code);
      const waitedMs = performance.now() - startedAt;
      const largest = Math.max(...service.executors().map(residentMiB));
      const after = await service.run(AFTERWARDS);
      expect(after).toMatchObject({ status: "succeeded", result: [42, ["undefined", null, null, null, null]] });
      expect(waitedMs).toBeLessThan(WALL_MS + OVERTIME_MS);
      expect(largest).toBeLessThan(RSS_CAP_MIB);
      const verdict = judge(hostile, run);
      expect(OPEN.has(hostile.name) ? "open" : verdict, `${verdict} ${JSON.stringify(run).slice(0, 600)}`).toBe(
        OPEN.has(hostile.name) ? "open" : "as expected",
      );
    },
  );
});

describe("after all of them", () => {
  test("no executor process computes any more", { timeout: 30_000 }, async () => {
    await pause(8_000);
    const before = service.executors().map((pid) => ({ pid, seconds: cpuSeconds(pid) }));
    await pause(1_000);
    const busy = before.filter(({ pid, seconds }) => cpuSeconds(pid) - seconds > 0.5);
    expect(before).toHaveLength(4);
    expect(busy).toEqual([]);
  });

  test("no call was made for a script that had ended", () => {
    const late = readEventsFile(eventsFile).filter((event) => JSON.stringify(event).includes('"late"'));
    expect(late).toEqual([]);
  });

  test("nothing on the host was polluted", async () => {
    const { body } = await service.post("/invoke", { server: "test", tool: "echo", arguments: {} });
    expect(body).toMatchObject({ result: {} });
    expect(JSON.stringify(body)).not.toContain("polluted");
    const reply = await service.run("const r = await mcp.test.protoReply(); return [({}).polluted === undefined, r.then]");
    expect(reply.result).toEqual([true, 1]);
  });

  test("nothing that is listed as open is as expected by now", () => {
    const known = new Set(CASES.map(({ name }) => name));
    expect([...OPEN.keys()].filter((name) => !known.has(name))).toEqual([]);
  });
});

/** How a run ended, measured by what its case allows. */
function judge({ expect: wanted }: HostileCase, run: EndedRun): string {
  if (run.status === "succeeded") {
    if (wanted.ok === false) return "succeeded, and should not have";
    const { value, valuePattern } = wanted;
    if (valuePattern !== undefined && !new RegExp(valuePattern, "u").test(JSON.stringify(run.result).slice(1, -1))) return "another value";
    return value === undefined || isDeepStrictEqual(run.result, value) ? "as expected" : "another value";
  }
  const allowed = (wanted.errorKind ?? []).flatMap((kind) => CODES[kind]);
  const code = run.error?.code ?? "INTERNAL";
  return wanted.ok !== true && allowed.includes(code) ? "as expected" : `failed with ${code}`;
}
