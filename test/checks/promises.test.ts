import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "acorn";
import type { AnyNode, CallExpression, Literal, Node, TemplateLiteral } from "acorn";
import { full } from "acorn-walk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIMIT_NAMES } from "../../src/config/limits.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { isRecord } from "../../src/lib/guards.ts";
import { createTranspiler } from "../../src/script/transpile.ts";
import { PROMISES } from "../promises.ts";
import { LATER } from "../promises/later.ts";
import type { Citation } from "../promises/promise.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** What a runner replaces in the title of a table. */
const PLACEHOLDER = /%[sdifjoO]|\$\w/u;

/** What a file of tests holds that can be cited. */
interface TestFile {
  /** Titles of its tests; whether a test is a table. Tests that are skipped are not there. */
  readonly titles: ReadonlyMap<string, boolean>;
  /** Every text that is written in it, and every name of a member. */
  readonly texts: ReadonlySet<string>;
}

const transpiler = createTranspiler({ clock: systemClock, timeoutMs: 60_000 });
const files = new Map<string, TestFile>();
const citations = PROMISES.flatMap(({ id, tests }) => tests.map((citation) => ({ id, ...citation })));

beforeAll(async () => {
  const cited = new Set(citations.flatMap(({ file, data }) => (data === undefined ? [file] : [file, data])));
  for (const file of cited) if (existsSync(join(ROOT, file))) files.set(file, await read(file));
});

afterAll(() => transpiler.close());

async function read(file: string): Promise<TestFile> {
  const text = readFileSync(join(ROOT, file), "utf8");
  if (file.endsWith(".json")) return { titles: new Map(), texts: new Set(textsOf(JSON.parse(text))) };
  const reply = await transpiler.strip(text);
  if (reply.status !== "ok") throw new Error(`the types of ${file} cannot be erased: ${reply.status}`);
  return readProgram(reply.code);
}

function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return isRecord(value) || Array.isArray(value) ? Object.values(value).flatMap(textsOf) : [];
}

function readProgram(code: string): TestFile {
  const titles = new Map<string, boolean>();
  const texts = new Set<string>();
  full(parse(code, { ecmaVersion: "latest", sourceType: "module" }), (node) => {
    const text = textOf(node, code);
    if (text !== undefined) texts.add(text);
    if (node.type === "Property" && node.key.type === "Identifier") texts.add(node.key.name);
    if (node.type !== "CallExpression") return;
    const title = textOf(node.arguments[0], code);
    const words = calleeOf(node);
    if (title === undefined || !["it", "test"].includes(words[0] ?? "")) return;
    if (!words.includes("skip") && !words.includes("todo"))
      titles.set(title, words.includes("each") || words.includes("for"));
  });
  return { titles, texts };
}

/** The words of what is called: `it.each(rows)("%s", …)` calls `it`, `each`. */
function calleeOf(call: CallExpression): readonly string[] {
  const words: string[] = [];
  let node: Node | undefined = call.callee;
  while (node !== undefined) {
    const inner = node as AnyNode;
    if (inner.type === "MemberExpression" && inner.property.type === "Identifier") words.unshift(inner.property.name);
    if (inner.type === "Identifier") words.unshift(inner.name);
    node =
      inner.type === "MemberExpression" ? inner.object : inner.type === "CallExpression" ? inner.callee : undefined;
  }
  return words;
}

/** A text as it is written: of a template with its substitutions. */
function textOf(node: Node | undefined, code: string): string | undefined {
  const known = node as Literal | TemplateLiteral | undefined;
  if (known?.type === "Literal") return typeof known.value === "string" ? known.value : undefined;
  if (known?.type !== "TemplateLiteral") return undefined;
  const [only, ...others] = known.quasis;
  return others.length === 0 ? (only?.value.cooked ?? undefined) : code.slice(known.start + 1, known.end - 1);
}

/** What is wrong with a citation. */
function faultOf({ file, name, rows, data }: Citation): string | undefined {
  const cited = files.get(file);
  const isTable = cited?.titles.get(name);
  if (cited === undefined) return `${file} is not there`;
  if (isTable === undefined) return `${file} has no test "${name}"`;
  if (rows === undefined) return isTable && PLACEHOLDER.test(name) ? `${file} "${name}": which rows?` : undefined;
  const written = (data === undefined ? cited : files.get(data))?.texts;
  if (written === undefined) return `${data} is not there`;
  const missing = rows.filter((row) => !written.has(row));
  return rows.length > 0 && missing.length === 0 ? undefined : `${data ?? file} has no row ${JSON.stringify(missing)}`;
}

describe("every promise", () => {
  test("has an id of its own and one line of words", () => {
    const all = [...PROMISES, ...LATER];
    const ids = all.map(({ id }) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
    expect(all.filter(({ id }) => !/^[a-z]+:[\w-]+(?::[\w-]+)*$/iu.test(id))).toEqual([]);
    expect(all.filter(({ promise }) => !/^[A-Z0-9`].*\.$/u.test(promise))).toEqual([]);
  });

  test("cites at least one test, none of them twice", () => {
    expect(PROMISES.filter(({ tests }) => tests.length === 0)).toEqual([]);
    const twice = PROMISES.filter(
      ({ tests }) => new Set(tests.map(({ file, name, data }) => `${file}|${name}|${data}`)).size < tests.length,
    );
    expect(twice.map(({ id }) => id)).toEqual([]);
  });

  test("cites tests that are there and are not skipped", () => {
    const faults = citations.flatMap((citation) => {
      const fault = faultOf(citation);
      return fault === undefined ? [] : [`${citation.id}: ${fault}`];
    });
    expect(faults).toEqual([]);
  });

  test("that is for later says why", () => {
    expect(LATER.filter(({ reason }) => reason.trim() === "")).toEqual([]);
  });
});

test("every limit of a run is promised", () => {
  const ids = new Set(PROMISES.map(({ id }) => id));
  expect(LIMIT_NAMES.filter((name) => !ids.has(`limits:${name}`))).toEqual([]);
});
