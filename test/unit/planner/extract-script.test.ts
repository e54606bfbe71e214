import { array, assert, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunletError } from "../../../src/lib/errors.ts";
import { extractScript } from "../../../src/planner/extract-script.ts";

const ANSWERS: readonly { readonly claim: string; readonly answer: string; readonly script: string }[] = [
  { claim: "a bare script is taken whole", answer: "\nreturn 1;\n", script: "return 1;" },
  { claim: "a fence is taken off", answer: "```ts\nreturn 1;\n```", script: "return 1;" },
  { claim: "a fence without a label is taken off", answer: "```\nreturn 1;\n```", script: "return 1;" },
  { claim: "a label of any case counts", answer: "```TypeScript\nreturn 1;\n```", script: "return 1;" },
  { claim: "prose around the fence is dropped", answer: "Sure:\n\n```js\nreturn 1;\n```\nDone.", script: "return 1;" },
  { claim: "a fence that is never closed ends with the text", answer: "```js\nreturn 1;", script: "return 1;" },
  { claim: "line ends of Windows are understood", answer: "```js\r\nreturn 1;\r\n```\r\n", script: "return 1;" },
  {
    claim: "of several code fences the longest is the script",
    answer: "```js\nawait x();\n```\nall of it:\n```js\nawait x();\nreturn 2;\n```",
    script: "await x();\nreturn 2;",
  },
  {
    claim: "a code fence is preferred to a longer one of another language",
    answer: '```json\n{"a": 1, "b": [1, 2, 3, 4, 5, 6]}\n```\n```ts\nreturn 1;\n```',
    script: "return 1;",
  },
  {
    claim: "a fence without a label is preferred to one of another language",
    answer: "```bash\nnpm install something-very-long\n```\n```\nreturn 1;\n```",
    script: "return 1;",
  },
  {
    claim: "a fence of another language is better than prose",
    answer: "See\n```python\nreturn 1\n```",
    script: "return 1",
  },
  {
    claim: "a longer fence may hold a shorter one",
    answer: "````js\n/*\n```\n*/\nreturn 1;\n````",
    script: "/*\n```\n*/\nreturn 1;",
  },
  {
    claim: "escaped backticks in a template literal close nothing",
    answer: "```js\nreturn `\n\\`\\`\\`js\nx\n\\`\\`\\`\n`;\n```",
    script: "return `\n\\`\\`\\`js\nx\n\\`\\`\\`\n`;",
  },
  { claim: "reasoning is dropped", answer: "<think>\nmaybe ```js\nbad\n```\n</think>\nreturn 1;", script: "return 1;" },
  {
    claim: "several passages of reasoning are dropped",
    answer: "<think>a</think>\n<THINK>b</THINK>return 1;",
    script: "return 1;",
  },
  {
    claim: "reasoning whose opening tag is missing is dropped",
    answer: "I could\n```js\nreturn 0;\n```\n</think>\n\n```js\nreturn 1;\n```",
    script: "return 1;",
  },
  {
    claim: "a closing tag at the very end takes nothing away",
    answer: "return 1; // </think>",
    script: "return 1; // </think>",
  },
  {
    claim: "a tag inside a script after reasoning stays",
    answer: '<think>x</think>return "</think>";',
    script: 'return "</think>";',
  },
];

describe("extractScript", () => {
  it.each(ANSWERS)("$claim", ({ answer, script }) => {
    expect(extractScript(answer)).toBe(script);
  });

  it.each(["", "   \n", "```js\n```", "```\n\n```", "<think>I do not know", "<think>x</think>  "])(
    "an answer without a script is refused: %j",
    (answer) => {
      expect(() => extractScript(answer)).toThrow(expect.objectContaining({ code: "MODEL_NO_SCRIPT" }) as RunletError);
    },
  );

  it("gives back any script that is fenced with a fence longer than its own", () => {
    const line = string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n`]/gu, "x"));
    assert(
      property(array(line, { minLength: 1, maxLength: 8 }), (lines) => {
        const script = ["const first = 1;", ...lines, "return first;"].join("\n");
        expect(extractScript(`Here it is.\n\n\`\`\`\`ts\n${script}\n\`\`\`\`\n`)).toBe(script);
      }),
    );
  });
});
