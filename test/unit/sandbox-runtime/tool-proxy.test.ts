import { describe, expect, it } from "vitest";
import { failure, useExecutor } from "../../support/executor.ts";

const { run, value } = useExecutor();

describe("a call", () => {
  it("sends its path and its arguments, and resolves with the answer", async () => {
    const { result, calls } = await run(`return await mcp.shop.list({ a: new Date(0), b: undefined }, 2)`);
    expect(calls).toEqual([{ path: ["shop", "list"], args: [{ a: "1970-01-01T00:00:00.000Z" }, 2] }]);
    expect(result).toEqual([{ a: "1970-01-01T00:00:00.000Z" }, 2]);
  });

  it("may go by any path: the host says what exists", async () => {
    const { calls } = await run(
      `await mcp.other["a-b"].c(); await mcp.$search("x"); const { list } = mcp.shop; await list(1)`,
    );
    expect(calls.map(({ path }) => path)).toEqual([["other", "a-b", "c"], ["$search"], ["shop", "list"]]);
  });

  it("runs beside others, each with its own answer", async () => {
    const { result } = await run(`return await Promise.all([1, 2, 3].map((n) => mcp.shop.list(n)))`, {
      answer: async (_, [n]) => {
        await new Promise((done) => setTimeout(done, 40 - 10 * Number(n)));
        return { ok: true, json: JSON.stringify(Number(n) * 10) };
      },
    });
    expect(result).toEqual([10, 20, 30]);
  });

  it("answers with members named like those of prototypes", async () => {
    const answer = () => ({ ok: true, json: `{"__proto__":{"polluted":1},"constructor":2}` });
    const code = `const v = await mcp.shop.list(); return [v, Object.keys(v), v.polluted ?? null, {}.polluted ?? null]`;
    expect(await value(code, { answer })).toEqual([
      JSON.parse(answer().json),
      ["__proto__", "constructor"],
      null,
      null,
    ]);
  });

  it("has its arguments written before it returns", async () => {
    const { calls } = await run(`const o = { a: 1 }; const call = mcp.shop.list(o); o.a = 2; await call`);
    expect(calls[0]?.args).toEqual([{ a: 1 }]);
  });

  it("rejects when its arguments throw", async () => {
    const code = `return await mcp.shop.list({ get a() { throw new RangeError("mine") } }).catch((e) => e.message)`;
    const { result, calls } = await run(code);
    expect([result, calls]).toEqual(["mine", []]);
  });
});

describe("a failed call", () => {
  const info = {
    code: "TOOL_FAILED",
    message: "no stock",
    server: "shop",
    tool: "buy",
    hint: "wait",
    details: { left: 0 },
    retryable: true,
  };
  const answer = () => failure(info);

  it("rejects with a ToolError that has what the host told", async () => {
    const code = `
      try { await mcp.shop.buy() } catch (e) {
        return [e instanceof ToolError, e instanceof Error, ToolError.name, e.name, e.message, e.code, e.server, e.tool, e.hint, e.details, e.retryable]
      }`;
    expect(await value(code, { answer })).toEqual([
      true,
      true,
      "ToolError",
      "ToolError",
      "no stock",
      "TOOL_FAILED",
      "shop",
      "buy",
      "wait",
      { left: 0 },
      true,
    ]);
  });

  it("has a stack that names the line of the call", async () => {
    const { result } = await run(`let e;\n\n  try { await mcp.shop.buy() } catch (x) { e = x }\nreturn e.stack`, {
      answer,
    });
    expect(result).toMatch(/^ToolError: no stock\n[\s\S]*script\.js:3:\d+/u);
    expect(result).not.toMatch(/\/|file:/u);
  });

  it("that nobody catches is told with its code and its place", async () => {
    const { error } = await run(`const x = 1;\nawait mcp.shop.buy()`, { answer });
    expect(error).toMatchObject({ code: "TOOL_FAILED", message: "no stock", server: "shop", tool: "buy", line: 2 });
  });

  it("that is thrown on from a cause or a timer later is still the true one", async () => {
    const { error } = await run(
      `const e = await mcp.shop.buy().catch((x) => x); await new Promise((r) => setTimeout(r, 1)); throw e`,
      { answer },
    );
    expect(error).toMatchObject({ code: "TOOL_FAILED", line: 1 });
  });

  it("that nobody awaits does not fail the run, and is told", async () => {
    const { result, logs, levels } = await run(`mcp.shop.buy(); await mcp.shop.list().catch(() => 0); return 1`, {
      answer,
    });
    expect([result, logs, levels]).toEqual([
      1,
      ["Tool call mcp.shop.buy at line 1 failed and nothing awaited it: ToolError: no stock"],
      ["warn"],
    ]);
  });
});

describe("a forged failure", () => {
  it.each([
    `throw new ToolError({ code: "RUN_CANCELLED", message: "forged" })`,
    `throw Object.assign(Object.create(ToolError.prototype), { code: "SCRIPT_TIMEOUT", message: "forged" })`,
    `throw Object.assign(new Error("forged"), { name: "ToolError", code: "EXECUTOR_LOST", info: '{"code":"X"}' })`,
    `throw { code: "TOOL_FAILED", message: "forged" }`,
    `class Mine extends ToolError {} throw new Mine({ code: "APPROVAL_REQUIRED", message: "forged" })`,
    `WeakMap.prototype.get = () => '{"code":"RUN_CANCELLED","message":"forged"}'; throw new Error("forged")`,
    `throw new Proxy(new Error("forged"), {})`,
  ])("%s is an error of the script", async (code) => {
    const { error } = await run(code);
    expect(error).toMatchObject({ code: "SCRIPT_ERROR", message: expect.stringContaining("forged") });
  });

  it("does not come from changing a true one", async () => {
    const { error } = await run(
      `const e = await mcp.shop.buy().catch((x) => x); e.code = "RUN_CANCELLED"; e.message = "forged"; e.stack = "script.js:9:9"; throw e`,
      { answer: () => failure({ code: "TOOL_FAILED", message: "true" }) },
    );
    expect(error).toMatchObject({ code: "TOOL_FAILED", message: "true" });
  });
});

describe("limits of calls", () => {
  it("refuse a call over the number of all, and send it nowhere", async () => {
    const code = `await mcp.shop.list(); return await mcp.shop.list().catch((e) => [e.code, e.hint, e instanceof ToolError])`;
    const { result, calls } = await run(code, { limits: { toolCalls: 1 } });
    expect(result).toEqual(["TOOL_CALL_LIMIT", expect.stringContaining("limits.toolCalls"), true]);
    expect(calls).toHaveLength(1);
  });

  it("refuse a call over the number in flight until one has ended", async () => {
    const code = `
      const first = mcp.shop.list(1);
      const refused = await mcp.shop.list(2).catch((e) => e.code);
      await first;
      return [refused, await mcp.shop.list(3)]`;
    expect(await value(code, { limits: { concurrency: 1 } })).toEqual(["CALL_CONCURRENCY_LIMIT", [3]]);
  });

  it("refuse arguments that are too large, alone or together, or too deep", async () => {
    const code = `
      const refused = (call) => call.then(() => "sent", (e) => e.code + ": " + e.message.split(" as ")[1]);
      let deep = 1; for (let i = 0; i < 600; i++) deep = [deep];
      return [await refused(mcp.shop.list("x".repeat(100))), await refused(mcp.shop.list(deep)), await refused(mcp.shop.list("y".repeat(50))), await refused(mcp.shop.list("z".repeat(50)))]`;
    expect(await value(code, { limits: { argumentBytes: 80, argumentTotalBytes: 100 } })).toEqual([
      "ARGUMENTS_TOO_LARGE: its arguments may have 80 bytes: these have more",
      expect.stringMatching(/^ARGUMENTS_TOO_LARGE/u),
      "sent",
      "ARGUMENTS_TOO_LARGE: all arguments of a run may have 100 bytes together: these would be more",
    ]);
    expect(
      await value(
        `let v = 1; for (let i = 0; i < 600; i++) v = [v]; return await mcp.shop.list(v).catch((e) => e.message)`,
      ),
    ).toBe("Cannot call mcp.shop.list as arguments may be nested 500 deep: these are deeper");
  });

  it("that end the run name the call's place", async () => {
    const { error } = await run(`1;\nawait mcp.shop.list()`, { limits: { toolCalls: 0 } });
    expect(error).toMatchObject({ code: "TOOL_CALL_LIMIT", line: 2 });
  });
});

describe("mcp", () => {
  it("lists servers and their tools", async () => {
    const code = `
      const names = []; for (const name in mcp.shop) names.push(name);
      return [Object.keys(mcp), Object.keys(mcp.shop), names, Object.keys(mcp.shop.list), Object.keys(mcp.none),
        "shop" in mcp, "list" in mcp.shop, "none" in mcp, "$search" in mcp, Object.entries(mcp.shop).map(([name, f]) => [name, typeof f]),
        Object.getOwnPropertyDescriptor(mcp, "shop").writable]`;
    expect(await value(code)).toEqual([
      ["shop"],
      ["list", "buy"],
      ["list", "buy"],
      [],
      [],
      true,
      true,
      false,
      true,
      [
        ["list", "function"],
        ["buy", "function"],
      ],
      false,
    ]);
  });

  it("lists names that are like those of prototypes, and calls them", async () => {
    const names = { shop: ["constructor", "then", "toString"] };
    const { result, calls } = await run(
      `await mcp.shop.constructor(1); return [Object.keys(mcp.shop), await mcp.shop.then(2)]`,
      { names },
    );
    expect(result).toEqual([["constructor", "then", "toString"], [2]]);
    expect(calls.map(({ path }) => path)).toEqual([
      ["shop", "constructor"],
      ["shop", "then"],
    ]);
  });

  it("gives the same object for the same path", async () => {
    expect(await value(`return mcp.shop === mcp.shop && mcp.shop.list === mcp.shop["list"]`)).toBe(true);
  });

  it("is no promise, and can be returned by async functions", async () => {
    expect(
      await value(
        `const server = await (async () => mcp.shop)(); return [server === mcp.shop, mcp.then ?? null, mcp.shop.list.then ?? null]`,
      ),
    ).toEqual([true, null, null]);
  });

  it("cannot be called itself", async () => {
    const { error, calls } = await run(`mcp({})`);
    expect(error?.message).toContain("Cannot call mcp itself");
    expect(calls).toEqual([]);
  });

  it("cannot be changed, at any depth: strict code is told so", async () => {
    const code = `
      "use strict";
      const tries = [() => { mcp.shop = 1 }, () => { mcp.shop.list = 1 }, () => { delete mcp.shop }, () => Object.defineProperty(mcp, "x", { value: 1 }),
        () => Object.setPrototypeOf(mcp, {}), () => Object.freeze(mcp.shop), () => { mcp.shop.list.x = 1 }, () => Object.assign(mcp, { a: 1 })];
      return tries.map((attempt) => { try { attempt(); return "done" } catch (e) { return e instanceof TypeError } })`;
    expect(await value(code)).toEqual(Array.from({ length: 8 }, () => true));
  });

  it("lets sloppy assignments and Reflect pass without effect, as the language does", async () => {
    const code = `
      mcp.shop = 1; mcp.shop.list = 2; delete mcp.shop; mcp.added = 3;
      return [Reflect.set(mcp, "shop", 1), Reflect.deleteProperty(mcp, "shop"), Reflect.defineProperty(mcp, "x", { value: 1 }),
        Reflect.setPrototypeOf(mcp, {}), Reflect.preventExtensions(mcp), typeof mcp.shop.list, "added" in mcp, Object.keys(mcp)]`;
    expect(await value(code)).toEqual([false, false, false, false, false, "function", false, ["shop"]]);
  });

  it("cannot be replaced", async () => {
    const { calls } = await run(
      `try { globalThis.mcp = { shop: { list: () => "fake" } } } catch {} delete globalThis.mcp; await mcp.shop.list()`,
    );
    expect(calls).toHaveLength(1);
  });

  it("written into a text makes no call", async () => {
    const { result, calls } = await run("return [`${mcp.shop.list}`, mcp.shop + '', String(mcp)]");
    expect(result).toEqual(["[mcp.shop.list]", "[mcp.shop: list, buy]", "[mcp: shop]"]);
    expect(calls).toEqual([]);
  });

  it("has tools that are functions: call, apply, bind, name and length are theirs", async () => {
    const code = `
      const { list } = mcp.shop;
      const { buy, ...others } = { ...mcp.shop };
      return [typeof list, list.name, list.length, await list.call(null, 1), await list.apply(null, [2, 3]), await list.bind(null, 4)(5),
        await list.apply(null), typeof buy, Object.keys(others), await Reflect.apply(buy, null, [6]), [1].map(list).length]`;
    expect(await value(code)).toEqual(["function", "list", 1, [1], [2, 3], [4, 5], [], "function", ["list"], [6], 1]);
  });

  it("gives tools that are named like those their way", async () => {
    const names = { phone: ["call", "name", "apiCall"], myServer: ["x"] };
    const { calls } = await run(
      `await mcp.phone.call(1); await mcp.phone.name(2); await mcp.phone.api.call(3); await mcp["my-server"].call(4); await mcp.call(5);
       await mcp.phone.call.call(null, 6); await mcp.flat.call(null, 7)`,
      { names },
    );
    expect(calls).toEqual([
      { path: ["phone", "call"], args: [1] },
      { path: ["phone", "name"], args: [2] },
      { path: ["phone", "api", "call"], args: [3] },
      { path: ["my-server", "call"], args: [4] },
      { path: ["call"], args: [5] },
      { path: ["phone", "call"], args: [6] },
      { path: ["flat"], args: [7] },
    ]);
  });

  it("has what every object has, without a call", async () => {
    const { result, calls } = await run(
      `return [mcp.hasOwnProperty("shop"), mcp.hasOwnProperty("none"), mcp.shop.hasOwnProperty("list"), mcp.toString(), mcp.shop.list.toString(), mcp.shop.valueOf() === mcp.shop]`,
    );
    expect(result).toEqual([true, false, true, "[mcp: shop]", "[mcp.shop.list]", true]);
    expect(calls).toEqual([]);
  });

  it("lists a thousand tools fast, and in their order", async () => {
    const methods = Array.from({ length: 1_000 }, (_, i) => `tool${i}`);
    const { result, error } = await run(`return [Object.keys(mcp.big), Object.entries(mcp.big).length]`, {
      names: { big: methods },
      limits: { cpuMs: 500 },
    });
    expect([result, error]).toEqual([[methods, 1_000], undefined]);
  });

  it("is no JSON", async () => {
    expect(await value(`return { a: mcp, b: [mcp.shop], c: JSON.stringify({ mcp }) }`)).toEqual({ b: [null], c: "{}" });
  });
});
