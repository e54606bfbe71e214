import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { ErrorCode } from "../../src/lib/errors.ts";
import type { EndedRun } from "./service-client.ts";

/** A script that attacks, and how it may end. */
export interface HostileCase {
  readonly name: string;
  readonly category: string;
  /** Body of an async function. */
  readonly code: string;
  /** `ok: "any"`: it may succeed, with `value` where there is one, or fail in one of the ways. */
  readonly expect: {
    readonly ok: boolean | "any";
    readonly value?: unknown;
    readonly valuePattern?: string;
    readonly errorKind?: readonly HostileKind[];
    readonly note?: string;
  };
}

/** Codes of a failed run by the way to fail, as the corpora name them. */
const CODES = {
  timeout: ["SCRIPT_TIMEOUT"],
  cpu: ["SCRIPT_CPU_LIMIT"],
  memory: ["SCRIPT_MEMORY_LIMIT"],
  script: ["SCRIPT_ERROR"],
  syntax: ["SCRIPT_SYNTAX", "SCRIPT_TOO_LARGE"],
  result: ["RESULT_TOO_LARGE", "RESULT_INVALID"],
  quota: ["TOOL_CALL_LIMIT", "CALL_CONCURRENCY_LIMIT", "ARGUMENTS_TOO_LARGE", "TIMER_LIMIT", "EMIT_LIMIT"],
  tool: ["TOOL_FAILED", "TOOL_NOT_FOUND", "TOOL_ARGUMENTS_INVALID", "TOOL_RESULT_TOO_LARGE", "UPSTREAM_PROTOCOL"],
  deadlock: ["SCRIPT_DEADLOCK"],
  output: ["LOG_LIMIT", "RESULT_TOO_LARGE"],
  crash: ["EXECUTOR_LOST"],
} as const satisfies Record<string, readonly ErrorCode[]>;

/** Ways to fail, as the corpora name them. */
export type HostileKind = keyof typeof CODES;

/** A right end that the corpus does not list. */
interface OtherEnd {
  readonly ends: ErrorCode | "another value";
  readonly because: string;
}

/** Cases that end otherwise than their corpus says, and rightly so. */
export const OTHER_ENDS: ReadonlyMap<string, OtherEnd> = new Map<string, OtherEnd>([
  [
    "require",
    {
      ends: "SCRIPT_SYNTAX",
      because: "require is found before the script starts: the message names the globals there are",
    },
  ],
  [
    "json-parse-nested",
    {
      ends: "SCRIPT_CPU_LIMIT",
      because: "its heap is full after 2.3 s of computing, measured; 2 s is what it has",
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

/** The corpora of `test/fixtures/data`. */
export const HOSTILE_CASES: readonly (HostileCase & { readonly corpus: number })[] = [
  "hostile-corpus.json",
  "hostile-corpus-2.json",
  "hostile-corpus-3.json",
].flatMap((file, at) =>
  readHostileCases(new URL(`../fixtures/data/${file}`, import.meta.url)).map((hostile) => ({
    ...hostile,
    corpus: at + 1,
  })),
);

/** Reads a corpus. @throws Error when there is none. */
export function readHostileCases(file: URL | string): readonly HostileCase[] {
  return JSON.parse(readFileSync(file, "utf8")) as readonly HostileCase[];
}

/** How a run ended, measured by what its case allows: `as expected`, or what is wrong with it. */
export function judge({ name, expect: wanted }: HostileCase, run: EndedRun): string {
  const { ends } = OTHER_ENDS.get(name) ?? {};
  if (run.status === "succeeded") {
    if (wanted.ok === false) return "succeeded, and should not have";
    return ends === "another value" || isWanted(wanted, run.result) ? "as expected" : "another value";
  }
  const code = run.error?.code ?? "INTERNAL";
  const kinds = wanted.ok === true ? [] : (wanted.errorKind ?? []);
  const allowed: readonly ErrorCode[] = kinds.flatMap((kind) => CODES[kind]);
  return code === ends || allowed.includes(code) ? "as expected" : `failed with ${code}`;
}

function isWanted({ value, valuePattern }: HostileCase["expect"], result: unknown): boolean {
  if (valuePattern !== undefined) return typeof result === "string" && new RegExp(valuePattern, "u").test(result);
  return value === undefined || isDeepStrictEqual(result, value);
}
