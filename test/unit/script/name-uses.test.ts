import { parse } from "acorn";
import type { Node } from "acorn";
import { describe, expect, it } from "vitest";
import { createNameUses } from "../../../src/script/name-uses.ts";
import { evaluate } from "./run-script.ts";

function statementsOf(text: string): { readonly root: Node; readonly body: readonly Node[] } {
  const root = parse(text, { ecmaVersion: "latest" });
  return { root, body: root.body };
}

describe("the uses of a name", () => {
  it.each([
    ["read", "function f() {}\nf();", true],
    ["read in a template", "function f() {}\n`${f}`;", true],
    ["written", "function f() {}\nf = 1;", true],
    ["declared again", "function f() {}\nvar f;", true],
    ["of another thing of that name", "function f() {}\n(f) => 1;", true],
    ["within itself only", "function f() { return f() }", false],
    ["a property only", "function f() {}\na['f'];", false],
    ["nowhere else", "function f() {}\ng();", false],
  ])("%s", (_claim, text, used) => {
    const { root, body } = statementsOf(text);
    expect(createNameUses(root).isUsed("f", body.slice(0, 1))).toBe(used);
  });

  it("several places may be left out", () => {
    const { root, body } = statementsOf("function f() {}\nf();\nf();");
    const uses = createNameUses(root);
    expect(uses.isUsed("f", body.slice(0, 2))).toBe(true);
    expect(uses.isUsed("f", body)).toBe(false);
  });
});

it("a script of very many functions costs no more than its length", async () => {
  const count = 20_000;
  const text = Array.from({ length: count }, (_, i) => `function f${i}() {}`).join("\n");
  // Asking for each function in turn would take a quarter of an hour.
  expect(await evaluate(`${text}\nfunction main() { return f${count - 1}() ?? ${count} }`)).toBe(count);
});
