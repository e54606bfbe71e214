import { parse } from "acorn";
import type { Options } from "acorn";
import { describe, expect, it } from "vitest";
import { ScriptParser } from "../../../src/script/script-parser.ts";
import { TreeBudget } from "../../../src/script/tree-bounds.ts";

const OPTIONS: Options = { ecmaVersion: "latest", sourceType: "script", allowReturnOutsideFunction: true };

/** A tree, or the fault there is instead of one. */
function outcome(read: typeof parse, text: string, options = OPTIONS): unknown {
  try {
    return JSON.parse(JSON.stringify(read(text, options))) as unknown;
  } catch (error) {
    return String(error);
  }
}

const own: typeof parse = (text, options) => ScriptParser.readProgram(text, options, new TreeBudget(Infinity));

/** One declaration with the separator before it, so often that the text has so many bytes. */
function declarations(bytes: number, first: string, next: (name: string) => string): string {
  const parts = [first];
  let size = first.length;
  for (let at = 0; size < bytes; at++) {
    const part = next(`a${at.toString(36)}`);
    size += part.length;
    parts.push(part);
  }
  return parts.join("");
}

describe("a text is read as the parser itself reads it", () => {
  it.each([
    "let a; let a;",
    "var a; let a;",
    "let a; var a;",
    "var a; var a; function a() {} function a() {}",
    "{ function a() {} function a() {} }",
    "{ async function a() {} function a() {} }",
    "{ function a() {} var a; }",
    "{ let a; { var a; } }",
    "let a; { let a; }",
    "function f(a) { let a; }",
    "function f(a) { var a; }",
    "(a, a) => 1",
    "function f(a, a) {}",
    "try {} catch (e) { var e; }",
    "try {} catch (e) { let e; }",
    "try {} catch ({ e }) { var e; }",
    "try {} catch (e) { let x; { var e; } }",
    "class a {} class a {}",
    "class a {} let a;",
    "for (let i of []) { let i; }",
    "for (let i of []) { var i; }",
    "switch (1) { case 1: let a; case 2: let a; }",
    "let constructor, __proto__, toString; var hasOwnProperty; let length;",
    "let length; let length;",
    "class C { static { var a; let a; } }",
    "label: { let a; break label; }",
  ])("%s", (text) => {
    expect(outcome(own, text)).toEqual(outcome(parse, text));
    const module: Options = { ...OPTIONS, sourceType: "module" };
    const exporting = `${text}\nexport { a, nope };`;
    expect(outcome(own, exporting, module)).toEqual(outcome(parse, exporting, module));
  });
});

// For each of these Acorn's own parser takes minutes, during which a service answers nobody: the test's time limit ends it.
describe("a mebibyte of names does not hold up the process", () => {
  it.each([
    ["let", declarations(1_000_000, "let a", (name) => `,${name}`)],
    ["var", declarations(1_000_000, "var a", (name) => `,${name}`)],
    ["functions", declarations(1_000_000, "", (name) => `function ${name}(){}`)],
    ["functions of a block", `{${declarations(1_000_000, "", (name) => `function ${name}(){}`)}}`],
    ["classes", declarations(1_000_000, "", (name) => `class ${name}{}`)],
    ["parameters", `(${declarations(1_000_000, "a", (name) => `,${name}`)})=>1`],
    ["parts of a pattern", `const {${declarations(1_000_000, "a", (name) => `,${name}`)}}=input`],
  ])("of %s", (_claim, text) => {
    expect(own(text, OPTIONS).body.length).toBeGreaterThan(0);
  });
});
