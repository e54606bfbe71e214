import { describe, expect, it } from "vitest";
import { prepareScript } from "../../../src/script/prepare.ts";
import { failure, useExecutor } from "../../support/executor.ts";
import type { RunOptions } from "../../support/executor.ts";

const runner = useExecutor();

const FAILS: RunOptions = { answer: () => failure({ code: "TOOL_FAILED", message: "no stock" }) };
const NEVER: RunOptions = { answer: () => new Promise(() => undefined) };

/** Runs a text as a caller's text is run: prepared first. */
async function run(text: string, options: RunOptions = {}) {
  return runner.run(await prepareScript(text, { maxBytes: 1_000_000 }), options);
}

async function logsOf(text: string, options?: RunOptions): Promise<readonly string[]> {
  const { logs, error } = await run(text, options);
  expect(error).toBeUndefined();
  return logs;
}

describe("a call that fails and that nobody looks at", () => {
  it.each([
    ["a statement", `mcp.shop.buy(1);\nawait mcp.shop.list().catch(() => 0); return 1`, 1],
    ["kept in a variable", `\nconst p = mcp.shop.buy(1);\nawait mcp.shop.list().catch(() => 0); return 1`, 2],
    ["in a list", `const all = [1].map((x) =>\n  mcp.shop.buy(x));\nawait mcp.shop.list().catch(() => 0); return 1`, 2],
  ])("is told with its line: %s", async (_, text, line) => {
    expect(await logsOf(text, FAILS)).toEqual([
      `Tool call mcp.shop.buy at line ${line} failed and nothing awaited it: ToolError: no stock`,
    ]);
  });

  it("is told once for many of one place", async () => {
    const text = `for (let i = 0; i < 5; i++) mcp.shop.buy(i);\nawait mcp.shop.list().catch(() => 0); return 1`;
    expect(await logsOf(text, FAILS)).toEqual([
      "Tool call mcp.shop.buy at line 1 failed and nothing awaited it: ToolError: no stock (5 times)",
    ]);
  });

  it("is told when a limit refused it", async () => {
    const [log] = await logsOf(`mcp.shop.buy(1); return 1`, { limits: { toolCalls: 0 } });
    expect(log).toMatch(/^Tool call mcp\.shop\.buy at line 1 failed and nothing awaited it: ToolError: Cannot call/u);
  });

  it("is told without a line where lines are not the caller's", async () => {
    const text = `enum Kind { A }\nmcp.shop.buy(Kind.A);\nawait mcp.shop.list().catch(() => 0); return 1`;
    expect(await logsOf(text, FAILS)).toEqual([
      "Tool call mcp.shop.buy failed and nothing awaited it: ToolError: no stock",
    ]);
  });

  it.each([
    `try { await mcp.shop.buy() } catch {} return 1`,
    `const p = mcp.shop.buy(); await mcp.shop.list().catch(() => 0); await p.catch(() => 0); return 1`,
    `await mcp.shop.buy().catch(() => 0); return 1`,
    `await mcp.shop.buy().then(() => 1, () => 2); return 1`,
    `await Promise.allSettled([mcp.shop.buy(), mcp.shop.buy()]); return 1`,
    `await Promise.any([mcp.shop.buy(), mcp.shop.buy()]).catch(() => 0); return 1`,
    `await Promise.race([mcp.shop.buy(), 1]); await mcp.shop.list().catch(() => 0); return 1`,
    `const f = async () => mcp.shop.buy(); await f().catch(() => 0); return 1`,
    `const f = async () => { return await mcp.shop.buy() }; await f().catch(() => 0); return 1`,
    `await new Promise((r, x) => mcp.shop.buy().finally(r).catch(() => 0)); return 1`,
    `await Promise.resolve(mcp.shop.buy()).catch(() => 0); return 1`,
    `await (async () => { for await (const x of [mcp.shop.buy()]) {} })().catch(() => 0); return 1`,
    `await new Promise((resolve) => resolve(mcp.shop.buy())).catch(() => 0); return 1`,
    `const { constructor } = mcp.shop.buy(); await mcp.shop.list().catch(() => 0); return constructor === Promise`,
  ])("is not told when somebody does: %s", async (text) => {
    expect(await logsOf(text, FAILS)).toEqual([]);
  });
});

describe("calls in flight at the end", () => {
  it("are named, with how many there are of each", async () => {
    expect(await logsOf(`mcp.a.b(); [1, 2].forEach(async (x) => { await mcp.shop.buy(x) }); return 1`, NEVER)).toEqual([
      "The script ended before 3 tool calls were answered (mcp.a.b, mcp.shop.buy ×2): await them, or use Promise.all; forEach does not wait",
    ]);
  });

  it("are named when there is one, and not when all are answered", async () => {
    expect(await logsOf(`mcp.a.b(); return 1`, NEVER)).toEqual([
      "The script ended before 1 tool call was answered (mcp.a.b): await them, or use Promise.all; forEach does not wait",
    ]);
    expect(await logsOf(`await Promise.all([mcp.a.b(), mcp.a.c()]); return 1`)).toEqual([]);
  });

  it("are named in part when they are of many tools", async () => {
    const [log] = await logsOf(`for (let i = 0; i < 8; i++) mcp.a["t" + i](); return 1`, NEVER);
    expect(log).toContain("8 tool calls were answered (mcp.a.t0, mcp.a.t1, mcp.a.t2, mcp.a.t3, mcp.a.t4 and 3 more)");
  });

  it("are said to be cancelled when the script failed", async () => {
    const { logs, error } = await run(`mcp.a.b(); throw new Error("mine")`, NEVER);
    expect(error).toMatchObject({ code: "SCRIPT_ERROR" });
    expect(logs).toEqual(["The script failed before 1 tool call was answered (mcp.a.b): they were cancelled"]);
  });

  it("are told though the script's own log is full", async () => {
    const logs = await logsOf(`for (let i = 0; i < 9; i++) console.log(i); mcp.a.b(); return 1`, {
      ...NEVER,
      limits: { logLines: 2 },
    });
    expect(logs.slice(2)).toEqual([
      expect.stringContaining("LOG_LIMIT"),
      expect.stringContaining("The script ended before"),
    ]);
  });
});

describe("arguments that hold a promise", () => {
  it("are told with the place, and the tool whose answer it is", async () => {
    expect(await logsOf(`await mcp.shop.buy({ items: [1, mcp.shop.list()] }); return 1`)).toEqual([
      "The arguments of mcp.shop.buy hold a promise that was not awaited at [0].items[1], of mcp.shop.list: await it, or use Promise.all",
    ]);
  });
});

describe("a rejected promise that a script drops", () => {
  const SAVE = `async function save(x = "no") { await null; throw new Error(x) }\n`;
  const told = (line: number, what = "Error: no"): string =>
    `A promise was rejected and nothing awaited it (line ${line}): ${what}`;

  it.each([
    ["a statement", `${SAVE}save(); return 1`, told(2)],
    ["a statement before others", `${SAVE}save();\nawait new Promise((r) => setTimeout(r, 5)); return 1`, told(2)],
    [
      "a function called at once",
      `\n\n(async () => { throw new TypeError("x") })(); return 1`,
      told(3, "TypeError: x"),
    ],
    ["thrown away by void", `${SAVE}void save(); return 1`, told(2)],
    ["on either side of &&", `${SAVE}true && save(); return 1`, told(2)],
    ["of a condition", `${SAVE}false ? 1 : save(); return 1`, told(2)],
    ["in a comma expression", `${SAVE}1, save(), 2; return 1`, told(2)],
    ["after else", `${SAVE}if (false) 0; else(save)(); return 1`, told(2)],
    ["a callback of forEach", `${SAVE}[1].forEach((x) => save()); return 1`, told(2)],
    [
      "an async callback of forEach",
      `[1].forEach(async (x) => {\n  await null; throw new Error("no") }); return 1`,
      told(1),
    ],
    [
      "a call in such a callback",
      `[1].forEach(async function (x) {\n  await mcp.a.b(); null.x });\nawait mcp.a.c(); await mcp.a.d(); return 1`,
      told(1, "TypeError: Cannot read properties of null (reading 'x')"),
    ],
    ["made by new", `new Promise((_, reject) => reject(new Error("no"))); return 1`, told(1)],
    ["rejected with what is no error", `Promise.reject({ a: [1] }); return 1`, told(1, "an object that is no error")],
    ["rejected with another error", `Promise.reject(new TypeError("no")); return 1`, told(1, "TypeError: no")],
    ["rejected with a symbol", `Promise.reject(Symbol("no")); return 1`, told(1, "a symbol")],
    [
      "rejected with what is too long to be told",
      `Promise.reject(new Error("x".repeat(200_000))); return 1`,
      told(1, "Error: [200000 characters]"),
    ],
    ["rejected with nothing", `Promise.reject(); return 1`, told(1, "undefined")],
    ["of an optional call", `${SAVE}save?.(); return 1`, told(2)],
    ["chained on without a handler", `${SAVE}save().then((x) => x); return 1`, told(2)],
    ["in a fence", `\`\`\`js\n${SAVE}save(); return 1\n\`\`\``, told(3)],
    ["in TypeScript", `const x: number = 1;\n${SAVE}save(); return x`, told(3)],
    ["in TypeScript that is rewritten", `enum A { B }\n${SAVE}save(); return 1`, told(3)],
  ])("is told with its line: %s", async (_, text, log) => {
    expect(await logsOf(text)).toEqual([log]);
  });

  it("is told when the script fails, too", async () => {
    const { logs } = await run(`${SAVE}save(); await null; await null; await null; throw new Error("other")`);
    expect(logs).toEqual([told(2)]);
  });

  it("is told once for many of one place, and only so many in all", async () => {
    expect(await logsOf(`${SAVE}for (let i = 0; i < 5; i++) save(); return 1`)).toEqual([`${told(2)} (5 times)`]);
    const many = await logsOf(`${SAVE}for (let i = 0; i < 50; i++) save("e" + i); return 1`);
    expect(many).toHaveLength(8);
    expect(many.at(-1)).toBe("More warnings of this kind were dropped");
  });

  it.each([
    ["awaited", `${SAVE}await save().catch(() => 0); return 1`],
    ["handled at once", `${SAVE}save().catch(() => 0); return 1`],
    [
      "handled later in the same turn",
      `${SAVE}let kept; function start() { return (kept = save()) }\nstart(); kept.catch(() => 0); return 1`,
    ],
    [
      "handled after some microtasks",
      `${SAVE}let kept; function start() { return (kept = save()) }\nstart(); await null; await null; await null; await null; kept.catch(() => 0); return 1`,
    ],
    ["fulfilled", `(async () => 1)(); return 1`],
    ["of a class of the script's own", `class Mine extends Promise {}\nMine.reject(new Error("no")); return 1`],
    [
      "no promise but a thenable",
      `({ then() { throw new Error("no") } }).then; Object.assign({}, { then() { throw 1 } }); return 1`,
    ],
  ])("is not told when it is %s", async (_, text) => {
    expect(await logsOf(text)).toEqual([]);
  });

  it("is left alone where promises are not the language's own any more", async () => {
    const text = `let made = 0;
      Object.defineProperty(Promise, Symbol.species, { get() { made++; return Promise } });
      (async () => { throw new Error("no") })(); return made`;
    expect(await run(text)).toMatchObject({ result: 0, logs: [] });
  });
});
