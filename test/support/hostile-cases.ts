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

/** The corpus of `test/fixtures/data/hostile-corpus.json`; `code` is the body of an async function. */
export const HOSTILE_CASES = JSON.parse(
  readFileSync(new URL("../fixtures/data/hostile-corpus.json", import.meta.url), "utf8"),
) as readonly HostileCase[];
