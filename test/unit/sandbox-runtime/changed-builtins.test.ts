import { describe, expect, it } from "vitest";
import { failure, useExecutor } from "../../support/executor.ts";

const { run, value } = useExecutor();

describe("calls from a script that has changed builtins", () => {
  const POLLUTIONS: readonly (readonly [claim: string, code: string])[] = [
    ["toJSON on Object and Array", `Object.prototype.toJSON = Array.prototype.toJSON = () => "forged"`],
    [
      "descriptor words on Object.prototype",
      `for (const key of ["get", "set", "value", "writable"]) Object.prototype[key] = () => "forged"`,
    ],
    [
      "proxy traps on Object.prototype",
      `for (const key of ["get", "apply", "construct", "isExtensible", "has"]) Object.prototype[key] = () => { throw new Error("trap") }`,
    ],
    [
      "setters of indices",
      `for (let i = 0; i < 5; i++) Object.defineProperty(Array.prototype, i, { set() { throw new Error("set") }, configurable: true })`,
    ],
    [
      "Map, WeakMap and Set",
      `for (const C of [Map, WeakMap, Set]) for (const key of Object.getOwnPropertyNames(C.prototype)) if (key !== "constructor" && key !== "size") C.prototype[key] = () => { throw new Error(key) }`,
    ],
    [
      "JSON and Reflect",
      `JSON.parse = JSON.stringify = () => { throw new Error("JSON") }; for (const key of Object.keys(Object.getOwnPropertyDescriptors(Reflect))) if (typeof Reflect[key] === "function") Reflect[key] = () => { throw new Error(key) }`,
    ],
    [
      "errors",
      `Error.prototype.toString = () => { throw new Error("toString") }; Error.prepareStackTrace = () => 5; Error.stackTraceLimit = 0; Object.defineProperty(Error.prototype, "name", { get() { throw new Error("name") }, set() {} })`,
    ],
    [
      "text and functions",
      `for (const key of ["slice", "indexOf", "replaceAll", "toString"]) String.prototype[key] = () => { throw new Error(key) }; for (const key of ["call", "apply", "bind"]) Function.prototype[key] = () => { throw new Error(key) }`,
    ],
    [
      "array iteration",
      `Array.prototype[Symbol.iterator] = () => { throw new Error("iterator") }; Array.prototype.push = Array.prototype.join = () => { throw new Error("array") }`,
    ],
    [
      "globals",
      `for (const name of ["Object", "Array", "String", "Number", "Error", "TypeError", "Map", "Proxy", "Symbol", "Reflect", "JSON"]) globalThis[name] = undefined`,
    ],
    ["static parts of promises", `Promise.resolve = Promise.reject = () => { throw new Error("static") }`],
  ];
  it.each(POLLUTIONS)("%s: answers and failures still arrive", async (_, pollution) => {
    const { result, error, calls } = await run(
      `${pollution};
       const good = await mcp.shop.list(5);
       let bad; try { await mcp.shop.buy(6) } catch (e) { bad = e.code + " " + e.message }
       return { good: good[0], bad }`,
      {
        answer: ([, tool], args) =>
          tool === "list" ? { ok: true, json: JSON.stringify(args) } : failure({ code: "TOOL_FAILED", message: "no" }),
      },
    );
    expect(calls).toEqual([
      { path: ["shop", "list"], args: [5] },
      { path: ["shop", "buy"], args: [6] },
    ]);
    if (pollution.includes("toJSON")) expect(result).toBe("forged");
    else expect({ result, error }).toEqual({ result: { good: 5, bad: "TOOL_FAILED no" }, error: undefined });
  });

  it("calls that getters of arguments make are counted before the call they are made for", async () => {
    const code = `
      let inner;
      const args = { get a() { inner ??= mcp.shop.list(1); return 1 } };
      const outer = await mcp.shop.list(args).catch((e) => e.code);
      return [await inner, outer]`;
    expect(await value(code, { limits: { toolCalls: 1 } })).toEqual([[1], "TOOL_CALL_LIMIT"]);
    expect(await value(code, { limits: { concurrency: 1 } })).toEqual([[1], "CALL_CONCURRENCY_LIMIT"]);
  });

  it("a name longer than any tool's is refused before it leaves the isolate", async () => {
    const { result, calls } = await run(
      `try { await mcp.shop["x".repeat(5e5)]() } catch (e) { return [e.code, e.message.length < 200] }`,
    );
    expect([result, calls]).toEqual([["TOOL_NOT_FOUND", true], []]);
  });

  it("every failure of an entry arrives when Error.prepareStackTrace throws", async () => {
    const code = `
      Error.prepareStackTrace = () => { throw new Error("stack") };
      return (await Promise.allSettled([mcp.shop.list(), mcp.shop.buy()])).map(({ reason }) => reason.message)`;
    const answer = () => failure({ code: "TOOL_FAILED", message: "no" });
    expect(await value(code, { answer })).toEqual(["no", "no"]);
  });
});
