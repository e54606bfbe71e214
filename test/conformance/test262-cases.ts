import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { isRecord } from "../../src/lib/guards.ts";

/** One test of test262, in the one of its modes that was drawn. */
export interface ConformanceCase {
  /** Path below `test/`. */
  readonly path: string;
  /** The text to evaluate, `"use strict"` put before it where the mode asks for it. */
  readonly source: string;
  /** Harness files, joined; empty for a raw test. */
  readonly harness: string;
  /** Whether it reports its end by `print`. */
  readonly isAsync: boolean;
  /** What must go wrong; `undefined` when nothing may. */
  readonly negative: { readonly phase: string; readonly type: string } | undefined;
  /** Whether it can be the body of a function and still mean the same, as far as its metadata tell. */
  readonly canBeBody: boolean;
}

/** What was drawn, and what could not be for a reason that is stated. */
export interface Draw {
  readonly cases: readonly ConformanceCase[];
  /** Tests that were read until enough were drawn. */
  readonly looked: number;
  /** Number of tests passed over, by reason. */
  readonly excluded: ReadonlyMap<string, number>;
}

const FOLDERS = ["language", "built-ins", "annexB"] as const;
/**
 * Features that no script has, because each lets one allocate outside of the heap's limit, share memory, block a thread,
 * or run when it was not entered; see `sandbox-runtime/harden.ts`. Tests that need one are not drawn.
 */
const REMOVED_FEATURES: readonly string[] = [
  "Atomics",
  "Atomics.pause",
  "Atomics.waitAsync",
  "FinalizationRegistry",
  "SharedArrayBuffer",
  "resizable-arraybuffer",
];

interface Metadata {
  readonly flags: readonly string[];
  readonly includes: readonly string[];
  readonly features: readonly string[];
  readonly negative: ConformanceCase["negative"];
}

/**
 * Draws tests of the language by a seeded shuffle. Modules are not drawn, as scripts have none.
 *
 * @param folder A copy of the repository tc39/test262.
 * @param seed 32-bit unsigned; equal seeds draw equal tests of equal copies.
 * @source test262/INTERPRETING.md
 */
export function drawCases(folder: string, seed: number, count: number): Draw {
  const random = createRandom(seed);
  const paths = FOLDERS.flatMap((name) => listTests(folder, name));
  const excluded = new Map<string, number>();
  const cases: ConformanceCase[] = [];
  let looked = 0;
  while (cases.length < count && paths.length > 0) {
    const at = Math.floor(random() * paths.length);
    const path = paths[at] ?? "";
    paths[at] = paths.at(-1) ?? "";
    paths.pop();
    looked++;
    const text = readFileSync(join(folder, "test", path), "utf8");
    const metadata = readMetadata(path, text);
    const reason = reasonAgainst(metadata);
    const isStrict = random() < 0.5;
    if (reason === undefined) cases.push(toCase(folder, path, text, metadata, isStrict));
    else excluded.set(reason, (excluded.get(reason) ?? 0) + 1);
  }
  return { cases, looked, excluded };
}

function listTests(folder: string, name: string): string[] {
  return readdirSync(join(folder, "test", name), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".js") && !file.includes("_FIXTURE"))
    .map((file) => `${name}/${file}`)
    .sort();
}

function readMetadata(path: string, text: string): Metadata {
  const [, front] = /\/\*---([\s\S]*?)---\*\//u.exec(text) ?? [];
  const data: unknown = front === undefined ? undefined : parse(front.replaceAll(/\r\n?/gu, "\n"));
  if (!isRecord(data)) throw new Error(`Cannot read the metadata of ${path} as YAML: there are none`);
  const list = (key: string): readonly string[] => {
    const value = data[key];
    return Array.isArray(value) ? value.map(String) : [];
  };
  const negative = data["negative"];
  return {
    flags: list("flags"),
    includes: list("includes"),
    features: list("features"),
    negative: isRecord(negative) ? { phase: String(negative["phase"]), type: String(negative["type"]) } : undefined,
  };
}

function reasonAgainst({ flags, features }: Metadata): string | undefined {
  if (flags.includes("module")) return "module";
  return features.find((feature) => REMOVED_FEATURES.includes(feature));
}

function toCase(folder: string, path: string, text: string, metadata: Metadata, drawnStrict: boolean): ConformanceCase {
  const { flags, includes, negative } = metadata;
  const isAsync = flags.includes("async");
  const isRaw = flags.includes("raw");
  const isStrict = flags.includes("onlyStrict") || (drawnStrict && !isRaw && !flags.includes("noStrict"));
  const files = isRaw ? [] : ["assert.js", "sta.js", ...(isAsync ? ["doneprintHandle.js"] : []), ...includes];
  return {
    path,
    source: isStrict ? `"use strict";\n${text}` : text,
    harness: files.map((file) => readHarness(folder, file)).join("\n;"),
    isAsync,
    negative,
    canBeBody: !isRaw && negative?.phase !== "parse",
  };
}

const harnessTexts = new Map<string, string>();

function readHarness(folder: string, file: string): string {
  let text = harnessTexts.get(file);
  if (text === undefined) harnessTexts.set(file, (text = readFileSync(join(folder, "harness", file), "utf8")));
  return text;
}

/** @source mulberry32, public domain: 32 bits of state are enough to draw tests. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
