import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run, value } = useExecutor();

describe("a result", () => {
  /** What a script returns, and the JSON its caller gets. */
  const TABLE: readonly (readonly [claim: string, expression: string, json: unknown])[] = [
    ["text, number, boolean and null as they are", `["a", 1.5, true, null]`, ["a", 1.5, true, null]],
    ["members in their order", `({ b: 1, a: { c: [2] } })`, { b: 1, a: { c: [2] } }],
    ["null for a number that is not finite", `[NaN, Infinity, -Infinity]`, [null, null, null]],
    ["nothing for members that have no JSON", `({ a: undefined, b() {}, c: Symbol(), d: 1 })`, { d: 1 }],
    ["null for items that have no JSON", `[undefined, () => 1, Symbol()]`, [null, null, null]],
    ["null for the holes of a list", `[1, , 3]`, [1, null, 3]],
    ["a bigint as its digits", `[10n ** 30n, -1n]`, [`1${"0".repeat(30)}`, "-1"]],
    ["a date as ISO text", `new Date(0)`, "1970-01-01T00:00:00.000Z"],
    ["null for an invalid date", `[new Date(NaN)]`, [null]],
    ["a map with text keys as an object", `new Map([["a", 1], ["__proto__", 2]])`, JSON.parse('{"a":1,"__proto__":2}')],
    [
      "any other map as pairs",
      `new Map([[1, "x"], ["a", new Set([2])]])`,
      [
        [1, "x"],
        ["a", [2]],
      ],
    ],
    ["a set as a list", `new Set([1, undefined, "a"])`, [1, null, "a"]],
    ["bytes as base 64", `new Uint8Array([104, 105, 33])`, { $bytes: "aGkh" }],
    [
      "bytes with one or two over",
      `[new Uint8Array([1]), new Uint8Array([1, 2])]`,
      [{ $bytes: "AQ==" }, { $bytes: "AQI=" }],
    ],
    ["a part of a buffer alone", `new Uint8Array(new Uint8Array([9, 1, 2, 9]).buffer, 1, 2)`, { $bytes: "AQI=" }],
    ["a buffer as its bytes", `new Uint8Array([1, 2, 3]).buffer`, { $bytes: "AQID" }],
    ["a data view as its bytes", `new DataView(new Uint8Array([9, 1, 2]).buffer, 1)`, { $bytes: "AQI=" }],
    [
      "other typed arrays as numbers",
      `[new Int16Array([1, -2]), new Float64Array([0.5, NaN])]`,
      [
        [1, -2],
        [0.5, null],
      ],
    ],
    ["big typed arrays as digits", `new BigInt64Array([-5n])`, ["-5"]],
    ["a regular expression as its source", `/a\\/b/gi`, "/a\\/b/gi"],
    [
      "an error's words and members",
      `Object.assign(new TypeError("no"), { code: 7 })`,
      { name: "TypeError", message: "no", code: 7 },
    ],
    [
      "an error's cause",
      `new Error("a", { cause: new Error("b") })`,
      { name: "Error", message: "a", cause: { name: "Error", message: "b" } },
    ],
    ["0 for minus zero", `[-0]`, [0]],
    ["a clamped typed array as bytes", `new Uint8ClampedArray([300, -1])`, { $bytes: "/wA=" }],
    ["no bytes as an empty text", `new Uint8Array(0)`, { $bytes: "" }],
    [
      "an aggregate error with its errors",
      `new AggregateError([new Error("a"), 2], "many")`,
      { name: "AggregateError", message: "many", errors: [{ name: "Error", message: "a" }, 2] },
    ],
    [
      "a ToolError with what it tells",
      `new ToolError({ code: "X", message: "no", server: "s" })`,
      { name: "ToolError", message: "no", code: "X", retryable: false, server: "s" },
    ],
    [
      "weak collections as a word",
      `[new WeakMap(), new WeakSet(), new WeakRef({})]`,
      ["[WeakMap]", "[WeakSet]", "[WeakRef]"],
    ],
    [
      "iterators and generators as a word",
      `[new Map().values(), [].entries(), (function* () {})(), (async function* () {})()]`,
      ["[Map Iterator]", "[Array Iterator]", "[Generator]", "[AsyncGenerator]"],
    ],
    [
      "objects of the language without members as a word",
      `[new Intl.NumberFormat(), Math, new AbortController()]`,
      ["[Intl.NumberFormat]", "[Math]", "[AbortController]"],
    ],
    ["boxed big integers as digits and boxed symbols as nothing", `[Object(5n), Object(Symbol())]`, ["5", null]],
    ["members of a proxy", `new Proxy({ a: new Date(0) }, {})`, { a: "1970-01-01T00:00:00.000Z" }],
    ["items of a proxy of a list", `new Proxy([1n], {})`, ["1"]],
    ["an empty object", `[{}, Object.create(null)]`, [{}, {}]],
    ["what toJSON says, with its key", `({ a: { toJSON: (key) => key + "!" } })`, { a: "a!" }],
    ["nothing where toJSON says nothing", `({ a: { toJSON: () => undefined }, b: 1 })`, { b: 1 }],
    ["an object without prototype", `Object.assign(Object.create(null), { a: 1 })`, { a: 1 }],
    ["an instance of a class as its members", `new (class A { x = 1; #y = 2; get z() { return 3; } })()`, { x: 1 }],
    ["a cycle as a word", `(() => { const o = { a: 1 }; o.self = o; return o; })()`, { a: 1, self: "[Circular]" }],
    ["a value met twice both times", `(() => { const o = { a: 1 }; return [o, o]; })()`, [{ a: 1 }, { a: 1 }]],
    ["boxed values as what they hold", `[new String("a"), new Number(1), new Boolean(false)]`, ["a", 1, false]],
    [
      "URL and query parameters as text",
      `[new URL("http://a/b"), new URLSearchParams("x=1&y=ü")]`,
      ["http://a/b", "x=1&y=%C3%BC"],
    ],
    ["what only claims to be a map as its members", `Object.assign(Object.create(Map.prototype), { a: 1 })`, { a: 1 }],
    [
      "members named like those of prototypes",
      `JSON.parse('{"__proto__":1,"constructor":2,"toString":3}')`,
      JSON.parse('{"__proto__":1,"constructor":2,"toString":3}'),
    ],
    ["half a surrogate pair, escaped on its way", `"\\ud800"`, "\ud800"],
  ];
  it.each(TABLE)("has %s", async (_, expression, json) => {
    expect(await value(`return ${expression}`)).toStrictEqual(json);
  });

  it("that is undefined is none", async () => {
    expect(await run("return undefined")).toMatchObject({ result: undefined, error: undefined });
    expect(await run("return () => 1")).toMatchObject({ result: undefined, error: undefined });
  });

  it("tells of promises that were not awaited", async () => {
    const { result, logs } = await run("return { b: [Promise.resolve(1)], a: mcp.shop.list() }");
    expect(result).toEqual({ b: ["[Promise]"], a: "[Promise]" });
    expect(logs[0]).toBe(
      "The result holds 2 promises that were not awaited, the first at .b[0]: await them, or use Promise.all",
    );
  });

  it("tells which tool's answer was not awaited, and where it is", async () => {
    const { logs } = await run(`return { "a b": [1, { x: mcp.shop.list() }] }`);
    expect(logs[0]).toBe(
      'The result holds a promise that was not awaited at ["a b"][1].x, of mcp.shop.list: await it, or use Promise.all',
    );
  });

  it("tells of an object of a class that has nothing to be written", async () => {
    const { result, logs } = await run(`return { a: new (class Secret { #x = 1 })(), b: {} }`);
    expect(result).toEqual({ a: {}, b: {} });
    expect(logs).toEqual([
      "The result holds an object of class Secret at .a that has no members of its own: it is written as {}",
    ]);
  });

  it("longer than the limit fails, whatever it is made of", async () => {
    for (const expression of [
      `"x".repeat(200)`,
      `Array(1e9)`,
      `new Uint8Array(200)`,
      `new Map([["a", "x".repeat(200)]])`,
      `new Set(Array.from({ length: 200 }, (_, i) => i))`,
      `new Float64Array(1e6)`,
      `"\\u0001".repeat(40)`,
      `10n ** 200n`,
      `/${"x".repeat(200)}/`,
    ]) {
      const { error } = await run(`return ${expression}`, { limits: { resultBytes: 150 } });
      expect(error, expression).toMatchObject({ code: "RESULT_TOO_LARGE" });
    }
  });

  it("nested as deep as allowed arrives, deeper fails", async () => {
    const nest = (depth: number): string => `let v = 1; for (let i = 0; i < ${depth}; i++) v = [v]; return v`;
    expect((await run(nest(500))).error).toBeUndefined();
    expect((await run(nest(600))).error).toMatchObject({ code: "RESULT_INVALID" });
    expect((await run(nest(1e5))).error).toMatchObject({ code: "RESULT_INVALID" });
  });

  it("whose getter or toJSON throws fails with what was thrown", async () => {
    const getter = await run(`return { get a() { throw new RangeError("mine") } }`);
    expect(getter.error).toMatchObject({ code: "SCRIPT_ERROR", message: "RangeError: mine" });
    const json = await run(`return [{ toJSON() { throw new RangeError("mine") } }]`);
    expect(json.error).toMatchObject({ code: "SCRIPT_ERROR", message: "RangeError: mine" });
  });

  it("made by an endless toJSON ends", async () => {
    const { error } = await run(`const next = () => ({ toJSON: next }); return next()`);
    expect(error).toMatchObject({ code: "RESULT_INVALID" });
  });
});

describe("an emitted value", () => {
  it("is written like a result", async () => {
    const { emitted } = await run(`emit({ a: new Set([1n]) }); emit(); emit([undefined])`);
    expect(emitted).toEqual([{ a: ["1"] }, null, [null]]);
  });

  it("over the limit of all together is refused, and the script may go on", async () => {
    const { emitted, result } = await run(
      `emit("x".repeat(60)); try { emit("y".repeat(60)) } catch (e) { return [e.name, e.code, e instanceof ToolError] }`,
      { limits: { emittedBytes: 100 } },
    );
    expect(emitted).toEqual(["x".repeat(60)]);
    expect(result).toEqual(["ToolError", "EMIT_LIMIT", true]);
  });

  it("that is too deep is refused with words", async () => {
    const { error } = await run(`let v = 1; for (let i = 0; i < 600; i++) v = [v]; emit(v)`);
    expect(error?.message).toBe("TypeError: Cannot emit the value as it may be nested 500 deep: it is deeper");
  });
});

describe("prototypes a script has changed", () => {
  it("do not change what is written", async () => {
    const code = `
      Object.defineProperty(Array.prototype, "0", { set() { throw new Error("set 0") }, get: () => "got" });
      Object.defineProperty(Object.prototype, "a", { set() { throw new Error("set a") }, get: () => "got" });
      Object.prototype.enumerable = false;
      Map.prototype.forEach = Set.prototype.forEach = () => { throw new Error("forEach") };
      String.prototype.slice = Array.prototype.push = Array.prototype.join = () => { throw new Error("method") };
      JSON.stringify = JSON.parse = () => { throw new Error("JSON") };
      return { map: new Map([["a", 1]]), set: new Set([2]), bytes: new Uint8Array([3]), list: [undefined, 4] };`;
    expect(await value(code)).toEqual({ map: { a: 1 }, set: [2], bytes: { $bytes: "Aw==" }, list: [null, 4] });
  });

  it("do not keep a limit from being told", async () => {
    const { error } = await run(
      `Object.prototype.toJSON = Array.prototype.toJSON = () => "forged";
       Error[Symbol.hasInstance] = Object[Symbol.hasInstance] = () => false;
       return "x".repeat(200)`,
      { limits: { resultBytes: 100 } },
    );
    expect(error).toMatchObject({ code: "RESULT_TOO_LARGE", hint: expect.stringContaining("limits.resultBytes") });
  });
});
