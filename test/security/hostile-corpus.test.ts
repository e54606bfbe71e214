import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/lib/errors.ts";
import { readEventsFile } from "../support/events-file.ts";
import { HOSTILE_CASES } from "../support/hostile-cases.ts";
import type { HostileCase, HostileKind } from "../support/hostile-cases.ts";
import { cpuSeconds, residentMiB } from "../support/processes.ts";
import { createFolder, fixtureServer, pause, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { EndedRun } from "../support/service-client.ts";

const CODES: Readonly<Record<HostileKind, readonly ErrorCode[]>> = {
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

/** A right end that the corpus does not list. */
interface OtherEnd {
  readonly ends: ErrorCode | "another value";
  readonly because: string;
}

/** Cases that may end otherwise than the corpus says; the service has to survive them all the same. */
const OTHER_ENDS: ReadonlyMap<string, OtherEnd> = new Map<string, OtherEnd>([
  [
    "require",
    {
      ends: "SCRIPT_SYNTAX",
      because: "require is found before the script starts: the message names the globals there are",
    },
  ],
  [
    "result-dag-exponential",
    { ends: "RESULT_TOO_LARGE", because: "the walk over the result counts its size and stops at the limit" },
  ],
  [
    "names-prototype-chain",
    {
      ends: "another value",
      because: "every name is a function until it is called, then TOOL_NOT_FOUND tells the nearest",
    },
  ],
]);

/**
 * Cases that need about as much time as they have, without a JIT and on a busy machine, or that call a builtin V8 cannot
 * interrupt: either limit may end them.
 */
const HEAVY: ReadonlySet<string> = new Set([
  "json-parse-nested",
  "deep-recursion-native",
  "deep-recursion-json",
  "console-huge-many-args",
]);

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
    // Places enough for all cases that run beside each other: one that hoards sleeping calls must not be another's end.
    mcpServers: { test: { ...fixtureServer("lab", { EVENTS_FILE: eventsFile }), concurrency: 512 } },
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
  test.for(HOSTILE_CASES.map((hostile) => [`${hostile.category}: ${hostile.name}`, hostile] as const))(
    "%s",
    // Once more: a process that an earlier case left swollen may end a case at a limit that is not its own.
    { timeout: 60_000, retry: 1 },
    async ([, hostile]) => {
      const startedAt = performance.now();
      // Nothing is found before the script runs: every attack reaches the sandbox.
      const run = await service.run(hostile.code, { check: "none" });
      const waitedMs = performance.now() - startedAt;
      const largest = Math.max(...service.executors().map(residentMiB));
      const after = await service.run(AFTERWARDS);
      expect(after).toMatchObject({ status: "succeeded", result: [42, ["undefined", null, null, null, null]] });
      expect(waitedMs).toBeLessThan(WALL_MS + OVERTIME_MS);
      expect(largest).toBeLessThan(RSS_CAP_MIB);
      expect(judge(hostile, run), JSON.stringify(run).slice(0, 600)).toBe("as expected");
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
    const reply = await service.run(
      "const r = await mcp.test.protoReply(); return [({}).polluted === undefined, r.then]",
    );
    expect(reply.result).toEqual([true, 1]);
  });

  test("every other end that is listed belongs to a case", () => {
    const known = new Set(HOSTILE_CASES.map(({ name }) => name));
    const listed = [...OTHER_ENDS.keys(), ...HEAVY];
    expect(listed.filter((name) => !known.has(name))).toEqual([]);
  });
});

/** How a run ended, measured by what its case allows. */
function judge({ name, expect: wanted }: HostileCase, run: EndedRun): string {
  const { ends } = OTHER_ENDS.get(name) ?? {};
  if (run.status === "succeeded") {
    if (wanted.ok === false) return "succeeded, and should not have";
    return ends === "another value" || isWanted(wanted, run.result) ? "as expected" : "another value";
  }
  const code = run.error?.code ?? "INTERNAL";
  const kinds = wanted.ok === true ? [] : (wanted.errorKind ?? []);
  const allowed = kinds.flatMap((kind) => CODES[kind]);
  if (HEAVY.has(name)) allowed.push("SCRIPT_TIMEOUT", "SCRIPT_CPU_LIMIT");
  return code === ends || allowed.includes(code) ? "as expected" : `failed with ${code}`;
}

function isWanted({ value, valuePattern }: HostileCase["expect"], result: unknown): boolean {
  if (valuePattern !== undefined) return typeof result === "string" && new RegExp(valuePattern, "u").test(result);
  return value === undefined || isDeepStrictEqual(result, value);
}
