import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run, value } = useExecutor();

describe("the global object", () => {
  it("has nothing that allocates outside the heap limit, shares memory, blocks or runs when no entry is open", async () => {
    const code = `return ["WebAssembly", "SharedArrayBuffer", "Atomics", "FinalizationRegistry"].map((name) => [typeof globalThis[name], name in globalThis])`;
    expect(await value(code)).toEqual([
      ["undefined", false],
      ["undefined", false],
      ["undefined", false],
      ["undefined", false],
    ]);
  });

  it("has nothing of a host", async () => {
    const names = [
      "process",
      "require",
      "module",
      "global",
      "Buffer",
      "fetch",
      "XMLHttpRequest",
      "WebSocket",
      "Worker",
      "window",
      "self",
      "Deno",
      "importScripts",
      "navigator",
      "ivm",
      "send",
      "runtime",
      "bootstrap",
    ];
    expect(await value(`return input.filter((name) => name in globalThis)`, { input: names })).toEqual([]);
  });

  it("shows a for-in loop none of what was added", async () => {
    expect(await value(`const names = []; for (const name in globalThis) names.push(name); return names`)).toEqual([]);
  });

  it("has globals that a script may replace, but for mcp", async () => {
    const code = `
      globalThis.URL = 1; console = 2; setTimeout = 3;
      mcp = 4;
      const refused = (() => { "use strict"; try { mcp = 4 } catch (e) { return e instanceof TypeError } })();
      return [URL, console, setTimeout, typeof mcp, refused]`;
    expect(await value(code)).toEqual([1, 2, 3, "function", true]);
  });

  it("has input as it was given, and undefined when none was", async () => {
    expect(await value(`return input`, { input: { a: [1], __proto__: 0 } })).toEqual({ a: [1] });
    expect(await value(`return typeof input`)).toBe("undefined");
  });

  it("is a new one for every run", async () => {
    await run(`globalThis.left = 1; Object.prototype.left = 1; Array.prototype.map = null`);
    expect(await value(`return [typeof left, typeof {}.left, typeof [].map]`)).toEqual([
      "undefined",
      "undefined",
      "function",
    ]);
  });
});

describe("buffers", () => {
  it("cannot grow, by no way to their constructor", async () => {
    const code = `
      const makers = [ArrayBuffer, ArrayBuffer.prototype.constructor, new Uint8Array(1).buffer.constructor, new ArrayBuffer(1).constructor,
        Object.getPrototypeOf(new ArrayBuffer(1)).constructor, ArrayBuffer[Symbol.species], class extends ArrayBuffer {}];
      return makers.map((Maker) => { const b = new Maker(8, { maxByteLength: 1 << 30 }); return [b.byteLength, b.resizable ?? null, b.maxByteLength ?? null, typeof b.resize] })`;
    expect(await value(code)).toEqual(Array.from({ length: 7 }, () => [8, null, null, "undefined"]));
  });

  it("cannot grow by Reflect, bind or a trap on Object.prototype", async () => {
    const code = `
      const got = [];
      for (const trap of ["get", "apply", "has", "ownKeys", "getOwnPropertyDescriptor", "getPrototypeOf", "defineProperty"])
        Object.defineProperty(Object.prototype, trap, { __proto__: null, value(target) { got.push(typeof target); return undefined }, configurable: true });
      try { ArrayBuffer.x; ArrayBuffer.isView(1); "x" in ArrayBuffer } catch {}
      for (const trap of ["get", "apply", "has", "ownKeys", "getOwnPropertyDescriptor", "getPrototypeOf", "defineProperty"]) delete Object.prototype[trap];
      const made = [Reflect.construct(ArrayBuffer, [8, { maxByteLength: 64 }]), new (ArrayBuffer.bind(null, 8, { maxByteLength: 64 }))()];
      const grown = made.map((b) => Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "resize") ?? b.resizable ?? "fixed");
      return [got, grown]`;
    expect(await value(code)).toEqual([[], ["fixed", "fixed"]]);
  });

  it("work as the language has them otherwise", async () => {
    const code = `
      const b = new ArrayBuffer(4), view = new Uint8Array(b); view[1] = 7;
      return [b instanceof ArrayBuffer, ArrayBuffer.name, ArrayBuffer.isView(view), [...new Uint8Array(b.slice(1, 2))], b.transfer().byteLength, b.detached,
        Object.prototype.toString.call(b), (() => { try { ArrayBuffer(1) } catch (e) { return e instanceof TypeError } })()]`;
    expect(await value(code)).toEqual([true, "ArrayBuffer", true, [7], 4, true, "[object ArrayBuffer]", true]);
  });

  it("count to the memory of the run", async () => {
    const { error } = await run(`const all = []; for (;;) all.push(new Uint8Array(8 << 20).fill(1))`);
    expect(error?.code).toMatch(/^SCRIPT_(?:MEMORY_LIMIT|ERROR)$/u);
  });
});

describe("the runtime's own functions", () => {
  it("are reached by no function that calls a script", async () => {
    const code = `
      "use strict";
      const seen = [];
      Error.prepareStackTrace = (_, frames) => frames.map((frame) => [frame.getThis?.(), frame.getFunction?.()]);
      const look = () => { for (const [self, fn] of new Error().stack) seen.push(typeof self, typeof fn) };
      JSON.stringify({ toJSON: look }); emit({ toJSON: look }); setTimeout(look, 1); console.log(new Proxy({}, { getPrototypeOf() { look(); return null } }));
      await new Promise((done) => setTimeout(done, 10));
      return [...new Set(seen)]`;
    expect(await value(code)).toEqual(["undefined"]);
  });

  it("are no caller that a script can name", async () => {
    const code = `
      const seen = [];
      function toJSON() { seen.push(toJSON.caller, toJSON.arguments?.callee?.caller ?? null) }
      emit({ toJSON });
      JSON.stringify({ toJSON });
      function callback() { seen.push(callback.caller) }
      new URLSearchParams("a=1").forEach(callback);
      await new Promise((done) => { setTimeout(callback, 0); setTimeout(done, 5) });
      return seen`;
    expect(await value(code)).toEqual([null, null, null, null, null, null]);
  });
});

describe("the end of a script", () => {
  it("is reached though promises were changed", async () => {
    const code = `
      Object.defineProperty(Promise, Symbol.species, { get() { throw new Error("species") } });
      Promise.prototype.then = () => { throw new Error("then") };
      Promise.prototype.constructor = { get [Symbol.species]() { throw new Error("constructor") } };
      return "ended"`;
    expect(await value(code)).toBe("ended");
  });

  it("is reached by a failure though promises were changed", async () => {
    const { error } = await run(
      `Promise.prototype.constructor = class { constructor() { throw 1 } }; throw new Error("mine")`,
    );
    expect(error).toMatchObject({ code: "SCRIPT_ERROR", message: "Error: mine" });
  });

  it("is told with the words and the place of whatever was thrown", async () => {
    const thrown = async (expression: string): Promise<unknown> => (await run(`throw ${expression}`)).error?.message;
    expect(await thrown(`new TypeError("no")`)).toBe("TypeError: no");
    expect(await thrown(`"text"`)).toBe("text");
    expect(await thrown(`{ a: 1 }`)).toBe("{ a: 1 }");
    expect(await thrown(`null`)).toBe("null");
    expect(await thrown(`undefined`)).toBe("undefined");
    expect(await thrown(`Symbol("s")`)).toBe("Symbol(s)");
    expect(await thrown(`{ message: "like an error" }`)).toBe("like an error");
    expect(await thrown(`new DOMException("gone", "AbortError")`)).toBe("AbortError: gone");
    expect(await thrown(`new Proxy(new Error("x"), { get() { throw 1 } })`)).toContain("without a message");
    expect((await run(`\n\n  null.x`)).error).toMatchObject({ line: 3, snippet: expect.stringContaining("null.x") });
  });

  it("counts once: nothing after it is sent", async () => {
    const { result, logs, emitted, calls } = await run(
      `setTimeout(() => { console.log("late"); emit(1); mcp.shop.list() }, 0); queueMicrotask(() => 0); return 1`,
    );
    expect([result, logs, emitted, calls]).toEqual([1, [], [], []]);
  });
});
