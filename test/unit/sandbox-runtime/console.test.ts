import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run } = useExecutor();

describe("console", () => {
  it("gives each method its level", async () => {
    const { logs, levels } = await run(
      `for (const name of ["log", "info", "debug", "trace", "warn", "error", "dirxml"]) console[name](name)`,
    );
    expect(logs).toEqual(["log", "info", "debug", "trace", "warn", "error", "dirxml"]);
    expect(levels).toEqual(["info", "info", "debug", "debug", "warn", "error", "info"]);
  });

  it("indents what is in a group, and each line of it", async () => {
    const { logs } = await run(
      `console.group("a"); console.log("b\\nc"); console.groupCollapsed(); console.log("d"); console.groupEnd();
       console.groupEnd(); console.groupEnd(); console.log("e"); console.group(); console.clear(); console.log("f")`,
    );
    expect(logs).toEqual(["a", "  b\n  c", "    d", "e", "f"]);
  });

  it("asserts, counts and shows values", async () => {
    const { logs } = await run(
      `console.assert(true, "no"); console.assert(false); console.assert(0, "x %d", 1); console.count(); console.count();
       console.count("a"); console.countReset(); console.count(); console.dir({ a: "b" }); console.dir("q"); console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 }); console.dir([[[[[1]]]]], { depth: null })`,
    );
    expect(logs).toEqual([
      "Assertion failed",
      "Assertion failed: x 1",
      "default: 1",
      "default: 2",
      "a: 1",
      "default: 1",
      "{ a: 'b' }",
      "'q'",
      "{ a: [Object] }",
      "[\n  [\n    [ [ [ 1 ] ] ]\n  ]\n]",
    ]);
  });

  it("measures time, and says nothing of timers that were not started", async () => {
    const { logs } = await run(
      `console.time("t"); console.timeLog("t"); console.timeEnd("t"); console.timeEnd("t"); console.timeLog("other")`,
    );
    expect(logs).toHaveLength(2);
    for (const line of logs) expect(line).toMatch(/^t: \d+ms$/u);
  });

  it("cuts a line and says how much is gone", async () => {
    const { logs } = await run(`console.log("x".repeat(100))`, { limits: { logLineBytes: 40 } });
    expect(logs).toEqual([`${"x".repeat(40)}… [60 more]`]);
  });

  it("stops at the limit of lines and says so once", async () => {
    const { logs, levels, result } = await run(`for (let i = 0; i < 10; i++) console.log(i); return "on"`, {
      limits: { logLines: 3 },
    });
    expect(logs).toEqual(["0", "1", "2", expect.stringMatching(/^LOG_LIMIT: a run may log 3 lines/u)]);
    expect(levels.at(-1)).toBe("warn");
    expect(result).toBe("on");
  });

  it("stops at the limit of bytes", async () => {
    const { logs } = await run(`console.log("x".repeat(60)); console.log("y".repeat(60)); console.log("z")`, {
      limits: { logBytes: 100 },
    });
    expect(logs).toEqual(["x".repeat(60), expect.stringContaining("LOG_LIMIT")]);
  });

  it("does not depend on builtins that a script has replaced", async () => {
    const { logs } = await run(
      `String.prototype.slice = String.prototype.indexOf = Object.keys = () => { throw new Error("patched") };
       Object.prototype.toJSON = () => "forged";
       console.log("a %O", { b: [1] }, new Map([[1, new Set([2])]]), "c"); console.table([{ d: 1 }])`,
    );
    expect(logs).toEqual([
      "a { b: [ 1 ] } Map(1) { 1 => Set(1) { 2 } } c",
      "┌─────────┬───┐\n│ (index) │ d │\n├─────────┼───┤\n│ 0       │ 1 │\n└─────────┴───┘",
    ]);
  });

  it("bounds the indent of groups", async () => {
    const { logs } = await run(`for (let i = 0; i < 1e5; i++) console.group(); console.log("a\\nb")`);
    expect(logs).toEqual([`${" ".repeat(64)}a\n${" ".repeat(64)}b`]);
  });
});
