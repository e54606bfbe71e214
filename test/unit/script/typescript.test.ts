import { afterAll, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { prepareScript } from "../../../src/script/prepare.ts";
import { createTranspiler } from "../../../src/script/transpile.ts";
import type { Transpiler } from "../../../src/script/transpile.ts";
import { descendants } from "../../support/processes.ts";
import { evaluate, MAX_BYTES, prepare } from "./run-script.ts";

describe("N15: TypeScript runs", () => {
  it.each<readonly [string, string, unknown]>([
    ["annotations", "const a: number = 1;\nfunction f(b: string, c?: boolean): void {}\na", 1],
    ["generics", "function id<T extends object = {}>(a: T): T { return a }\nid<{ b: number }>({ b: 2 })", { b: 2 }],
    ["generic arrows", "const id = <T,>(a: T): T => a;\nid(3)", 3],
    ["as", "(4 as unknown as string)", 4],
    ["as const", "[5] as const", [5]],
    ["satisfies", "({ a: 6 }) satisfies Record<string, number>", { a: 6 }],
    ["non-null", "const a: { b?: number } = { b: 7 };\na!.b!", 7],
    ["interfaces", "interface A { b: number }\nconst a: A = { b: 8 };\na", { b: 8 }],
    ["type aliases", "type A = { [K in 'a' | 'b']: K };\n9", 9],
    ["a type alias before parentheses", "type A = string\n(10 as any)", 10],
    [
      "declarations of what is there",
      "declare const mcp: { echo(a: unknown): Promise<unknown> };\nawait mcp.echo(11)",
      11,
    ],
    [
      "overloads",
      "function f(a: string): string;\nfunction f(a: number): number;\nfunction f(a: any) { return a }\nf(12)",
      12,
    ],
    [
      "abstract classes",
      "abstract class A { abstract b(): number; c = 13 }\nclass D extends A { b() { return this.c } }\nnew D().b()",
      13,
    ],
    [
      "class modifiers",
      "class A { private readonly a: number = 14; public get b(): number { return this.a } }\nnew A().b",
      14,
    ],
    ["index signatures and optional calls", "const a: { [k: string]: () => number } = { b: () => 15 };\na.b?.()", 15],
    ["assertion functions", "function ok(a: unknown): asserts a is string {}\nok('x');\n16", 16],
    ["this parameters", "function f(this: { a: number }) { return this.a }\nf.call({ a: 17 })", 17],
    [
      "optional tuple types over many lines",
      "type A = [\n  a: string,\n  b?: number,\n];\nconst a: A = ['18'];\na",
      ["18"],
    ],
    ["angle-bracket casts", "const a = <any>19;\na", 19],
    ["enums", "enum A { B, C = 20 }\nA.C", 20],
    ["enums with names back", "enum A { B }\nA[0]", "B"],
    ["const enums", "const enum A { B = 'x' }\nA.B", "x"],
    ["enums with top-level await and return", "enum A { B = 21 }\nconst c = await mcp.echo(A.B);\nreturn c", 21],
    ["enums in functions", "async function main() { enum A { B = 22 }\nreturn A.B }", 22],
    ["enums in a default export", "export default async () => { enum A { B = 23 }\nreturn A.B }", 23],
    ["namespaces", "namespace A { export const b = 24 }\nA.b", 24],
    ["namespaces with return", "namespace A { export const b = 25 }\nreturn A.b", 25],
    ["parameter properties", "class A { constructor(readonly b: number, private c = 1) {} }\nnew A(25).b + 1", 26],
    ["decorators", "const d = (value: Function, context: unknown) => {};\n@d class A { b = 27 }\nnew A().b", 27],
    ["using", "using a: Disposable | null = null;\n28", 28],
    ["an object literal with a cast", "{ a: 29 as number }", { a: 29 }],
    ["an anonymous function", "async function (): Promise<number> { return 30 }", 30],
    ["non-ASCII names and types", "type Größe = '𝒳';\nconst größe: Größe = '𝒳'; größe", "𝒳"],
    ["type-only programs", "interface A { b: string }\ntype C = A;\ndeclare function d(): void;", undefined],
    [
      "an arrow's type on lines of its own",
      "const f = (\n  a: number,\n): Promise<\n  number\n> => Promise.resolve(a);\nf(31)",
      31,
    ],
  ])("%s", async (_claim, text, value) => {
    expect(await evaluate(text)).toEqual(value);
  });

  it("what is erased keeps every other character where it was", async () => {
    const text = "const a: number = 1 as number; // é 𝒳\nlet b = <T,>(c: T) => c!;\nreturn a;";
    const { code } = await prepare(text);
    expect(code).toBe("const a         = 1          ; // é 𝒳\nlet b =     (c   ) => c ;\nreturn a;");
  });
});

describe("plain JavaScript does not pay for TypeScript", () => {
  it.each([
    "",
    "1 + 1",
    "async () => 2",
    "{a: 3}",
    "function () { return 4 }",
    "const a = await mcp.echo(5);\nreturn a",
    "export default 6",
    "module.exports = async () => 7",
    "const main = async () => 8",
    "#!/usr/bin/env node\n9",
    "```js\n10\n```",
    "```ts\n11\n```",
    "```js\nreturn 12```",
    "```js return 13```",
    "Here is the script:\n\n```js\nreturn 14\n```\nIt returns 14.",
    "Here's the script:\n```js\nreturn 15\n```",
    "Run this\n\n```sh\nnpm install x\n```\nand then that:\n```js\nreturn 16\n```",
    "<think>It is 17</think>\nreturn 17",
  ])("%j", async (text) => {
    const asked = vi.fn<() => Promise<{ status: "broken" }>>(async () => ({ status: "broken" }));
    const transpiler: Transpiler = { strip: asked, transform: asked, close: async () => undefined };
    await prepareScript(text, { maxBytes: MAX_BYTES, transpiler });
    expect(asked).not.toHaveBeenCalled();
  });

  it.each([
    "type A = string;",
    "interface A {}",
    "enum A { B }",
    "namespace A.B { export const c = 1 }",
    "declare const a: string;",
    "declare global { var a: string }",
    "abstract class A { abstract b(): void }",
    "class A { private b = 1; protected static readonly c = 2; override toString() { return '' } declare d: string }",
    "class A { accessor b = 1 }",
    "const a = input as any;",
    "const a = input satisfies object, b = `x` as 'x';",
    "import type A from 'a';",
    "import { type A, type B as C } from 'a';",
    "export type { A } from 'a';",
    "class A<in out T> {}",
    "function f(a: unknown): asserts a is string {}",
    "let a: unique symbol;",
    "const a = <T,>(b: T) => b;",
    "function f(this: Date) {}",
    "class A { get b(): number { return 1 } set b(c: number) {} }",
    "class A { constructor(public b = 1) {} }",
  ])("and no TypeScript is taken for prose: %j", async (text) => {
    await expect(prepare(text)).resolves.toMatchObject({ source: text });
  });
});

describe("the transpiler's thread", () => {
  const transpiler = createTranspiler({ clock: systemClock, timeoutMs: 10_000 });
  afterAll(() => transpiler.close());

  it("is replaced when a text breaks its parser for good", async () => {
    const broken = await transpiler.strip(`let a: any = ${"(".repeat(20_000)}`);
    expect(broken).toEqual({ status: "broken" });
    expect(await transpiler.strip("let a: any")).toEqual({ status: "ok", code: "let a     " });
  });

  it("is replaced when a text takes too long, and others wait no longer than that", async () => {
    const hurried = createTranspiler({ clock: systemClock, timeoutMs: 1_500 });
    // Each level doubles the work of a parser that tries both readings.
    const slow = hurried.strip(`let q: any = ${"f<(a=".repeat(40)}b`);
    const next = hurried.strip("let a: any");
    expect(await slow).toEqual({ status: "broken" });
    expect(await next).toEqual({ status: "ok", code: "let a     " });
    await hurried.close();
  });

  it("answers many at once, each its own", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => transpiler.strip(`let a: any = ${i}`)));
    expect(answers.map((answer) => (answer.status === "ok" ? answer.code : answer.status))).toEqual(
      Array.from({ length: 20 }, (_, i) => `let a      = ${i}`),
    );
  });

  it("leaves no process behind after a rewrite", async () => {
    const before = descendants(process.pid).length;
    const reply = await transpiler.transform("enum A { B }");
    expect(reply).toMatchObject({ status: "ok", shift: 0 });
    await vi.waitFor(() => expect(descendants(process.pid).length).toBeLessThanOrEqual(before));
    expect(await transpiler.transform("enum A { B }")).toMatchObject({ status: "ok" });
  });

  it("may be closed twice, and is started again by a later use", async () => {
    await transpiler.strip("1");
    await transpiler.close();
    await transpiler.close();
    expect(await transpiler.strip("let a: any")).toEqual({ status: "ok", code: "let a     " });
  });

  it("a text that it cannot read is refused, with what to do", async () => {
    const transpiler: Transpiler = {
      strip: async () => ({ status: "unsupported" }),
      transform: async () => ({ status: "broken" }),
      close: async () => undefined,
    };
    await expect(prepareScript("enum A {}", { maxBytes: MAX_BYTES, transpiler })).rejects.toMatchObject({
      code: "SCRIPT_SYNTAX",
      context: { line: 1, column: 1, hint: "Nest less, or move data out of the code and into `input`." },
    });
  });
});
