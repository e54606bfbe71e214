import { describe, expect, it } from "vitest";
import type { Catalog } from "../../../../src/catalog/catalog.ts";
import { usedNamespaces } from "../../../../src/script/typecheck/typecheck-namespaces.ts";
import { prepare } from "../run-script.ts";
import { CATALOG } from "./typecheck-catalog.ts";

async function used(text: string, catalog = CATALOG): Promise<readonly string[] | undefined> {
  const checkable = (await prepare(text)).checkable();
  expect(checkable).toBeDefined();
  return checkable && usedNamespaces(checkable.tree.root, catalog);
}

describe("the servers whose types a script needs", () => {
  it.each([
    ["none", "const mcpish = { mcp: 1 }; return mcpish.mcp", []],
    [
      "those it names",
      "await mcp.issues.count(); await mcp['files'].roots(); await mcp.issues.stats()",
      ["files", "issues"],
    ],
    [
      "that of a tool it names directly",
      "await mcp.getIssue({ id: 1 }); await mcp.files_read_file('a')",
      ["files", "issues"],
    ],
    ["that of a server in a variable", "const f = mcp.files; return await f.roots()", ["files"]],
    ["none for the search", "return await mcp.$search('x')", []],
    ["none for a parameter of this name alone", "async ({ mcp }) => mcp.files.roots()", undefined],
    ["those of a function that is given mcp", "async (mcp) => mcp.files.roots()", ["files"]],
  ])("are %s", async (_claim, text, expected) => {
    expect(await used(text)).toEqual(expected);
  });

  it.each([
    ["passed on", "return await input.run(mcp)"],
    ["taken apart", "const { files } = mcp; return await files.roots()"],
    ["asked by a computed name", "return await mcp[input.server].roots()"],
    ["asked for what nobody has", "return typeof mcp.nobody"],
  ])("are not told when mcp is %s", async (_claim, text) => {
    expect(await used(text)).toBeUndefined();
  });

  it("are found without a look for nearest names, however often they are named", async () => {
    let lookUps = 0;
    const catalog: Catalog = Object.create(CATALOG, {
      resolve: {
        value: (path: readonly string[]) => {
          lookUps++;
          return CATALOG.resolve(path);
        },
      },
    }) as Catalog;
    expect(await used("mcp.files.roots();\n".repeat(100), catalog)).toEqual(["files"]);
    expect(await used("mcp.roots();\n".repeat(100), catalog)).toEqual(["files"]);
    expect(lookUps).toBe(1);
  });
});
