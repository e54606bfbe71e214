import { describe, expect, it } from "vitest";
import { toServerTools } from "../../../src/catalog/server-tools.ts";
import { createSnapshot } from "../../../src/catalog/snapshot.ts";
import { errorInfo } from "../../../src/lib/errors.ts";
import { explainError } from "../../../src/script/explain-error.ts";
import { prepare } from "./run-script.ts";

const READ = {
  server: "files",
  name: "read_file",
  description: "Reads.",
  inputSchema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
  outputSchema: { type: "object", properties: { content: { type: "string" } }, required: ["content"] },
};
const catalog = createSnapshot([
  { server: "files", namespace: "files", tools: toServerTools("files", "files", [READ], true) },
]);
const SIGNATURE = "mcp.files.readFile(args: { path: string }): Promise<{ content: string }>";
const NO_LENGTH = "TypeError: Cannot read properties of undefined (reading 'length')";

async function hint(message: string, text: string): Promise<string | undefined> {
  return explainError(errorInfo("SCRIPT_ERROR", message), await prepare(text), catalog).hint;
}

describe("a missing await is named, with its line, when a script failed for it", () => {
  it.each([
    ["kept in a name", "const a = 1;\nconst f = mcp.files.readFile('a');\nreturn f.content.length"],
    ["read at once", "const a = 1;\nreturn mcp.files.readFile('a').content.length"],
    ["taken apart", "const a = 1;\nconst { content } = mcp.files.readFile('a');\nreturn content.length"],
    ["an index of it", "const a = 1;\nconst f = mcp.files.readFile('a');\nreturn f[0].length"],
    ["in TypeScript", "const a: number = 1;\nconst f: any = mcp.files.readFile('a');\nreturn f.content.length"],
  ])("%s", async (_, text) => {
    expect(await hint(NO_LENGTH, text)).toBe(
      "The call of mcp.files.readFile in line 2 gives a promise: write `await` before it.",
    );
  });

  it.each([
    ["looped over", "for (const x of mcp.files.readFile('a')) x"],
    ["spread", "const f = mcp.files.readFile('a');\nreturn [...f]"],
  ])("%s", async (_, text) => {
    expect(await hint("TypeError: f is not iterable", text)).toContain("write `await` before it");
  });

  it.each([
    "const f = mcp.files.readFile('a');\nreturn (await f).text.length",
    "return mcp.files.readFile('a').then((f) => f.text.length)",
    "const f = mcp.files.readFile('a');\nreturn f.catch(() => 1).then((x) => x.a.b)",
    "const [f] = await Promise.all([mcp.files.readFile('a')]);\nreturn f.text.length",
    "for await (const x of mcp.files.readFile('a')) x.a.b",
  ])("and not where there is none: %s", async (text) => {
    expect(await hint(NO_LENGTH, text)).toBe(`Compare with what the tools return:\n${SIGNATURE}`);
  });
});

describe("an answer of another shape is explained by what the tools return", () => {
  it.each([
    NO_LENGTH,
    "TypeError: Cannot destructure property 'a' of 'b' as it is undefined.",
    "TypeError: f.map is not a function",
    "TypeError: f is not iterable",
  ])("%s", async (message) => {
    expect(await hint(message, "const f = await mcp.files.readFile('a');\nreturn f.text.map(String)")).toBe(
      `Compare with what the tools return:\n${SIGNATURE}`,
    );
  });

  it("each signature is shown once, three at most", async () => {
    const calls = "await mcp.files.readFile('a');\n".repeat(5);
    expect((await hint(NO_LENGTH, calls))?.split("\n")).toEqual(["Compare with what the tools return:", SIGNATURE]);
  });

  it("those of mcp itself, too", async () => {
    expect(await hint("TypeError: x.slice is not a function", "return (await mcp.$search('a')).slice(1)")).toContain(
      "mcp.$search(text, { limit? }): Promise<{ total, results:",
    );
  });

  it("there is no hint where no tool was called", async () => {
    expect(await hint(NO_LENGTH, "return input.a.length")).toBeUndefined();
  });
});

describe("a name that is not there is explained by what there is instead", () => {
  it.each([
    ["fetch", "Scripts have no network"],
    ["process", "send what one needs as `input`"],
    ["Buffer", "Use TextEncoder"],
    ["files", "write mcp.files."],
    ["readFile", SIGNATURE],
    ["read_file", SIGNATURE],
  ])("%s", async (name, words) => {
    expect(await hint(`ReferenceError: ${name} is not defined`, `return ${name}`)).toContain(words);
  });

  it("and left alone when it is the script's own", async () => {
    expect(await hint("ReferenceError: total is not defined", "return total")).toBeUndefined();
  });
});

it("a buffer for which there is no room is explained by the limit", async () => {
  const thrown = "RangeError: Array buffer allocation failed";
  expect(await hint(thrown, "return new Uint8Array(2 ** 31)")).toContain("limits.memoryMiB");
});

it("other errors, and those that have a hint, stay as they are", async () => {
  const script = await prepare("return mcp.files.readFile('a').content.length");
  const own = errorInfo("SCRIPT_ERROR", "Error: my own words");
  const limit = errorInfo("SCRIPT_TIMEOUT", NO_LENGTH);
  const hinted = errorInfo("SCRIPT_ERROR", NO_LENGTH, { hint: "no" });
  for (const error of [own, limit, hinted]) expect(explainError(error, script, catalog)).toBe(error);
});
