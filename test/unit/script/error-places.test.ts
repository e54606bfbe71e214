import { describe, expect, it } from "vitest";
import { failure, useExecutor } from "../../support/executor.ts";
import type { ScriptOutcome } from "../../support/executor.ts";
import { placeOf, unmarked } from "./marked-place.ts";
import { prepare } from "./run-script.ts";

const executor = useExecutor();
const options = {
  input: { city: "Oslo" },
  names: { box: ["echo", "fail"] },
  answer: (path: readonly string[], args: readonly unknown[]) =>
    path[1] === "fail"
      ? failure({ code: "TOOL_FAILED", message: "it broke", server: "box", tool: "fail" })
      : ({ ok: true, json: JSON.stringify(args[0] ?? null) } as const),
};

async function perform(text: string): Promise<ScriptOutcome> {
  return executor.run(await prepare(text), options);
}

/** A row: what is sent, `▶` where the error must be told. */
type Row = readonly [claim: string, text: string];

function table(code: string, rows: readonly Row[]): void {
  it.each(rows)("%s", async (_claim, text) => {
    const { error } = await perform(unmarked(text));
    expect(error).toMatchObject({ code, ...placeOf(text) });
  });
}

describe("an error that a script throws is told where it was made, in the caller's own text: in each form of script", () => {
  table("SCRIPT_ERROR", [
    ["statements", "const a = 1;\nthrow ▶new Error('x');"],
    ["the last expression", "const a = 1;\n  ▶missing()"],
    ["the last expression, within", "const a = 1;\n[1].map((x) => ▶x.a.b.c)".replace("▶x.a.b.c", "x.a.▶b.c")],
    ["an async arrow", "async () => {\n  const a = null;\n  return a.▶b\n}"],
    ["an arrow on one line", "async () => ▶missing()"],
    ["a parenthesised arrow", "(async () => {\n  throw ▶new Error('x')\n})"],
    ["an anonymous function", "function () {\n  throw ▶new Error('x')\n}"],
    ["a declared function", "async function main() {\n  await null;\n  throw ▶new Error('x');\n}"],
    ["a function in a constant", "const main = async () => {\n  await null;\n  throw ▶new TypeError('x')\n}"],
    ["an IIFE", "(async () => {\n  throw ▶new Error('x')\n})()"],
    ["main() at the end", "async function main() {\n  throw ▶new Error('x')\n}\nmain()"],
    ["a default export", "export default async function main() {\n  throw ▶new Error('x')\n}"],
    ["a default export without a name", "const a = 1;\nexport default async () => ▶missing()"],
    ["a default export's value", "export default ▶missing()"],
    ["CommonJS", "module.exports = async () => {\n  throw ▶new Error('x')\n}"],
    ["an object", "{\n  a: 1,\n  b: ▶missing(),\n}"],
    ["a class", "class A {\n  run() { throw ▶new Error('x') }\n}\nnew A().run()"],
    ["a getter of the result", "const o = {\n  get a() { throw ▶new Error('x') },\n};\nreturn o"],
    ["the toJSON of the result", "return { toJSON() {\n  throw ▶new Error('x')\n} }"],
  ]);
});

describe("an error is told in the caller's own text: wherever the script stands in it", () => {
  table("SCRIPT_ERROR", [
    ["a fence", "```js\nconst a = 1;\nthrow ▶new Error('x')\n```"],
    ["a fence after prose", "Here it is, it's short:\n\n```js\nthrow ▶new Error('x')\n```\n\nDone."],
    ["an indented fence", "1. Run\n   ```js\n   const a = null;\n   a.▶b\n   ```"],
    ["a fence on one line", "```js throw ▶new Error('x')```"],
    ["the second fence", "```sh\nnpm i x\n```\nThen\n```js\nthrow ▶new Error('x')\n```"],
    ["after reasoning", "<think>\nhm\n</think>\nconst a = 1;\nthrow ▶new Error('x')"],
    ["after a shebang line", "#!/usr/bin/env node\nthrow ▶new Error('x')"],
    ["after a byte order mark", "\uFEFFthrow ▶new Error('x')"],
    ["after CRLF", "const a = 1;\r\nconst b = 2;\r\nthrow ▶new Error('x');\r\n"],
    ["after U+2028, which no editor counts", "const a = '\u2028\u2029';\nthrow ▶new Error('x')"],
    ["after astral characters", "const a = '😀😀'; throw ▶new Error('x')"],
    ["after a template literal over lines", "const a = `\n\n`;\nthrow ▶new Error('x')"],
    ["after blanked exports", "export const a = 1;\nexport { a };\nthrow ▶new Error('x')"],
    ["after an erased import", "import type { A } from 'x';\nconst a: A = 1;\nthrow ▶new Error('x')"],
  ]);
});

describe("an error is told in the caller's own text: after TypeScript became JavaScript", () => {
  table("SCRIPT_ERROR", [
    ["types before it on its line", "const a: Array<{ b: number }> = [], c: string = ▶missing() as string;"],
    ["an interface before it", "interface A {\n  b: string;\n}\n\nconst a: A = ▶missing();"],
    ["a cast around it", "const a = ▶(missing() as any as { b: number });"],
    ["an enum before it", "enum A {\n  B,\n  C = 'c'.length,\n}\n\nthrow ▶new Error(String(A.B))"],
    ["an enum before it, with return", "enum A { B }\nif (A.B === 0) {\n  throw ▶new Error('x');\n}\nreturn 1"],
    ["an enum in a fence", "Text\n```ts\nenum A { B }\nconst a: number = 1;\nthrow ▶new Error('x')\n```"],
    ["in a namespace", "namespace N {\n  export function f(a: number) {\n    throw ▶new Error('x');\n  }\n}\nN.f(1)"],
    [
      "a parameter property",
      "class A {\n  constructor(private b: any) {}\n  c() { return this.b.▶d.e }\n}\nnew A({}).c()".replace(
        "▶d.e",
        "d.▶e",
      ),
    ],
    [
      "in a method with a decorator",
      "const d = (f: any, c: any) => f;\nclass A {\n  @d b(): void {\n    throw ▶new Error('x')\n  }\n}\nnew A().b()",
    ],
    ["a generic call", "function f<T>(a: T): T {\n  throw ▶new RangeError('x')\n}\nf<{ a: number }>({ a: 1 })"],
  ]);
});

describe("an error is told where it was made: however it came out", () => {
  table("SCRIPT_ERROR", [
    ["a callback", "const xs = [1, 2];\nxs.forEach((x) => {\n  if (x > 1) throw ▶new Error('x');\n})"],
    ["the comparison of a sort", "[2, 1].sort((a, b) => {\n  return a.▶b.c - b\n})".replace("a.▶b.c", "a.b.▶c")],
    ["a callback of JSON", "JSON.stringify({ a: { toJSON() { throw ▶new Error('x') } } })"],
    ["a builtin that throws", "const a = '{';\nJSON.▶parse(a)"],
    ["a constructor that throws", "const n = -1;\n▶new Array(n)"],
    ["a URL that is none", "const u = 'x';\nconst v = ▶new URL(u);"],
    ["after an await", "await mcp.box.echo(1);\nawait null;\nthrow ▶new Error('x')"],
    [
      "a function that is awaited",
      "async function f() {\n  await mcp.box.echo(1);\n  throw ▶new Error('x')\n}\nawait f()",
    ],
    [
      "Promise.all",
      "await Promise.all([1, 2].map(async (n) => {\n  await mcp.box.echo(n);\n  if (n === 2) throw ▶new Error('x');\n}))",
    ],
    ["then", "mcp.box.echo(1).then((a) => {\n  throw ▶new Error('x')\n})"],
    ["a timer that rejects", "await new Promise((_, reject) => {\n  setTimeout(() => reject(▶new Error('x')), 1);\n})"],
    ["a generator", "function* g() {\n  yield 1;\n  throw ▶new Error('x')\n}\n[...g()]"],
    ["for await", "async function* g() {\n  throw ▶new Error('x')\n}\nfor await (const a of g()) a"],
    ["thrown again", "try {\n  throw ▶new Error('x')\n} catch (e) {\n  throw e\n}"],
    [
      "thrown again after a while",
      "let kept;\ntry { null.▶a } catch (e) { kept = e }\nawait mcp.box.echo(1);\nthrow kept",
    ],
    [
      "with a cause, told where the outer one was made",
      "try {\n  null.a\n} catch (cause) {\n  throw ▶new Error('outer', { cause })\n}",
    ],
    [
      "several at once",
      "await Promise.any([\n  Promise.reject(new Error('a')),\n  Promise.reject(new Error('b')),\n])".replace(
        "await Promise",
        "throw ▶new AggregateError([new Error('a')], 'x');\nawait Promise",
      ),
    ],
    [
      "a class of the script's own",
      "class MyError extends Error {\n  constructor(m) { super(m); this.name = 'MyError' }\n}\nthrow ▶new MyError('x')",
    ],
    ["deep recursion", "function f(n) {\n  if (n === 0) throw ▶new Error('x');\n  f(n - 1)\n}\nf(500)"],
    ["text evaluated by the script", "const code = 'missing()';\n▶eval(code)"],
    ["a message of several lines", "throw ▶new Error('a\\nb\\n  c')"],
    ["a message that looks like a frame", "const a = 1;\nthrow ▶new Error('x\\n    at f (script.js:1:7)')"],
    ["a message longer than an error's text may be", "const a = 1;\nthrow ▶new Error('x'.repeat(100_000))"],
  ]);

  it("a recursion without end is told in the function that does it", async () => {
    const { error } = await perform("const a = 1;\nfunction f(n) {\n  return f(n + 1) + 1\n}\nf(0)");
    expect(error).toMatchObject({ code: "SCRIPT_ERROR", message: "RangeError: Maximum call stack size exceeded" });
    expect([2, 3]).toContain(error?.line);
  });
});

describe("a tool's failure that the script lets through is told where the script made the call", () => {
  table("TOOL_FAILED", [
    ["awaited", "const a = 1;\nawait ▶mcp.box.fail(1)".replace("▶mcp.box.fail", "mcp.box.▶fail")],
    ["not awaited, at the end", "const a = 1;\nmcp.box.▶fail(1)"],
    [
      "in a function",
      "async function load(id) {\n  const r = await mcp.box.▶fail({ id });\n  return r\n}\nawait load(1)",
    ],
    ["in Promise.all", "await Promise.all([\n  mcp.box.echo(1),\n  mcp.box.▶fail(2),\n])"],
    ["in a callback", "await Promise.all([1].map((n) =>\n  mcp.box.▶fail(n)))"],
    ["through a constant", "const { box } = mcp;\nawait box.▶fail(1)"],
    ["through a name of its own", "const call = mcp.box.fail;\n\nawait ▶call(1)"],
    ["in a fence", "Text\n```ts\nconst r: unknown = await mcp.box.▶fail(1);\n```"],
    ["after an enum", "enum A { B }\nawait mcp.box.▶fail(A.B)"],
    ["thrown again", "try {\n  await mcp.box.▶fail(1)\n} catch (e) {\n  throw e\n}"],
  ]);
});

describe("what is thrown and is no error has its text", () => {
  it.each([
    ["a string", "throw 'plain'", "plain"],
    ["a number", "throw 42", "42"],
    ["an object", "throw { code: 1 }", "{ code: 1 }"],
    ["nothing", "throw undefined", "undefined"],
    ["null", "throw null", "null"],
    ["a rejection", "await Promise.reject('no')", "no"],
  ])("%s", async (_claim, text, message) => {
    const { error } = await perform(text);
    expect(error).toEqual(expect.objectContaining({ code: "SCRIPT_ERROR", message }));
    expect(error).not.toHaveProperty("line");
  });
});

it("no error shows a frame of the runtime or the text that was made of the script", async () => {
  const texts = ["missing()", "new URL('x')", "await mcp.box.fail(1)", "structuredClone(() => 1)", "atob('~')"];
  for (const text of texts) {
    const { error } = await perform(`const a: number = 1;\n${text}`);
    expect(error).toMatchObject({ line: 2, snippet: text });
    expect(JSON.stringify(error)).not.toMatch(/runlet:|script\.js|<isolated-vm>|return \(/u);
  }
});
