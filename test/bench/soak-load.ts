import { isDeepStrictEqual } from "node:util";
import type { RunLimits } from "../../src/config/limits.ts";
import { HOSTILE_CASES } from "../support/hostile-cases.ts";
import type { JsonAnswer, JsonPoster } from "./post-run.ts";

/** How one posted run was answered. */
export interface SoakAnswer {
  readonly hostile: boolean;
  /** It was right, and its log says that it was run again because its process ended. */
  readonly rerun: boolean;
  /** `succeeded`, the code of the failure or refusal, or `LOST`: no answer at all. */
  readonly code: string;
  readonly ms: number;
  /** What was wrong, for people; `undefined` when all was as it should be. */
  readonly fault: string | undefined;
}

/** Cut so that each attack is short: none needs more to do its worst. */
const HOSTILE_LIMITS: Partial<RunLimits> = { wallMs: 1_000, cpuMs: 300 };
/** Far above what any of these runs may take: then nobody answers any more. */
const ANSWER_WITHIN_MS = 120_000;
const FAULT_UNITS = 400;
/** Part of what the service writes into the log of a run that it runs again. */
const RUN_AGAIN = "the script is run again";
/** A prime, so that cases of one kind, which lie together, do not come together. */
const STRIDE = 7_919;

interface Honest {
  readonly script: (number: number) => string;
  readonly result: (number: number) => unknown;
  readonly logs?: (number: number) => readonly string[];
  /** Code of the failure it is meant to end with. */
  readonly code?: string;
}

/** Each answer depends on the run's own number: no answer may be another's. */
const HONEST: readonly Honest[] = [
  { script: (number) => `return ${number} + 1`, result: (number) => number + 1 },
  {
    script: (number) => `return (await mcp.test.echo({ v: ${number} })).v + 1`,
    result: (number) => number + 1,
  },
  {
    script: (number) =>
      `const all = await Promise.all(Array.from({ length: 5 }, (_, i) => mcp.test.echo({ v: ${number} + i }))); return all.map(({ v }) => v)`,
    result: (number) => [0, 1, 2, 3, 4].map((i) => number + i),
  },
  {
    script: (number) => `console.log("run", ${number}); return { number: ${number}, text: "ä".repeat(100) }`,
    result: (number) => ({ number, text: "ä".repeat(100) }),
    logs: (number) => [`run ${number}`],
  },
  {
    script: (number) =>
      `const list = Array.from({ length: 2_000 }, (_, i) => (i * 7 + ${number}) % 2_000).sort((a, b) => a - b); return JSON.parse(JSON.stringify(list)).length + list[5]`,
    result: () => 2_005,
  },
  {
    script: (number) =>
      `const traces = [typeof globalThis.__leak, ({}).polluted === undefined]; globalThis.__leak = ${number}; return traces`,
    result: () => ["undefined", true],
  },
  { script: (number) => `throw new Error("on purpose ${number}")`, result: () => null, code: "SCRIPT_ERROR" },
];

/** Posts the run of this number for an honest client, and checks all of its answer. */
export async function postHonest(poster: JsonPoster, number: number): Promise<SoakAnswer> {
  const honest = HONEST[number % HONEST.length];
  if (honest === undefined) throw new Error("there is no such script");
  const startedAt = performance.now();
  const answer = await inTime(poster.post("/run", { script: honest.script(number) }));
  const ms = performance.now() - startedAt;
  if (answer instanceof Error) return lost(false, ms, `run ${number}`, answer);
  const code = codeOf(answer);
  const { result, logs } = answer.body as { readonly result?: unknown; readonly logs?: readonly { text: string }[] };
  const lines = logs?.map(({ text }) => text) ?? [];
  const rerun = lines[0]?.includes(RUN_AGAIN) === true;
  const isRight =
    code === (honest.code ?? "succeeded") &&
    isDeepStrictEqual(result, honest.result(number)) &&
    isDeepStrictEqual(rerun ? lines.slice(1) : lines, honest.logs?.(number) ?? []);
  return {
    hostile: false,
    rerun: rerun && isRight,
    code,
    ms,
    fault: isRight ? undefined : `run ${number}: ${shown(answer.body)}`,
  };
}

/** Posts the attack of this number; every case of the corpora comes before one comes again. Any answer is right that blames no defect. */
export async function postHostile(poster: JsonPoster, number: number): Promise<SoakAnswer> {
  const hostile = HOSTILE_CASES[(number * STRIDE) % HOSTILE_CASES.length];
  if (hostile === undefined) throw new Error("there is no hostile script");
  const startedAt = performance.now();
  // Nothing is found before the script runs: every attack reaches the sandbox.
  const body = { script: hostile.code, check: "none", limits: HOSTILE_LIMITS };
  const answer = await inTime(poster.post("/run", body));
  const ms = performance.now() - startedAt;
  if (answer instanceof Error) return lost(true, ms, hostile.name, answer);
  const code = codeOf(answer);
  const isDefect = code === "INTERNAL" || code === "NOT_ENDED";
  return {
    hostile: true,
    rerun: false,
    code,
    ms,
    fault: isDefect ? `${hostile.name}: ${shown(answer.body)}` : undefined,
  };
}

function lost(hostile: boolean, ms: number, name: string, { message }: Error): SoakAnswer {
  return { hostile, rerun: false, code: "LOST", ms, fault: `${name}: ${message} after ${Math.round(ms)} ms` };
}

async function inTime(answer: Promise<JsonAnswer>): Promise<JsonAnswer | Error> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Error>((resolve) => {
    timer = setTimeout(() => resolve(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)), ANSWER_WITHIN_MS);
  });
  const failed = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
  const first = await Promise.race([answer.catch(failed), late]);
  clearTimeout(timer);
  return first;
}

function codeOf({ body }: JsonAnswer): string {
  const { status, code, error } = body as {
    readonly status?: unknown;
    readonly code?: unknown;
    readonly error?: { readonly code?: unknown } | null;
  };
  if (status === "succeeded") return status;
  const told = error?.code ?? code;
  return typeof told === "string" ? told : "NOT_ENDED";
}

function shown(body: unknown): string {
  return JSON.stringify(body).slice(0, FAULT_UNITS);
}
