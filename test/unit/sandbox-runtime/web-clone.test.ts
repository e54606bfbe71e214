import { runInThisContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run, value } = useExecutor();

describe("structuredClone", () => {
  /** Values, and what must be true of a value `a` and its clone `b`. */
  const TABLE: readonly (readonly [claim: string, expression: string, holds: string])[] = [
    ["primitives", `[1, -0, NaN, "x", true, null, undefined, 5n]`, `b.every((item, i) => Object.is(item, a[i]))`],
    [
      "plain objects and lists",
      `({ a: [1, { b: 2 }] })`,
      `b !== a && b.a !== a.a && JSON.stringify(b) === JSON.stringify(a)`,
    ],
    [
      "holes and the length of a list",
      `(() => { const l = [1, , 3]; l.length = 9; return l })()`,
      `b.length === 9 && !(1 in b) && b[2] === 3`,
    ],
    ["members of a list", `Object.assign([1], { x: 2 })`, `Array.isArray(b) && b.x === 2`],
    [
      "maps and sets in their order",
      `new Map([["k", new Set([1, "b"])], [{}, 2]])`,
      `b instanceof Map && [...b][0][1] instanceof Set && [...[...b][0][1]].join() === "1,b" && [...b.keys()][1] !== [...a.keys()][1]`,
    ],
    [
      "dates, invalid ones too",
      `[new Date(5), new Date(NaN)]`,
      `b[0] instanceof Date && b[0] !== a[0] && b[0].getTime() === 5 && isNaN(b[1])`,
    ],
    [
      "regular expressions without their place",
      `(() => { const r = /a(b)/gi; r.lastIndex = 3; return r })()`,
      `b.source === "a(b)" && b.flags === "gi" && b.lastIndex === 0`,
    ],
    [
      "boxed values as boxed",
      `[new Number(1), new String("s"), new Boolean(false), Object(5n)]`,
      `b.every((item, i) => typeof item === "object" && item !== a[i] && item.valueOf() === a[i].valueOf() && item.constructor === a[i].constructor)`,
    ],
    [
      "buffers and every view of them",
      `[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array].map((C) => new C(2).fill(C.name.startsWith("Big") ? 7n : 7))`,
      `b.every((item, i) => item.constructor === a[i].constructor && item.buffer !== a[i].buffer && item.length === 2 && item[1] === a[i][1])`,
    ],
    [
      "one buffer under two views",
      `(() => { const buffer = new ArrayBuffer(8); return [new Uint8Array(buffer, 2, 3), new DataView(buffer, 4), buffer] })()`,
      `b[0].buffer === b[2] && b[1].buffer === b[2] && b[0].byteOffset === 2 && b[0].length === 3 && b[1].byteOffset === 4 && b[1].byteLength === 4`,
    ],
    [
      "cycles",
      `(() => { const o = { list: [] }; o.self = o; o.list.push(o); return o })()`,
      `b !== a && b.self === b && b.list[0] === b`,
    ],
    [
      "shared references",
      `(() => { const o = {}; return [o, o, new Set([o])] })()`,
      `b[0] === b[1] && b[2].has(b[0]) && b[0] !== a[0]`,
    ],
    ["maps that hold themselves", `(() => { const m = new Map(); m.set(m, m); return m })()`, `b.get(b) === b`],
    [
      "errors of each kind",
      `[new Error("e"), new TypeError("t", { cause: { c: 1 } }), new RangeError(), new SyntaxError("s"), new EvalError("v"), new URIError("u"), new ReferenceError("r")]`,
      `b.every((e, i) => e !== a[i] && e.constructor === a[i].constructor && e.message === a[i].message && e.stack === a[i].stack) && b[1].cause.c === 1 && !("cause" in b[0]) && !Object.hasOwn(b[2], "message")`,
    ],
    [
      "errors without what was added to them",
      `Object.assign(new Error("e"), { extra: 1, name: "Mine" })`,
      `b.constructor === Error && b.extra === undefined && b.name === "Error"`,
    ],
    [
      "web exceptions",
      `new DOMException("m", "AbortError")`,
      `b instanceof DOMException && b !== a && b.name === "AbortError" && b.message === "m" && b.code === 20`,
    ],
    [
      "instances as plain objects",
      `new (class A { x = 1; get y() { return 2 } #z = 3 })()`,
      `b.constructor === Object && b.x === 1 && !("y" in b)`,
    ],
    [
      "what getters give",
      `({ get a() { return { deep: 1 } } })`,
      `Object.getOwnPropertyDescriptor(b, "a").value.deep === 1`,
    ],
    [
      "objects without prototype",
      `Object.assign(Object.create(null), { a: 1 })`,
      `Object.getPrototypeOf(b) === Object.prototype && b.a === 1`,
    ],
    [
      "members named __proto__",
      `JSON.parse('{"__proto__":{"x":1}}')`,
      `Object.keys(b).join() === "__proto__" && b.x === undefined`,
    ],
    [
      "objects with nothing hidden or symbolic",
      `Object.defineProperty({ [Symbol("s")]: 1, a: 2 }, "h", { value: 3 })`,
      `Object.getOwnPropertySymbols(b).length === 0 && b.h === undefined && b.a === 2`,
    ],
  ];
  it.each(TABLE)("copies %s", async (_, expression, holds) => {
    const code = `const a = ${expression}; const b = structuredClone(a); return ${holds}`;
    expect(await value(code)).toBe(true);
    // The table itself is held against Node.
    expect(runInThisContext(`(() => { ${code} })()`)).toBe(true);
  });

  it.each([
    ["a function", `() => 1`],
    ["a class within", `[{ a: class {} }]`],
    ["a symbol", `Symbol("s")`],
    ["a boxed symbol", `Object(Symbol())`],
    ["a promise", `Promise.resolve()`],
    ["a weak map", `new WeakMap()`],
    ["a weak set", `new WeakSet()`],
    ["a weak reference", `new WeakRef({})`],
    ["the proxy of tools", `{ mcp }`],
    ["a URL", `new URL("http://a")`],
    ["an emptied buffer", `(() => { const b = new ArrayBuffer(1); b.transfer(); return b })()`],
  ])("refuses %s with a DataCloneError", async (_, expression) => {
    const code = `try { structuredClone(${expression}) } catch (e) { return [e.name, e.code, e instanceof DOMException] }`;
    expect(await value(code)).toEqual(["DataCloneError", 25, true]);
  });

  it("takes a transferred buffer from its owner", async () => {
    const code = `
      const buffer = new Uint8Array([1, 2, 3]).buffer;
      const copy = structuredClone({ view: new Uint8Array(buffer, 1) }, { transfer: [buffer] });
      return [buffer.detached, buffer.byteLength, [...copy.view], copy.view.byteOffset]`;
    expect(await value(code)).toEqual([true, 0, [2, 3], 1]);
  });

  it("leaves buffers alone when it refuses", async () => {
    const code = `
      const buffer = new ArrayBuffer(4), names = [];
      for (const [v, transfer] of [[() => 1, [buffer]], [1, [buffer, buffer]], [1, [{}]], [1, [new Uint8Array(buffer)]]])
        try { structuredClone(v, { transfer }) } catch (e) { names.push(e.name) }
      return [names, buffer.detached]`;
    expect(await value(code)).toEqual([Array.from({ length: 4 }, () => "DataCloneError"), false]);
  });

  it("lets what a getter throws through", async () => {
    expect((await run(`structuredClone({ get a() { throw new RangeError("mine") } })`)).error?.message).toBe(
      "RangeError: mine",
    );
  });

  it("of a very deep value fails without harm", async () => {
    const { error } = await run(`let v = {}; for (let i = 0; i < 1e5; i++) v = { v }; structuredClone(v)`);
    expect(error?.message).toMatch(/^RangeError: Maximum call stack/u);
  });

  it("knows the engine's newest kind of numbers", async () => {
    const code = `const copy = structuredClone(new Float16Array([1.5, 2])); return [copy.constructor.name, [...copy]]`;
    expect(await value(code)).toEqual(["Float16Array", [1.5, 2]]);
  });
});
