import { expect, test } from "vitest";
import { answerMeta } from "../../../../src/bridge/meta-calls.ts";
import { SANDBOX_DECLARATIONS } from "../../../../src/catalog/declarations/sandbox-declarations.ts";
import { compileTypes, literalText } from "../../../support/compile-types.ts";
import { catalogOf, recordedTools, tool } from "../fake-registry.ts";

const USES = `
emit({ type: "image", data: input.picture, mimeType: "image/png" });
try {
  throw new ToolError({ code: "TOOL_FAILED", message: "No.", retryable: true });
} catch (error) {
  if (error instanceof ToolError && error.retryable && error.code.startsWith("TOOL")) emit([error.tool, error.message]);
}
void mcp.$search("files", { limit: 3 }).then(({ total, results }) => results.slice(0, total).map((one) => one.signature.trim()));
void mcp.$servers().then((servers) => servers.filter(({ listed }) => listed).flatMap(({ tools }) => tools));
// @ts-expect-error the query is a text
void mcp.$search({ query: "files" });
// @ts-expect-error there is no such question
void mcp.$find("files");
`;

test("what a script sees beside its tools compiles alone, and with the tools of any servers", async () => {
  expect(await compileTypes({ "sandbox.d.ts": SANDBOX_DECLARATIONS })).toBe("");
  const servers = [{}, recordedTools(), { s: [tool("$search"), tool("search"), tool("Mcp")], down: undefined }];
  for (const lists of servers) {
    const declarations = SANDBOX_DECLARATIONS + catalogOf(lists).declarations();
    expect(await compileTypes({ "all.d.ts": declarations, "uses.ts": USES })).toBe("");
  }
});

test("what is told of tools has the declared type", async () => {
  const catalog = catalogOf({
    files: [tool("read", { outputSchema: { type: "object" } }), tool("list", { description: "Lists files." })],
    down: undefined,
  });
  const answers: readonly (readonly [question: string, args: readonly unknown[]])[] = [
    ["$search", ["files"]],
    ["$describe", ["files.read"]],
    ["$describe", ["files.list"]],
    ["$servers", []],
  ];
  const lines = answers.map(([question, args], at) => {
    const answer = literalText(JSON.parse(JSON.stringify(answerMeta([question], args, catalog))));
    return `const a${at}: Awaited<ReturnType<Mcp["${question}"]>> = ${answer};`;
  });
  expect(await compileTypes({ "sandbox.d.ts": SANDBOX_DECLARATIONS, "answers.ts": lines.join("\n") })).toBe("");
});
