import { afterAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { prepareScript } from "../../../src/script/prepare.ts";
import { createScriptReader } from "../../../src/script/script-reader.ts";

const LIMITS = { maxBytes: 1e6, maxNodes: 100_000 };
/** So many nodes that they are read in the thread. */
const MANY = "[1, 2, 3];\n".repeat(2_000);

describe("a script that is read in a thread", () => {
  test.each([
    ["JavaScript", "return await mcp.files.read({ path: 'a' })"],
    ["TypeScript", "const a: string = 'a'; return await mcp.files.read({ path: 'a' })"],
    ["TypeScript that is rewritten", "enum A { B }; return await mcp.files.read({ path: 'a' })"],
  ])("is what a small one is: %s", async (_claim, text) => {
    const small = await prepareScript(`\n${text}`, LIMITS);
    const large = await prepareScript(`${MANY}${text}`, LIMITS);
    const shift = MANY.split("\n").length - 2;
    const [call] = small.calls;
    expect(large.calls).toEqual([
      {
        ...call,
        position: { line: (call?.position?.line ?? 0) + shift, column: call?.position?.column },
        argsPosition: { line: (call?.argsPosition?.line ?? 0) + shift, column: call?.argsPosition?.column },
      },
    ]);
    const before = large.code.slice(0, large.code.lastIndexOf("mcp")).split("\n");
    const place = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    expect(large.edits.toSource(place)).toEqual(large.calls[0]?.position);
    expect([small.checkable() === undefined, large.checkable() === undefined]).toEqual([false, true]);
  });

  test("is refused with its place in the text", async () => {
    await expect(prepareScript(`${MANY}const b = ;`, LIMITS)).rejects.toMatchObject({
      code: "SCRIPT_SYNTAX",
      context: { line: 2_001, column: 11, snippet: "const b = ;" },
    });
  });

  test("does not hold up the process", async () => {
    let turns = 0;
    const turn = (): void => {
      turns++;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    await prepareScript("{}".repeat(45_000), LIMITS);
    clearImmediate(next);
    expect(turns).toBeGreaterThan(10);
  });

  test("is left when its run is over before its turn", async () => {
    const over = new AbortController();
    const first = prepareScript(MANY, LIMITS);
    const second = prepareScript(MANY, { ...LIMITS, asker: { signal: over.signal } });
    over.abort(new Error("cancelled"));
    await expect(second).rejects.toThrow("cancelled");
    await first;
  });
});

describe("the thread", () => {
  const reader = createScriptReader({ clock: systemClock, timeoutMs: 10_000 });
  afterAll(() => reader.close());

  test("is replaced when a text breaks a parser for good", async () => {
    await expect(reader.read(`let a: any = ${"(".repeat(20_000)}`, 100_000)).rejects.toMatchObject({
      code: "SCRIPT_SYNTAX",
      message: expect.stringContaining("nested too deeply"),
    });
    expect(await reader.read("let a: any", 100)).toMatchObject({ code: "let a     " });
  });

  test("is replaced when a text takes too long", async () => {
    const hurried = createScriptReader({ clock: systemClock, timeoutMs: 1_500 });
    const slow = hurried.read(`let q: any = ${"f<(a=".repeat(40)}b`, 100_000);
    await expect(slow).rejects.toMatchObject({
      code: "SCRIPT_TOO_LARGE",
      message: "Cannot run the script as reading it may take 1500 ms and 512 MiB: it takes more",
    });
    await hurried.close();
    expect(await hurried.read("1", 100)).toMatchObject({ code: "return (1)" });
    await hurried.close();
  });
});
