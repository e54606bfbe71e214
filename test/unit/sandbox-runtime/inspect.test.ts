import { describe, expect, it } from "vitest";
import { failure, useExecutor } from "../../support/executor.ts";

const { run } = useExecutor();

/** The log line that console.log makes of its arguments. */
async function logged(args: string): Promise<string> {
  const { logs, error } = await run(`console.log(${args})`);
  expect(error).toBeUndefined();
  expect(logs).toHaveLength(1);
  return logs[0] ?? "";
}

describe("a logged value that Node has not, or shows by means no isolate has", () => {
  const TABLE: readonly (readonly [args: string, text: string])[] = [
    [`mcp, mcp.shop, [mcp.shop.list]`, "[mcp: shop] [mcp.shop: list, buy] [ [mcp.shop.list] ]"],
    [`new URL("http://a/"), new URLSearchParams("a=1")`, "URL { http://a/ } URLSearchParams { a=1 }"],
    [`new AbortController()`, "AbortController {}"],
    [
      `Promise.resolve(1), [Promise.reject(1)]`,
      "Promise { <pending or settled: not awaited> } [ Promise { <pending or settled: not awaited> } ]",
    ],
    [`new Proxy({ a: 1 }, {}), new Proxy([1], {})`, "{ a: 1 } [ 1 ]"],
    [`new Map([[1, 2]]).values(), new Set([1]).entries()`, "Object [Map Iterator] {} Object [Set Iterator] {}"],
    [`new WeakRef({})`, "WeakRef { <ref> }"],
    [`new Proxy({}, { getPrototypeOf() { throw 1 } })`, "[value that throws]"],
    [`[1, { get a() { throw 1 } }]`, "[ 1, { a: [Getter] } ]"],
    ["", ""],
  ];
  it.each(TABLE)("%s is shown as %s", async (args, text) => {
    expect(await logged(args)).toBe(text);
  });

  it("is a call that was not awaited, with its tool", async () => {
    const { logs } = await run(`const call = mcp.shop.list(); console.log(call); await call`);
    expect(logs).toEqual(["Promise { <answer of mcp.shop.list: not awaited> }"]);
  });

  it("is an error with its stack, its members and its cause", async () => {
    const text = await logged(`Object.assign(new Error("top", { cause: "below" }), { code: 3 })`);
    expect(text).toMatch(
      /^Error: top\n {4}at eval \(script\.js:1:\d+\) \{\n {2}code: 3,\n {2}\[cause\]: 'below'\n\}$/u,
    );
  });

  it("is a failed call with what the host told of it", async () => {
    const answer = () => failure({ code: "TOOL_FAILED", message: "no stock", server: "shop", tool: "buy" });
    const { logs } = await run(`try { await mcp.shop.buy() } catch (e) { console.log(e) }`, { answer });
    expect(logs).toEqual([
      expect.stringMatching(/^ToolError: no stock\n {4}at eval \(script\.js:1:\d+\) \{\n {2}code: 'TOOL_FAILED',\n/u),
    ]);
  });
});

describe("the work of one line", () => {
  it("is bounded, whatever is shown", async () => {
    const { logs, error } = await run(
      `const tree = (d) => d === 0 ? [] : Array.from({ length: 90 }, () => tree(d - 1)); console.log(tree(3))`,
    );
    expect(error).toBeUndefined();
    expect(logs[0]).toContain("…");
  });

  it("does not search large lists for members, nor walk along the holes of nearly empty ones", async () => {
    const { logs, error } = await run(
      `const list = Array(2 ** 32 - 1); list[4e9] = 1; console.log(list); console.log(Array(1e6).fill(1))`,
      { limits: { cpuMs: 2_000 } },
    );
    expect(error).toBeUndefined();
    expect(logs[0]).toBe("[ <4000000000 empty items>, 1, <294967294 empty items> ]");
    expect(logs[1]).toContain("... 999900 more items");
  });

  it("of a table is bounded too", async () => {
    const { logs, error } = await run(
      `console.table(Array.from({ length: 5000 }, (_, i) => ({ i }))); console.table([Object.fromEntries(Array.from({ length: 500 }, (_, i) => ["c" + i, i]))])`,
      { limits: { logLineBytes: 65_536, logBytes: 1_000_000 } },
    );
    expect(error).toBeUndefined();
    expect(logs[0]?.split("\n")).toHaveLength(1_004);
    expect(logs[1]).toContain("│ c99 │");
    expect(logs[1]).not.toContain("c100");
  });
});
