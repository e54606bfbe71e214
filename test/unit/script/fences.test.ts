import { describe, expect, it } from "vitest";
import { findFences } from "../../../src/script/fences.ts";

function bodies(text: string): readonly string[] {
  return findFences(text).blocks.map((block) => text.slice(block.start, block.end));
}

describe("fences are found by their lines", () => {
  it.each<readonly [string, string, readonly string[]]>([
    ["none", "a ` b `` c", []],
    ["one", "x\n```\na\n```\ny", ["a\n"]],
    ["two", "x\n```\na\n```\ny\n~~~\nb\n~~~", ["a\n", "b\n"]],
    ["a whole text is one fence", "```js\na\n```", ["a\n"]],
    ["of two fences, first all of it, then each", "```\na\n```\n```\nb\n```", ["a\n```\n```\nb\n", "a\n", "b\n"]],
    ["not closed", "x\n```\na", ["a"]],
    ["closed by a longer one", "x\n```\na\n`````", ["a\n"]],
    ["not closed by a shorter one", "x\n````\na\n```\nb\n````", ["a\n```\nb\n"]],
    ["not closed by another kind", "x\n```\na\n~~~\nb\n```", ["a\n~~~\nb\n"]],
    ["a label does not close", "x\n```\na\n```js\nb\n```", ["a\n```js\nb\n"]],
    ["two backticks are none", "x\n``\na\n``", []],
    ["backticks on one line are inline code", "x\n```a```\ny", []],
    ["after an open template literal there are none", "const a = `\n```\nb\n```\n`", []],
    ["after a closed one there are", "say `a`\n```\nb\n```", ["b\n"]],
    ["empty", "x\n```\n```", [""]],
    ["closed at the end of a line: that, then all of it", "```js\na\nb```", ["a\nb", "a\nb```"]],
    ["closed so, with text after: all of it, then that", "x\n```\na```\ny", ["a```\ny", "a"]],
    ["on one line", "```js a```", [" a"]],
    ["on one line, with a word that is no label", "```return a```", ["return a"]],
    ["on one line, with more before it: inline code", "x ```a```", []],
    ["on one line, empty", "``````", [""]],
    ["in Markdown that is fenced: those in it first", "````md\nx\n```js\na\n```\n````", ["a\n", "x\n```js\na\n```\n"]],
    [
      "in Markdown that is fenced with as many characters",
      "```md\nx\n```js\na\n```\n```",
      ["a\n", "x\n```js\na\n```\n", "", "x\n```js\na\n"],
    ],
  ])("%s", (_claim, text, expected) => {
    expect(bodies(text)).toEqual(expected);
  });

  it.each([
    ["```JS", "js"],
    ["```TypeScript title=a", "typescript"],
    ["``` ts", "ts"],
    ["```js{1,3}", "js"],
    ["```", ""],
  ])("the label of %j is %j", (line, label) => {
    expect(findFences(`x\n${line}\na\n\`\`\``).blocks[0]?.label).toBe(label);
  });

  it("other languages come last", () => {
    expect(bodies("x\n```json\n1\n```\n```sh\n2\n```\n```ts\n3\n```\n```\n4\n```")).toEqual([
      "3\n",
      "4\n",
      "1\n",
      "2\n",
    ]);
  });

  it("every line that looks like a fence is told, closed or not", () => {
    expect(findFences("x\n```\na\n  ```\n~~~").markers).toEqual([2, 10, 14]);
  });

  it("takes time in proportion to the text", () => {
    const text = "x\n```\na\n```\n".repeat(20_000);
    const start = performance.now();
    expect(findFences(text).blocks.length).toBe(20_000);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
