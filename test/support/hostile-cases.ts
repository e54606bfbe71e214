import { readFileSync } from "node:fs";

/** A script that attacks, and how it may end. */
export interface HostileCase {
  readonly name: string;
  readonly category: string;
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

/** Ways to fail, as the corpus names them. */
export type HostileKind =
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

/** Both corpora of `test/fixtures/data`; `code` is the body of an async function. */
export const HOSTILE_CASES: readonly HostileCase[] = ["hostile-corpus.json", "hostile-corpus-2.json"].flatMap(
  (file) =>
    JSON.parse(readFileSync(new URL(`../fixtures/data/${file}`, import.meta.url), "utf8")) as readonly HostileCase[],
);
