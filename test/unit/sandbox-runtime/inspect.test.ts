import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run } = useExecutor();

/** The log line that console.log makes of its arguments. */
async function logged(args: string): Promise<string> {
  const { logs, error } = await run(`console.log(${args})`);
  expect(error).toBeUndefined();
  expect(logs).toHaveLength(1);
  return logs[0] ?? "";
}

describe("a logged value", () => {
  const TABLE: readonly (readonly [args: string, text: string])[] = [
    [`"text", 1, -0, 5n, true, null, undefined`, "text 1 -0 5n true null undefined"],
    [`["a", 'it\\'s', "line\\nbreak"]`, `[ 'a', "it's", 'line\\nbreak' ]`],
    [`Symbol("s"), [Symbol.iterator]`, "Symbol(s) [ Symbol(Symbol.iterator) ]"],
    [`{ a: 1, "b-c": [2], d: {} , e: [] }`, "{ a: 1, 'b-c': [ 2 ], d: {}, e: [] }"],
    [`function named() {}, () => 1, class A {}`, "[Function: named] [Function (anonymous)] [Function: A]"],
    [`new Date(0), new Date(NaN), /x/g`, "1970-01-01T00:00:00.000Z Invalid Date /x/g"],
    [`new Map([[{ k: 1 }, "v"]]), new Set([1])`, "Map(1) { { k: 1 } => 'v' } Set(1) { 1 }"],
    [`new Uint8Array(3), new ArrayBuffer(2)`, "Uint8Array(3) [bytes] ArrayBuffer { byteLength: 2 }"],
    [`new Int32Array([1, 2])`, "Int32Array(2) [ 1, 2 ]"],
    [`new (class Point { x = 1 })()`, "Point { x: 1 }"],
    [`Object.create(null)`, "[Object: null prototype] {}"],
    [`{ get a() { throw 1 } }`, "{ a: [Getter] }"],
    [`[new TypeError("no")]`, "[ [TypeError: no] ]"],
    [`Promise.resolve(1)`, "Promise { <pending or settled: not awaited> }"],
    [`[[[[[[1]]]]]]`, "[ [ [ [ [ [Array] ] ] ] ] ]"],
    [`mcp, mcp.shop, [mcp.shop.list]`, "[mcp: shop] [mcp.shop: list, buy] [ [mcp.shop.list] ]"],
    [`new URL("http://a/"), new URLSearchParams("a=1")`, "URL { http://a/ } URLSearchParams { a=1 }"],
    [`new AbortController()`, "AbortController {}"],
    ["", ""],
  ];
  it.each(TABLE)("%s is shown as %s", async (args, text) => {
    expect(await logged(args)).toBe(text);
  });

  it("shows a cycle as a word", async () => {
    const { logs } = await run(`const o = { n: 1 }; o.self = o; console.log(o)`);
    expect(logs).toEqual(["{ n: 1, self: [Circular] }"]);
  });

  it("shows an error with its stack, its members and its cause", async () => {
    const text = await logged(`Object.assign(new Error("top", { cause: new Error("below") }), { code: 3 })`);
    expect(text).toMatch(/^Error: top\n +at eval \(script\.js:1:\d+\)/u);
    expect(text).toContain("{ code: 3, [cause]: [Error: below] }");
  });

  it("goes to lines of its own when it is long", async () => {
    const long = "x".repeat(50);
    expect(await logged(`{ a: "${long}", b: "${long}" }`)).toBe(`{\n  a: '${long}',\n  b: '${long}'\n}`);
  });

  it("is cut after a hundred items and 8,192 characters", async () => {
    expect(await logged(`Array(150).fill(1)`)).toContain("... 50 more items");
    const cut = await run(`console.log(["x".repeat(9000)])`, { limits: { logLineBytes: 20_000 } });
    expect(cut.logs[0]).toContain("... 808 more characters");
  });

  it("of any size costs bounded work", async () => {
    const { logs, error } = await run(
      `const tree = (d) => d === 0 ? [] : Array.from({ length: 90 }, () => tree(d - 1)); console.log(tree(3))`,
    );
    expect(error).toBeUndefined();
    expect(logs[0]).toContain("…");
  });

  it("that throws when it is looked at is told so", async () => {
    expect(await logged(`new Proxy({}, { getPrototypeOf() { throw 1 } })`)).toBe("[value that throws]");
    expect(await logged(`Object.defineProperty(new Error(), "name", { get() { throw 1 } })`)).toBe(
      "[value that throws]",
    );
  });
});

describe("directives of a first text", () => {
  const TABLE: readonly (readonly [args: string, text: string])[] = [
    [`"%s|%s", "a", { b: 1 }`, "a|{ b: 1 }"],
    [`"%d %d %d", 1.5, "2", {}`, "1.5 2 NaN"],
    [`"%i %f", 1.9, "1.5"`, "1 1.5"],
    [`"%d %d", 5n, Symbol()`, "5n NaN"],
    [`"%j", { a: [1] }`, '{"a":[1]}'],
    [`"%j", (() => { const o = {}; o.o = o; return o })()`, "[value that throws]"],
    [`"%o %O", [1], { a: 1 }`, "[ 1 ] { a: 1 }"],
    [`"%cred", "color: red"`, "red"],
    [`"100%% %s", 1`, "100% 1"],
    [`"%x %s", 1`, "%x 1"],
    [`"%s %s", "only"`, "only %s"],
    [`"%s", 1, "more", 2`, "1 more 2"],
    [`"%s"`, "%s"],
    [`"50%", 1`, "50% 1"],
  ];
  it.each(TABLE)("%s gives %s", async (args, text) => {
    expect(await logged(args)).toBe(text);
  });
});
