import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run, value } = useExecutor();

/** What the language itself puts on the global object, but for what `harden` takes away. */
const LANGUAGE = `
  AggregateError Array ArrayBuffer AsyncDisposableStack BigInt BigInt64Array BigUint64Array Boolean DataView Date
  DisposableStack Error EvalError Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array
  Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set String
  SuppressedError Symbol SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef
  WeakSet decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt
  undefined unescape`;

/** What a script has besides. */
const OURS = `
  mcp input emit console crypto ToolError setTimeout clearTimeout setInterval clearInterval setImmediate clearImmediate
  queueMicrotask structuredClone
  URL URLSearchParams TextEncoder TextDecoder atob btoa AbortController AbortSignal Event EventTarget DOMException`;

/** Names of hosts, of modules, and of what was taken from the language. */
const NOWHERE = [
  "process",
  "require",
  "module",
  "exports",
  "global",
  "Buffer",
  "fetch",
  "XMLHttpRequest",
  "WebSocket",
  "importScripts",
  "Deno",
  "Bun",
  "WebAssembly",
  "SharedArrayBuffer",
  "Atomics",
];

const words = (text: string): string[] => text.trim().split(/\s+/u);

describe("the names that a script has", () => {
  it("are those of the language and of the documentation, and no others", async () => {
    const names = (await value("return Object.getOwnPropertyNames(globalThis)", { input: 1 })) as string[];
    const wanted = new Set([...words(LANGUAGE), ...words(OURS)]);
    expect(words(OURS).filter((name) => !names.includes(name))).toEqual([]);
    expect(names.filter((name) => !wanted.has(name))).toEqual([]);
  });

  it("do what they are for", async () => {
    const { result, logs, emitted } = await run(
      `console.log("said"); emit("shown");
       const signal = new AbortController(); signal.abort(new Error("stopped"));
       const order = []; setTimeout(() => order.push("timer"), 1); const repeated = setInterval(() => order.push("again"), 1);
       await new Promise((done) => setTimeout(done, 20)); clearInterval(repeated);
       const copied = structuredClone({ at: new Date(0), seen: new Set([1]) });
       return [input, copied.at.getTime(), [...copied.seen], new URL("../b?c=1", "http://h/a/x").href,
         new URLSearchParams({ d: "e f" }).toString(), new TextDecoder().decode(new TextEncoder().encode("é")),
         atob(btoa("bytes")), signal.signal.reason.message, order.includes("timer"), order.includes("again"),
         /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())]`,
      { input: { given: true } },
    );
    expect({ result, logs, emitted }).toEqual({
      result: [{ given: true }, 0, [1], "http://h/b?c=1", "d=e+f", "é", "bytes", "stopped", true, true, true],
      logs: ["said"],
      emitted: ["shown"],
    });
  });
});

describe("what is nowhere", () => {
  /** Each way to evaluate a text. */
  const WAYS: readonly (readonly [way: string, code: string])[] = [
    ["a script", "(name) => name in globalThis || name in (function () { return this })()"],
    ["direct eval", "(name) => eval('typeof ' + name) !== 'undefined'"],
    ["indirect eval", "(name) => (0, eval)('typeof ' + name) !== 'undefined'"],
    ["Function", "(name) => new Function('return typeof ' + name)() !== 'undefined'"],
    ["a function's constructor", "(name) => (() => {}).constructor('return typeof ' + name)() !== 'undefined'"],
    ["an async function's constructor", "(name) => (async () => {}).constructor('return typeof ' + name)()"],
    ["a generator's constructor", "(name) => (function* () {}).constructor('return typeof ' + name)().next().value"],
    [
      "an async generator's constructor",
      "async (name) => (await (async function* () {}).constructor('return typeof ' + name)().next()).value",
    ],
  ];

  it.each(WAYS)("is not seen by %s either", async (_, look) => {
    const code = `const look = ${look}; const seen = [];
      for (const name of input) { const found = await look(name); if (found === true || (typeof found === "string" && found !== "undefined")) seen.push(name) }
      return seen`;
    expect(await value(code, { input: NOWHERE })).toEqual([]);
    expect(await value(code, { input: ["mcp", ...NOWHERE, "JSON"] })).toEqual(["mcp", "JSON"]);
  });

  it.each([
    "await import('node:fs')",
    "await import('./script.js')",
    "await import('data:text/javascript,1')",
    "await eval(\"import('node:fs')\")",
    "await (0, eval)(\"import('node:fs')\")",
    "await new Function(\"return import('node:fs')\")()",
    "await (async () => {}).constructor(\"return import('node:fs')\")()",
    "await new Promise((_, fail) => setTimeout(() => import('node:fs').then(() => 0, fail), 1))",
  ])("%s loads no module", async (code) => {
    const { result, error } = await run(`${code}; return "loaded"`);
    expect([result, error?.code]).toEqual([undefined, "SCRIPT_ERROR"]);
  });
});

describe("what `mcp` answers to those who ask what it is", () => {
  it("is undefined for `then`, `toJSON` and every symbol, at each of its points, though any other name is a function", async () => {
    const code = `
      const symbols = Object.getOwnPropertyNames(Symbol).map((name) => Symbol[name]).filter((one) => typeof one === "symbol");
      const asked = [...symbols.filter((one) => one !== Symbol.toPrimitive), Symbol("own"), Symbol.for("shared"), "then", "toJSON"];
      const points = { mcp, server: mcp.shop, tool: mcp.shop.list, unknown: mcp.nobody.nothing };
      const told = Object.entries(points).flatMap(([name, point]) =>
        asked.filter((key) => point[key] !== undefined).map((key) => name + "." + String(key)));
      return [told, asked.length > 12, typeof mcp.shop.anything, await mcp.shop === mcp.shop, JSON.stringify([mcp, mcp.shop])]`;
    expect(await value(code)).toEqual([[], true, "function", true, "[null,null]"]);
  });
});

describe("a call", () => {
  it("leaves its isolate free: a timer and other calls run while it waits, and come back in the order of their answers", async () => {
    const gates = new Map<unknown, () => void>();
    const { result, calls } = await run(
      `const order = [];
       const slow = mcp.shop.list("slow").then(() => order.push("slow"));
       setTimeout(() => order.push("timer"), 1);
       await mcp.shop.list("first"); order.push("first");
       await new Promise((done) => setTimeout(done, 20));
       await mcp.shop.list("open"); order.push("open");
       await slow;
       return order`,
      {
        answer: async (_, [name]) => {
          const reply = { ok: true, json: "1" } as const;
          if (name === "slow") await new Promise<void>((open) => gates.set(name, open));
          if (name === "open") gates.get("slow")?.();
          return reply;
        },
      },
    );
    expect(calls).toHaveLength(3);
    expect((result as string[]).slice(0, 2).toSorted()).toEqual(["first", "timer"]);
    expect((result as string[]).slice(2).toSorted()).toEqual(["open", "slow"]);
  });
});
