import { Script } from "node:vm";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLineTable, createPositionMap, editText, snippet } from "../../../src/script/source-position.ts";
import type { Position } from "../../../src/script/script.ts";
import { prefixOf } from "../../../src/script/body-wrapper.ts";
import { compile, prepare } from "./run-script.ts";

/** Where V8 says the body threw, in the caller's text. */
async function thrownAt(text: string): Promise<Position | undefined> {
  const script = await prepare(text);
  const stack = await compile(script, {})().then(
    () => "",
    (error: { stack?: string }) => error.stack ?? "",
  );
  const found = /script\.js:(\d+):(\d+)/u.exec(stack);
  const line = Number(found?.[1]);
  const before = line === 1 ? prefixOf(script.tracker).length : 0;
  return script.edits.toSource({ line, column: Number(found?.[2]) - before });
}

describe("a throw is told where it stands in the caller's text", () => {
  it.each([
    ["on the first line", "throw new Error('x')", 1, 7],
    ["on the first line, in the value", "missing()", 1, 1],
    ["on a later line", "const a = 1;\nconst b = 2;\n  missing()", 3, 3],
    ["in an arrow that is the script", "async () => {\n  missing()\n}", 2, 3],
    ["in an object literal", "{\n  a: missing()\n}", 2, 6],
    ["in a default export", "export default async () => {\n  missing()\n}", 2, 3],
    ["on the line of a default export", "export default missing()", 1, 16],
    ["in a declared function", "async function main() {\n  missing()\n}", 2, 3],
    ["in a fence", "Text\n\n```js\nconst a = 1;\nmissing()\n```", 5, 1],
    ["in an indented fence", "1. x\n   ```js\n   missing()\n   ```", 3, 4],
    ["after types on the same line", "const a: number = missing() as number;", 1, 19],
    ["after types on another line", "interface A {\n  b: string\n}\nconst a: A = missing();", 4, 14],
    ["in a TypeScript fence", "Text\n```ts\nlet a: string;\nmissing()\n```", 4, 1],
    ["after an enum", "enum A {\n  B,\n  C\n}\n\nmissing(A.B)", 6, 1],
    ["after an enum, with return", "enum A { B }\nawait 1;\nreturn missing(A.B)", 3, 1],
    ["after an enum in a fence", "Text\n```ts\nenum A { B }\nmissing()\n```", 4, 1],
    ["after CRLF", "const a = 1;\r\nmissing()", 2, 1],
    ["after U+2028 in a string, which no editor counts", "const a = '\u2028';\nmissing()", 2, 1],
    ["after astral characters", "'𝒳'; missing()", 1, 7],
    ["after a shebang line", "#!/usr/bin/env node\nmissing()", 2, 1],
  ])("%s", async (_claim, text, line, column) => {
    expect(await thrownAt(text)).toEqual({ line, column });
  });
});

describe("a position that is not the caller's", () => {
  it("is that of the value, for the `return` before it, where V8 tells many throws", async () => {
    const { edits } = await prepare("  42");
    for (const column of [3, 9, 10]) expect(edits.toSource({ line: 1, column })).toEqual({ line: 1, column: 3 });
  });

  it("has no place in the source when it was inserted", async () => {
    const { code, edits } = await prepare("42");
    expect(code).toBe("return (42)");
    expect(edits.toSource({ line: 1, column: 10 })).toEqual({ line: 1, column: 2 });
    expect(edits.toSource({ line: 1, column: 11 })).toBeUndefined();
  });

  it.each([
    ["line", { line: 2, column: 1 }],
    ["line 0", { line: 0, column: 1 }],
    ["column 0", { line: 1, column: 0 }],
    ["column", { line: 1, column: 100 }],
    ["number", { line: Number.NaN, column: Number.NaN }],
  ])("has none when there is no such %s", async (_claim, position) => {
    expect((await prepare("42")).edits.toSource(position)).toBeUndefined();
  });
});

describe("line tables", () => {
  it("count what editors count, or what V8 counts", () => {
    const text = "a\nb\r\nc\rd\u2028e\u2029f";
    expect(createLineTable(text, "editor").toPosition(text.indexOf("f"))).toEqual({ line: 4, column: 5 });
    expect(createLineTable(text, "script").toPosition(text.indexOf("f"))).toEqual({ line: 6, column: 1 });
  });

  it("go there and back at every offset", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "\n", "\r", "\u2028", "𝒳") }), (text) => {
        for (const breaks of ["editor", "script"] as const) {
          const table = createLineTable(text, breaks);
          for (let offset = 0; offset <= text.length; offset++) {
            if (table.toOffset(table.toPosition(offset)) !== offset) return false;
          }
        }
        return true;
      }),
    );
  });
});

describe("edits", () => {
  it("keep every unit that they do not replace, with its origin", () => {
    const edited = editText("abcdef", [
      { at: 4, remove: 1, insert: "E" },
      { at: 2, remove: 0, insert: "--" },
      { at: 6, remove: 0, insert: "!" },
    ]);
    expect(edited.text).toBe("ab--cdEf!");
    expect(Array.from({ length: edited.text.length }, (_, i) => edited.toOriginal(i))).toEqual([
      0,
      1,
      undefined,
      undefined,
      2,
      3,
      4,
      5,
      undefined,
    ]);
    expect(edited.toOriginal(-1)).toBeUndefined();
    expect(edited.toOriginal(10)).toBeUndefined();
  });

  it("map a text that is empty", () => {
    expect(createPositionMap("", "", (offset) => offset).toSource({ line: 1, column: 1 })).toEqual({
      line: 1,
      column: 1,
    });
  });
});

describe("snippets", () => {
  it("quote one line without its indentation", () => {
    expect(snippet("a\n   b  \r\nc", 2)).toBe("b");
    expect(snippet("a", 2)).toBeUndefined();
    expect(snippet("", 1)).toBe("");
  });

  it("never cut a character in half", () => {
    const quoted = snippet("𝒳".repeat(500), 1, 500) ?? "";
    expect(quoted.isWellFormed()).toBe(true);
  });
});

const statement = fc.constantFrom(
  "const a$ = 1;",
  "let b$ = [1, 2]",
  "var c$ = `x\ny`;",
  "function d$() { return 1 }",
  "const e$ = async () => {\n  return 2;\n}",
  "if (true) { 1 }",
  "for (const i of [1]) {}",
  "// a comment",
  "/* a\nb */",
  "",
  "await 1;",
  "1 + 1;",
  "console.log('x')",
  "({ a: 1 })",
  "export const f$ = 1;",
  "const g$: number = 1;",
  "type H$ = { a: string };",
  "class I$ { #j = 1 }",
  "try { 1 } catch { 2 }",
);

describe("whatever the script", () => {
  const program = fc
    .array(statement, { maxLength: 12 })
    .map((list) => list.map((text, i) => text.replaceAll("$", String(i))).join("\n;"));

  it("its lines stay where they are", async () => {
    await fc.assert(
      fc.asyncProperty(program, async (text) => {
        const { code } = await prepare(text);
        expect(code.split("\n").length).toBe(text.split("\n").length);
      }),
      { numRuns: 150 },
    );
  });

  it("what the map says is the same character", async () => {
    await fc.assert(
      fc.asyncProperty(program, async (text) => {
        const { code, edits, source } = await prepare(text);
        const lines = source.split("\n");
        code.split("\n").forEach((line, index) => {
          for (let column = 1; column <= line.length; column++) {
            const at = edits.toSource({ line: index + 1, column });
            const unit = line.charAt(column - 1);
            // Blanked words and types map to what they were.
            if (at === undefined || unit === " ") continue;
            expect(at.line).toBe(index + 1);
            const written = lines[at.line - 1]?.charAt(at.column - 1);
            if (written !== unit) expect("return (").toContain(unit);
          }
        });
      }),
      { numRuns: 100 },
    );
  });

  it("in a fence or not, it is the same script", async () => {
    await fc.assert(
      fc.asyncProperty(program, async (text) => {
        const plain = await prepare(text);
        const fenced = await prepare(`Here it is:\n\n\`\`\`ts\n${text}\n\`\`\`\n`);
        expect(fenced.code.trim()).toBe(plain.code.trim());
      }),
      { numRuns: 60 },
    );
  });

  it("any text at all is either prepared or refused as SCRIPT_SYNTAX", async () => {
    const piece = fc.constantFrom(
      "a",
      "`",
      "```",
      "\n",
      "{",
      "}",
      "(",
      ")",
      "=>",
      ";",
      "export",
      "default",
      "~~~",
      "//",
      "/*",
      "*/",
      ":",
      "<",
      "'",
      " ",
      "await",
      "async",
      "function",
      "${",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 14 }), async (pieces) => {
        const text = pieces.join("");
        const outcome = await prepare(text).then(
          ({ code }) => code,
          (error: { code?: string }) => {
            if (error.code !== "SCRIPT_SYNTAX") throw error;
            return undefined;
          },
        );
        // What is prepared compiles inside of the wrapper.
        if (outcome !== undefined) expect(() => new Script(`(async () => {${outcome}\n})`)).not.toThrow();
      }),
      { numRuns: 150 },
    );
  }, 120_000);
});
