import { describe, expect, it } from "vitest";
import { RunletError } from "../../../src/lib/errors.ts";
import { parseRunScriptArguments, parseSearchArguments } from "../../../src/mcp/arguments.ts";

function refusalOf(parse: () => unknown): RunletError {
  try {
    parse();
  } catch (thrown) {
    if (thrown instanceof RunletError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

describe("the arguments of run_script", () => {
  it("are a request for a run, member for member", () => {
    const args = { script: "return input", input: { a: [1] }, limits: { wallMs: 1_000, toolCalls: 0 } };
    expect(parseRunScriptArguments(args)).toEqual(args);
  });

  it("are refused with a bounded number of problems, however many there are", () => {
    const unknown = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 1]));
    for (const args of [unknown, { script: "x", limits: unknown }]) {
      const { details } = refusalOf(() => parseRunScriptArguments(args)).context;
      expect((details as { readonly problems: readonly unknown[] }).problems.length).toBeLessThan(53);
    }
  });

  it("need the script only", () => {
    expect(parseRunScriptArguments({ script: "" })).toEqual({ script: "" });
  });

  it("keep a null input, which is a value", () => {
    expect(parseRunScriptArguments({ script: "x", input: null })).toEqual({ script: "x", input: null });
  });

  it("take null limits for none, as models write that must name every member", () => {
    expect(parseRunScriptArguments({ script: "x", limits: null })).toEqual({ script: "x" });
    expect(parseRunScriptArguments({ script: "x", limits: { wallMs: null } })).toEqual({ script: "x", limits: {} });
  });

  it.each([
    { args: undefined, pointer: "/script", words: "current value is absent" },
    { args: {}, pointer: "/script", words: "current value is absent" },
    { args: "return 1", pointer: "", words: "must be an object: current value is a text" },
    { args: { script: 1 }, pointer: "/script", words: "current value is 1" },
    { args: { script: ["return 1"] }, pointer: "/script", words: "current value is an array" },
    { args: { script: "x", scripts: 1 }, pointer: "/scripts", words: "did you mean script?" },
    { args: { script: "x", zebra: 1 }, pointer: "/zebra", words: "there are script, input, limits" },
    { args: { script: "x", "a/b~c": 1 }, pointer: "/a~1b~0c", words: "is unknown" },
    { args: { script: "x", limits: [] }, pointer: "/limits", words: "current value is an array" },
    { args: { script: "x", limits: { wallms: 5 } }, pointer: "/limits/wallms", words: "did you mean wallMs?" },
    { args: { script: "x", limits: { wallMs: "5s" } }, pointer: "/limits/wallMs", words: "current value is a text" },
    { args: { script: "x", limits: { wallMs: -1 } }, pointer: "/limits/wallMs", words: "current value is -1" },
    { args: { script: "x", limits: { wallMs: 1.5 } }, pointer: "/limits/wallMs", words: "current value is 1.5" },
  ])("are refused with the place and the remedy: $pointer $words", ({ args, pointer, words }) => {
    const refusal = refusalOf(() => parseRunScriptArguments(args));
    expect(refusal.code).toBe("REQUEST_INVALID");
    expect(refusal.message).toContain(words);
    const { problems } = refusal.context.details as { problems: { pointer: string; message: string }[] };
    expect(problems.map((problem) => problem.pointer)).toContain(pointer);
  });

  it("are refused with every problem at once", () => {
    const refusal = refusalOf(() => parseRunScriptArguments({ code: "return 1", limits: { cpu: 1 } }));
    const { problems } = refusal.context.details as { problems: { pointer: string }[] };
    expect(problems.map(({ pointer }) => pointer)).toEqual(["/code", "/script", "/limits/cpu"]);
  });

  it("never show a caller's long text in the refusal", () => {
    const refusal = refusalOf(() => parseRunScriptArguments({ script: "x", limits: "y".repeat(10_000) }));
    expect(refusal.message.length).toBeLessThan(300);
  });
});

describe("the arguments of search_tools", () => {
  it("have defaults", () => {
    expect(parseSearchArguments({ query: "files" })).toEqual({
      query: "files",
      limit: 10,
      offset: 0,
      server: undefined,
    });
    expect(parseSearchArguments(undefined)).toEqual({ query: "", limit: 10, offset: 0, server: undefined });
    expect(parseSearchArguments({ query: "", limit: null, offset: null, server: null })).toEqual({
      query: "",
      limit: 10,
      offset: 0,
      server: undefined,
    });
  });

  it.each([
    { query: 1 },
    { query: "x", limit: 0 },
    { query: "x", limit: 51 },
    { query: "x", limit: 1.5 },
    { query: "x", offset: -1 },
    { query: "x", offset: "1" },
    { query: "x", limit: "10" },
    { query: "x", server: ["files"] },
    { query: "x", servers: "files" },
  ])("are refused: %j", (args) => {
    expect(refusalOf(() => parseSearchArguments(args)).code).toBe("REQUEST_INVALID");
  });
});
