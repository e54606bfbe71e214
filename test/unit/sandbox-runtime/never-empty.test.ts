import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run } = useExecutor();

/** A value of every kind that the language and the web globals have, each with something in it. */
const KINDS: readonly string[] = [
  "new Map([[1, 2]])",
  "new Set([1])",
  "new Date(0)",
  "new Date(NaN)",
  "/x/g",
  "new Error('e')",
  "new AggregateError([1], 'e')",
  "new SuppressedError(1, 2, 'e')",
  "new DOMException('e', 'AbortError')",
  "new ToolError({ code: 'X', message: 'e' })",
  "new Uint8Array([1])",
  "new Int16Array([1])",
  "new Float16Array([1])",
  "new BigInt64Array([1n])",
  "new Uint8Array([1]).buffer",
  "new DataView(new ArrayBuffer(1))",
  "10n",
  "Object(10n)",
  "Object(1)",
  "Object('s')",
  "Object(true)",
  "Promise.resolve(1)",
  "mcp.shop.list()",
  "new WeakMap([[{}, 1]])",
  "new WeakSet([{}])",
  "new WeakRef({})",
  "(function* () { yield 1 })()",
  "(async function* () { yield 1 })()",
  "[1].values()",
  "new Map([[1, 2]]).entries()",
  "[1].values().map((x) => x)",
  "'ab'.matchAll(/a/g)",
  "new Intl.NumberFormat('en')",
  "new Intl.Segmenter('en').segment('a')",
  "new URL('http://a/')",
  "new URLSearchParams('a=1')",
  "new TextEncoder()",
  "new TextDecoder()",
  "new AbortController()",
  "AbortSignal.abort()",
  "new Event('e')",
  "new EventTarget()",
  "Math",
  "JSON",
  "Reflect",
  "new Proxy(new Map([[1, 2]]), {})",
  "new (class A { #x = 1 })()",
  "new (class A extends Map {})([[1, 2]])",
  "new (class A { get x() { return 1 } })()",
  "Object.create({ inherited: 1 })",
  "(function () { return arguments })(1)",
];

describe("no value is written as an empty object", () => {
  it.each(KINDS)("%s is written as something, or the log says that it could not be", async (expression) => {
    const { result, logs, error } = await run(`const value = ${expression}; return { value, list: [value] }`);
    expect(error).toBeUndefined();
    const { value, list } = result as { readonly value?: unknown; readonly list: readonly unknown[] };
    const isEmpty = [value, list[0]].some((one) => JSON.stringify(one) === "{}");
    expect(isEmpty && logs.length === 0, JSON.stringify(result)).toBe(false);
  });

  it("but an object that is empty", async () => {
    expect(await run("return { a: {}, b: Object.create(null) }")).toMatchObject({
      result: { a: {}, b: {} },
      logs: [],
    });
  });
});
