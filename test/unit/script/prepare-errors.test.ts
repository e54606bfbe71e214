import { describe, expect, it } from "vitest";
import { prepareScript } from "../../../src/script/prepare.ts";
import { SCRIPT_GLOBALS } from "../../../src/script/script-globals.ts";
import { evaluate, prepare, refuse } from "./run-script.ts";

describe("the size of a source", () => {
  it("is taken up to its limit, in UTF-8 bytes", async () => {
    await expect(prepareScript("'é'", { maxBytes: 4 })).resolves.toMatchObject({ source: "'é'" });
    await expect(prepareScript("'é'", { maxBytes: 3 })).rejects.toMatchObject({
      code: "SCRIPT_TOO_LARGE",
      message: "Cannot run a script of more than 3 bytes: current size is 4",
      context: { hint: "Send data as `input` and keep only code in the script." },
    });
  });
});

describe("the syntax tree of a source", () => {
  const list = (items: number): string => `return [\n  ${"1,\n  ".repeat(items)}]`;

  it("is taken up to its limit, whether it is read here or in a thread, and refused where it is over", async () => {
    for (const items of [100, 5_000]) {
      // The function around a script, its body, the statement and the list take some.
      const maxNodes = items + 10;
      const { code } = await prepareScript(list(items), { maxBytes: 1e6, maxNodes });
      expect(code).toBe(list(items));
      await expect(prepareScript(list(items + 10), { maxBytes: 1e6, maxNodes })).rejects.toMatchObject({
        code: "SCRIPT_TOO_LARGE",
        message: `Cannot run the script as its syntax tree may have ${maxNodes} nodes: it has more`,
        context: {
          line: expect.toSatisfy((line: number) => line > items && line <= items + 12),
          column: 3,
          snippet: "1,",
          hint: "Send data as `input` and keep only code in the script, or ask for more with limits.syntaxNodes.",
        },
      });
    }
  });

  it("counts a regular expression by its length", async () => {
    const text = `return /${"a".repeat(4_000)}/`;
    await expect(prepareScript(text, { maxBytes: 1e6, maxNodes: 1_100 })).resolves.toMatchObject({ code: text });
    await expect(prepareScript(text, { maxBytes: 1e6, maxNodes: 900 })).rejects.toMatchObject({
      code: "SCRIPT_TOO_LARGE",
    });
  });

  it("has so many nodes in all readings of a text together that none holds up the process", async () => {
    const fences = `Take one:\n${`\`\`\`js\n${"a;".repeat(900)})\n\`\`\`\n`.repeat(30)}`;
    await expect(prepareScript(fences, { maxBytes: 1e6, maxNodes: 2_000 })).rejects.toMatchObject({
      code: "SCRIPT_TOO_LARGE",
    });
    await expect(prepareScript(fences, { maxBytes: 1e6 })).rejects.toMatchObject({ code: "SCRIPT_SYNTAX" });
  });
});

describe("N13: a script cannot import", () => {
  it.each([
    ["a default import", 'import fs from "fs"', 1, 1, '"fs"'],
    ["named imports on line two", 'const a = 1;\n  import { b } from "c";', 2, 3, '"c"'],
    ["an import for its effects", 'import "x";', 1, 1, '"x"'],
    ["a dynamic import", 'const a = await import("node:fs");', 1, 17, '"node:fs"'],
    ["a dynamic import of a computed name", "await import(name)", 1, 7, "a module"],
    ["import.meta", "return import.meta.url", 1, 8, "a module"],
    ["require", 'const fs = require("fs")', 1, 12, '"fs"'],
    ["require in a function", "const f = () => {\n  return require(`os`)\n}\nf()", 2, 10, '"os"'],
    ["a re-export", 'export * from "a"', 1, 1, '"a"'],
    ["named re-exports", 'export { a } from "b"', 1, 1, '"b"'],
    ["an import in a fence", 'Here:\n```js\nimport a from "b";\n```', 3, 1, '"b"'],
    ["an import in TypeScript", 'import { a } from "b";\nconst c: number = a;', 1, 1, '"b"'],
    ["import equals", 'const n: number = 1;\nimport x = require("fs");\nx', 2, 12, '"fs"'],
  ])("%s", async (_claim, text, line, column, named) => {
    const error = await refuse(text);
    expect(error).toMatchObject({ code: "SCRIPT_SYNTAX", context: { line, column } });
    expect(error.message).toMatch(`Cannot import ${named} as scripts have no modules`);
    for (const name of SCRIPT_GLOBALS) expect(error.message).toContain(name);
    expect(error.context.hint).toContain("mcp.<server>.<tool>");
  });

  it("an import of types alone is erased", async () => {
    expect(await evaluate('import type { A } from "a";\nconst b: A = 1;\nb')).toBe(1);
  });

  it("an export inside of a block is refused where it stands", async () => {
    expect(await refuse("if (true) {\n  export const a = 1;\n}")).toMatchObject({
      message: "Cannot run the script as it does not parse: Unexpected token 'export'",
      context: { line: 2, column: 3, snippet: "export const a = 1;" },
    });
  });
});

describe("N14: a syntax error is told where the caller sees it", () => {
  it.each([
    ["in a script", "const a = 1;\nconst b = ;\nreturn a", 2, 11, "const b = ;"],
    ["after a byte order mark", "\uFEFFconst b = ;", 1, 12, "const b = ;"],
    ["after CRLF", "const a = 1;\r\nconst b = ;\r\n", 2, 11, "const b = ;"],
    ["after astral characters", "const a = '𝒳𝒳'; const b = ;", 1, 29, "const a = '𝒳𝒳'; const b = ;"],
    ["in a fence", "Look:\n\n```js\nconst a = 1;\n  const b = ;\n```", 5, 13, "const b = ;"],
    ["in an indented fence", "1. Look\n   ```js\n   const b = ;\n   ```", 3, 14, "const b = ;"],
    ["in a text that is a fence", "```js\nconst b = ;\n```", 2, 11, "const b = ;"],
    [
      "in the largest fence when none parses",
      "```js\n)\n```\nand\n```js\nconst b = ;\nmore()\n```",
      6,
      11,
      "const b = ;",
    ],
    [
      "in the largest fence after prose",
      "Try\n```js\nconst b = ;\nmore()\n```\nor\n```js\n)\n```",
      3,
      11,
      "const b = ;",
    ],
    ["in a fence that something follows", "```js\nif (a) {\n  b()\n```\nIt is `b`.", 4, 1, "```"],
    ["in the second reading of a fence", "Look:\n```js\nconst b = ;\nreturn b```\nDone.", 3, 11, "const b = ;"],
    ["a fence after an enum, which would be a template", "enum A { B }\n```js\nreturn 1\n```", 2, 1, "```js"],
    ["in TypeScript", "const a: number = 1;\nconst b: string = ;", 2, 19, "const b: string = ;"],
    ["in TypeScript in a fence", "```ts\nconst a: number = 1;\nconst b: string = ;\n```", 3, 19, "const b: string = ;"],
    [
      "in TypeScript with return and await",
      "const a: number = await f();\nconst b = ;\nreturn a",
      2,
      11,
      "const b = ;",
    ],
    ["in an enum", "enum A {\n  B =\n}", 3, 1, "}"],
    ["after the wrong kind of quote", "const a = \u201Cx\u201D;", 1, 11, "const a = \u201Cx\u201D;"],
    ["in prose alone", "I cannot do that.", 1, 3, "I cannot do that."],
    ["at the end of the text", "const a = {\n  b: [1, 2", 2, 11, "b: [1, 2"],
    ["a stray brace", "const a = 1;\n}\nreturn a", 2, 1, "}"],
    ["a name declared twice", "const a = 1;\nconst a = 2;", 2, 7, "const a = 2;"],
    ["await in a function that is not async", "function f() {\n  await g();\n}\nf()", 2, 3, "await g();"],
    ["a regular expression", "const a = 1;\nconst b = /(/;", 2, 12, "const b = /(/;"],
    ["await as a name", "const a = 1;\nvar await = 2;", 2, 5, "var await = 2;"],
  ])("%s", async (_claim, text, line, column, snippet) => {
    const { code, message, context } = await refuse(text);
    expect({ code, line: context.line, column: context.column, snippet: context.snippet }).toEqual({
      code: "SCRIPT_SYNTAX",
      line,
      column,
      snippet,
    });
    expect(message).toMatch(/^Cannot run the script as it does not parse: \S/u);
    expect(context.hint).toMatch(/\S/u);
  });

  it("quotes the part of a very long line where the fault is", async () => {
    const { context } = await refuse(`${"a();".repeat(1_000)}const b = ;${"c();".repeat(1_000)}`);
    expect(context.column).toBe(4_011);
    expect(context.snippet).toMatch(/^….*const b = ;.*…$/u);
    expect(context.snippet?.length).toBeLessThan(170);
  });

  it("tells nothing of our wrapper or our files", async () => {
    for (const text of ["foo(", "}", "const a = `", "let b: = 1", "enum A {"]) {
      const { message, context } = await refuse(text);
      expect(JSON.stringify({ message, context })).not.toMatch(/async \(\)|stdin|node:|\/src\/|esbuild|acorn/u);
    }
  });
});

describe("a script cannot leave the function it is put into", () => {
  it.each([
    "}); evil(); (async () => {",
    "}, evil(), async () => {",
    "})(); (async () => {",
    "}) + (async () => {",
    "}); // ",
    "})\n/*",
    "}; (async () => {",
    "} /* ",
    "const a: number = 1; }); evil(); (async () => {",
    "enum A {} }); evil(); (async () => {",
    "```js\n}); evil(); (async () => {\n```",
    "```ts\nlet a: number }); evil(); (async () => {\n```",
  ])("%j", async (text) => {
    expect(await refuse(text)).toMatchObject({ code: "SCRIPT_SYNTAX" });
  });

  it.each(["new.target", "super.x", "arguments.length = ;"])("%s has no meaning at the top level", async (text) => {
    expect(await refuse(text)).toMatchObject({ code: "SCRIPT_SYNTAX" });
  });
});

describe("a source that is nested too deeply is refused and harms nothing else", () => {
  const DEPTH = 100_000;
  it.each([
    ["parentheses", `${"(".repeat(DEPTH)}1${")".repeat(DEPTH)}`],
    ["arrays", `${"[".repeat(DEPTH)}${"]".repeat(DEPTH)}`],
    ["arrays not closed", "[".repeat(DEPTH)],
    ["blocks", `${"{".repeat(DEPTH)}${"}".repeat(DEPTH)}`],
    ["functions", `${"()=>".repeat(DEPTH)}1`],
    ["negations", `${"!".repeat(DEPTH)}1`],
    ["conditionals", `${"a?b:".repeat(DEPTH)}c`],
    ["members", `a${".b".repeat(DEPTH)}`],
    ["sums", `1${"+1".repeat(DEPTH)}`],
    ["templates", `${"`${".repeat(DEPTH)}1${"}`".repeat(DEPTH)}`],
    ["a fence", `\`\`\`js\n${"(".repeat(DEPTH)}1${")".repeat(DEPTH)}\n\`\`\``],
    ["TypeScript", `let a: number = ${"(".repeat(DEPTH)}1${")".repeat(DEPTH)}`],
    ["types", `let a: ${"A<".repeat(DEPTH)}B${">".repeat(DEPTH)} = 1`],
  ])("%s", async (_claim, text) => {
    const error = await refuse(text);
    // What a parser of TypeScript does not survive may be anything.
    expect(error).toMatchObject({ code: text.startsWith("let") ? "SCRIPT_SYNTAX" : "SCRIPT_TOO_LARGE" });
    expect(error.message).toMatch(/nested/u);
    expect(error.context.snippet?.length).toBeLessThan(200);
    expect(await evaluate("const a: number = 1; a")).toBe(1);
  });

  it("depth that people write is fine", async () => {
    expect(await evaluate(`${"[".repeat(200)}${"]".repeat(200)}.length`)).toBe(1);
    expect(await evaluate(`'a'${"+'a'".repeat(1_000)}`)).toBe("a".repeat(1_001));
    expect(await evaluate(`const a: string = 'a'${"+'a'".repeat(300)}; a`)).toBe("a".repeat(301));
  });
});

describe("the source of a prepared script", () => {
  it("is the caller's text, whole", async () => {
    const text = "Here:\n```js\n1\n```\nThere.";
    expect((await prepare(text)).source).toBe(text);
  });
});
