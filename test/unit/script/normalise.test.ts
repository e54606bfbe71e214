import { describe, expect, it } from "vitest";
import { evaluate, prepare, refuse } from "./run-script.ts";

/** A row: what is sent, what it evaluates to. */
type Row = readonly [claim: string, text: string, value: unknown];

function table(rows: readonly Row[]): void {
  it.each(rows)("%s", async (_claim, text, value) => {
    expect(await evaluate(text)).toEqual(value);
  });
}

describe("N1: a text without statements succeeds without a value", () => {
  table([
    ["empty", "", undefined],
    ["blank", " \n\t\r\n ", undefined],
    ["a line comment", "// nothing", undefined],
    ["comments only", "/* a */\n// b\n", undefined],
    ["semicolons", ";;;", undefined],
    ["a byte order mark", "\uFEFF", undefined],
    ["an empty fence", "```js\n```", undefined],
    ["use strict alone", '"use strict";', undefined],
  ]);
});

describe("N2: a text that is one fence is the fence's body", () => {
  table([
    ["js", "```js\nreturn 1\n```", 1],
    ["no label", "```\n2\n```", 2],
    ["upper case", "```JavaScript\n3\n```", 3],
    ["any label", "```python3\n4\n```", 4],
    ["json", '```json\n{"a": 1}\n```', { a: 1 }],
    ["trailing spaces", "```js   \n5\n```   \n\n", 5],
    ["blank lines before", "\n\n  ```js\n6\n  ```", 6],
    ["no close", "```js\nconst a = 7;\na", 7],
    ["an opening line alone", "```js", undefined],
    ["CRLF", "```js\r\nconst a = 8\r\na\r\n```\r\n", 8],
    ["four backticks", "````js\n9\n````", 9],
    ["tildes", "~~~js\n10\n~~~", 10],
    ["attributes", '```js title="a.js"\n11\n```', 11],
    ["a byte order mark before it", "\uFEFF```js\n12\n```", 12],
    ["a longer fence around a shorter one", "````\nconst a = `x`;\na\n````", "x"],
    ["a template literal inside", "```js\nconst a = `${1 + 1}`\na\n```", "2"],
    ["a fence in a template literal inside", "```js\nconst a = `\n\\`\\`\\`sh\nls\n\\`\\`\\`\n`;\na.length\n```", 14],
    ["TypeScript", "```ts\nconst a: number = 13;\na\n```", 13],
  ]);
});

describe("N3: of prose with fences, the first fence that parses runs", () => {
  table([
    ["one fence", "Here is the script:\n\n```js\nreturn 1\n```\n\nIt returns one.", 1],
    ["prose that would parse as a label", "Sure:\n```js\nreturn 2\n```", 2],
    ["prose that would parse as a tag", "Code\n```\n3\n```", 3],
    ["prose that would parse with tildes", "Sure:\n~~~\n4\n~~~\nDone", 4],
    ["the second, when the first does not parse", "Install:\n```\nnpm install x\n```\nRun:\n```\n5\n```", 5],
    ["the first of two", "A:\n```js\n6\n```\nB:\n```js\n7\n```", 6],
    ["a script before data that stands first", 'Given\n```json\n{"a": 1}\n```\nrun\n```js\n8\n```', 8],
    ["data, when nothing else is there", 'Given\n```json\n{"a": 1}\n```', { a: 1 }],
    ["two fences with prose between, the first at the start", "```js\n9\n```\nor\n```js\n10\n```", 9],
    ["two fences without labels", "```\n11\n```\nor\n```\n12\n```", 11],
    ["inline code in the prose", "Call `f()` and `g()`:\n```js\n13\n```", 13],
    ["a fence in a list", "1. First\n   ```js\n   14\n   ```", 14],
    ["a TypeScript fence", "Here:\n```typescript\nlet a: number = 15\nreturn a\n```", 15],
    [
      "a TypeScript fence before a JavaScript one",
      "A\n```ts\nconst a: string = 'ts';\na\n```\nB\n```js\n'js'\n```",
      "ts",
    ],
    ["a fence that is not closed", "Here you go:\n```js\n16", 16],
    ["an apostrophe in the prose", "Let's go, it's easy:\n```js\n17\n```\nThat's it", 17],
    ["an empty fence before it", "A:\n```js\n```\nB:\n```js\n18\n```", 18],
  ]);
});

describe("N4: a fence inside of a script is part of the script", () => {
  table([
    ["escaped", "const doc = `\n\\`\\`\\`js\nfoo()\n\\`\\`\\`\n`;\ndoc.includes('foo()')", true],
    ["in a template, with tildes", "const doc = `\n~~~js\nfoo()\n~~~\n`;\ndoc.trim().split('\\n')[0]", "~~~js"],
    ["in a comment", "/*\n```js\nreturn 'wrong'\n```\n*/\n'right'", "right"],
    ["in TypeScript's comment", "/*\n```js\nreturn 'wrong'\n```\n*/\nconst a: string = 'right'; a", "right"],
    ["in a string", "const doc = '```js\\n1\\n```'; doc.length", 11],
  ]);

  it.each([
    ["ends a template literal by accident", "const doc = `\n```js\nreturn 'wrong'\n```\n`;\ndoc"],
    ["stands in a script that does not parse", "const doc = `\n~~~js\nreturn 'wrong'\n~~~\n`;\nconst x = ;"],
  ])("what a template literal quotes never runs when it %s", async (_claim, text) => {
    expect(await refuse(text)).toMatchObject({ code: "SCRIPT_SYNTAX" });
  });
});

describe("N5: one function expression is called", () => {
  table([
    ["async arrow", "async () => { return 1 }", 1],
    ["arrow", "() => { return 2 }", 2],
    ["concise", "() => 3", 3],
    ["concise object", "() => ({ a: 4 })", { a: 4 }],
    ["parenthesised", "(async () => 5)", 5],
    ["twice parenthesised, with semicolon", "((() => 6));", 6],
    ["anonymous function", "function () { return 7 }", 7],
    ["anonymous async function", "async function () { return 8 }", 8],
    ["anonymous function with a semicolon", "function () { return 8.5 };", 8.5],
    ["named, parenthesised", "(function main() { return 9 })", 9],
    ["comments around", "// the script\nasync () => {\n  return 10; // ten\n}\n// end", 10],
    ["as a cast", "(async () => 11) as any", 11],
    ["with satisfies", "(() => 12) satisfies () => number", 12],
    ["with types", "async (): Promise<number> => 13", 13],
    ["use strict before it", '"use strict";\n() => 14', 14],
    ["after declarations", "const a = 15;\nasync () => a", 15],
    ["mcp as a parameter", "async (mcp) => await mcp.echo(16)", 16],
    ["input as a parameter", "(input) => input.city", "Oslo"],
    ["mcp and input", "async (mcp, input) => mcp.echo(input.city)", "Oslo"],
    ["the context as an object", "async ({ mcp, input }) => mcp.echo(input.city)", "Oslo"],
    ["input's members", "({ city }) => city", "Oslo"],
    ["any other parameter is the input", "(args) => args.city", "Oslo"],
    ["a default value", "({ city } = {}) => city", "Oslo"],
    ["rest parameters get nothing", "(...all) => all.length", 0],
    ["a second unknown parameter gets nothing", "(input, other) => typeof other", "undefined"],
  ]);
});

describe("N6: the default export is the value, called when it is a function", () => {
  table([
    ["expression", "export default 1 + 1", 2],
    ["object", "export default { a: 1 };", { a: 1 }],
    ["arrow", "export default async () => 3", 3],
    ["anonymous function", "export default function () { return 4 }", 4],
    ["anonymous async function", "export default async function () { return 5 }", 5],
    ["named function", "export default async function main() { return 6 }", 6],
    ["named function before what it uses", "export default function main() { return a }\nconst a = 7", 7],
    ["arrow before what it uses", "export default () => a\nconst a = 8", 8],
    ["a name", "async function main() { return 9 }\nexport default main;", 9],
    ["a constant's name", "const a = 10;\nexport default a;", 10],
    ["an arrow's name", "const main = async () => 11\nexport default main", 11],
    ["a list of names", "async function main() { return 12 }\nexport { main as default };", 12],
    ["awaited", "export default await mcp.echo(13)", 13],
    ["a value that is a function", "const make = () => () => 14;\nexport default make()", 14],
    ["on two lines, with comments", "export /* default */\n  default // x\n  15", 15],
    ["with context", "export default async function ({ mcp, input }) { return mcp.echo(input.city) }", "Oslo"],
    ["a function without semicolon before parentheses", "export default function () { return 16 }\n(1)", 16],
    [
      "called by the script already",
      "let n = 0;\nasync function main() { return ++n }\nexport default main;\nawait main()",
      1,
    ],
    ["a name that we would have chosen", "const $v0 = 1, $v1 = 2;\nexport default $v0 + $v1", 3],
    ["TypeScript", "export default async function main(): Promise<number> { return 17 }", 17],
    ["named export of a function", "export async function main() { return 18 }", 18],
    ["named exports beside a value", "export const a = 19;\na", 19],
    ["a list of exports between statements", "const a = [20]\nexport { a }\n;[a[0]][0]", 20],
  ]);

  it("a class that is exported is not called", async () => {
    const { code } = await prepare("export default class A {}");
    expect(code).toBe("               class A {};return A");
  });
});

describe("N7: a function that is only declared is called", () => {
  table([
    ["main", "async function main() { return 1 }", 1],
    ["any name", "function fetchEverything() { return 2 }", 2],
    ["comments around", "/* a */ function run() { return 3 } // b", 3],
    ["use strict before it", '"use strict"\nfunction run() { return 4 }', 4],
    ["recursive", "function f(n) { return n === undefined || typeof n === 'object' ? f(3) : n > 0 ? f(n - 1) : 5 }", 5],
    ["with input", "async function run(input) { return input.city }", "Oslo"],
    ["with its helper", "function help() { return 6 }\nasync function main() { return help() }", 6],
    ["main among others nobody uses", "function a() {}\nfunction b() {}\nfunction main() { return 7 }", 7],
    ["with constants", "const BASE = [1, 2];\nfunction main() { return BASE.length }", 2],
    ["with types", "interface A { b: number }\nasync function main(): Promise<A> { return { b: 8 } }", { b: 8 }],
  ]);
});

describe("N8: a function in a constant that nothing uses is called", () => {
  table([
    ["async arrow", "const main = async () => { return 1 }", 1],
    ["arrow with semicolon", "const main = () => 2;", 2],
    ["function", "const main = async function () { return 3 };", 3],
    ["let", "let run = async () => 4", 4],
    ["typed", "const main: () => Promise<number> = async () => 5;", 5],
    ["with its helper", "const help = (a) => a * 2;\nconst main = async () => help(3);", 6],
    ["with a class", "class A { b() { return 7 } }\nconst main = () => new A().b()", 7],
  ]);
});

describe("N9: the last expression is the value", () => {
  table([
    ["number", "1", 1],
    ["sum", "const a = 1\nconst b = 1\na + b", 2],
    ["with semicolons and comments", "3 ; ; // three", 3],
    ["semicolon on the next line", "4 // four\n;", 4],
    ["parenthesised", "(5)", 5],
    ["sequence", "1, 2, 6", 6],
    ["awaited call", "await mcp.echo(7)", 7],
    ["call that is not awaited", "mcp.echo(8)", 8],
    ["IIFE", "(async () => { return 9 })()", 9],
    ["IIFE with a leading semicolon", ";(async () => 10)();", 10],
    ["main()", "async function main() { return 11 }\nmain()", 11],
    ["main() with catch", "async function main() { return 12 }\nmain().catch(console.error)", 12],
    ["main() before its declaration", "main();\nasync function main() { return 13 }", 13],
    ["assignment", "let a; a = 14", 14],
    ["template", "`${15}`", "15"],
    ["string", "'sixteen'", "sixteen"],
    ["array", "[17]", [17]],
    ["array at the start of a line", "const a = 1\n;[a + 17]", [18]],
    ["after a block without semicolons", "if (true) { var a = 19 }\na", 19],
    ["conditional", "const a = true\na ? 20 : 0", 20],
    ["tagged template", "String.raw`21`", "21"],
    ["void", "void 0", undefined],
    ["regular expression's test", "/;$/.test(';')", true],
    ["no semicolon before a line break", "const a = 22\nreturn a", 22],
  ]);
});

describe("N10: an object literal is the object", () => {
  table([
    ["one member", "{a: 42}", { a: 42 }],
    ["several", "{a: 1, b: [2]}", { a: 1, b: [2] }],
    ["JSON", '{"a": {"b": null}}', { a: { b: null } }],
    ["empty", "{}", {}],
    ["with semicolon", "{a: 1};", { a: 1 }],
    ["with comments", "// the answer\n{ a: 42 } // yes", { a: 42 }],
    ["awaiting", "{ a: await mcp.echo(5) }", { a: 5 }],
    ["with methods called", "{ a: [1, 2].map((x) => x * 2), }", { a: [2, 4] }],
    ["with spread", "{...{a: 1}}", { a: 1 }],
    ["shorthand", "{ input }", { input: { city: "Oslo" } }],
    ["a block is a block", "{ const a = 1; return a }", 1],
    ["a block with a call is a block", "{ mcp.echo(1); return 2 }", 2],
    ["two blocks are blocks", "{ a: 1 }\n{ b: 2 }", undefined],
    ["its member", "{a: 42}.a", 42],
  ]);
});

describe("N11: a script that ends with no expression has no value", () => {
  table([
    ["declaration", "const a = 1", undefined],
    ["declaration with a call", "const a = await mcp.echo(1)", undefined],
    ["loop", "for (const a of [1, 2]) { a }", undefined],
    ["if", "if (true) { 1 }", undefined],
    ["try", "try { 1 } catch { 2 }", undefined],
    ["class", "class A {}", undefined],
    ["a helper beside work", "const a = await mcp.echo(1);\nconst double = () => a * 2;", undefined],
    ["several functions nobody calls", "function a() { return 1 }\nfunction b() { return 2 }", undefined],
    ["a helper that needs arguments", "const list = [1];\nconst pick = (at) => list[at];", undefined],
    ["a generator", "function* all() { yield 1 }", undefined],
  ]);

  it("a helper that is declared beside a tool call is not called", async () => {
    const { code } = await prepare("const list = mcp.files.list();\nconst main = () => list;");
    expect(code).not.toContain("return");
  });
});

describe("N12: what JavaScript allows stays as written", () => {
  table([
    ["top-level await", "const a = await mcp.echo(1); return a", 1],
    ["top-level return in a branch", "if (input.city) return 2\nreturn 3", 2],
    ["sloppy mode", "undeclared = 4; return undeclared", 4],
    ["use strict", '"use strict"; return (function () { return this === undefined })()', true],
    [
      "use strict is kept as a directive",
      '"use strict";\nlet caught = "no"; try { undeclared2 = 1 } catch { caught = "yes" }\ncaught',
      "yes",
    ],
    ["backticks and substitutions", "const a = 1; `${`${a}`}`", "1"],
    ["a byte order mark", "\uFEFFreturn 5", 5],
    ["smart quotes in strings", "'\u201Csmart\u201D'", "\u201Csmart\u201D"],
    ["U+2028 in a string", "'a\u2028b'.length", 3],
    ["a trailing line comment", "return 6 // six", 6],
    ["a shebang line", "#!/usr/bin/env node\n7", 7],
    ["an HTML-like comment", "<!-- old\n8", 8],
    ["for await", "let n = 0; for await (const a of [Promise.resolve(9)]) n = a; n", 9],
    ["a label", "outer: for (;;) { break outer }\n10", 10],
    ["await as a name in a function", "function f() { var await = 11; return await }\nf()", 11],
    ["astral characters", "'𝒳'.length", 2],
    ["private members", "class A { #a = 12; get() { return this.#a } }\nnew A().get()", 12],
    ["regular expressions with braces", "/}\\);/.source", "}\\);"],
    ["require declared by the script", "const require = (a) => a; require(13)", 13],
    ["a property named require or import", "const a = { require: () => 14, import: 1 }; a.require()", 14],
  ]);

  it("edits never hold a line break and never remove one", async () => {
    const text = "\n\n// a\nasync () => {\n\n  return 1\n}\n\n";
    const { code } = await prepare(text);
    expect(code.split("\n").length).toBe(text.split("\n").length);
  });
});
