import { describe, expect, it } from "vitest";
import type { CatalogSource } from "../../../src/catalog/catalog.ts";
import { LOCAL_PRINCIPAL } from "../../../src/config/principal.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { MAX_SEARCH_BYTES, callSearchTools } from "../../../src/mcp/search-tools.ts";
import { createFakeCatalogs, fakeTool } from "../../support/fake-catalog.ts";
import { createFakeRuns } from "../../support/fake-runs.ts";

const FILES = createFakeCatalogs([
  fakeTool("files", "readFile"),
  fakeTool("files", "listDirectory", { description: "Lists\n  a directory. " }),
  fakeTool("github", "searchRepos", { description: "" }),
]);

function search(catalogs: CatalogSource, args: object, access = LOCAL_PRINCIPAL.access) {
  const deps = { runs: createFakeRuns(async () => ({})), catalogs, version: "0", log: silentLog };
  return callSearchTools(deps, { ...LOCAL_PRINCIPAL, access }, args, new AbortController().signal);
}

describe("search_tools", () => {
  it("gives signatures to use as written, as structure and as lines of TypeScript", async () => {
    const answer = await search(FILES, { query: "" });
    expect(answer.structuredContent).toEqual({
      total: 3,
      tools: [
        {
          signature: "mcp.files.readFile(args: { path: string }): Promise<unknown>",
          description: "Does readFile on files",
        },
        {
          signature: "mcp.files.listDirectory(args: { path: string }): Promise<unknown>",
          description: "Lists a directory",
        },
        { signature: "mcp.github.searchRepos(args: { path: string }): Promise<unknown>", description: "" },
      ],
      notice: "3 of 3 tools; call them inside run_script.",
    });
    expect(answer.content).toEqual([
      {
        type: "text",
        text: [
          "3 of 3 tools; call them inside run_script.",
          "// Does readFile on files",
          "mcp.files.readFile(args: { path: string }): Promise<unknown>",
          "// Lists a directory",
          "mcp.files.listDirectory(args: { path: string }): Promise<unknown>",
          "mcp.github.searchRepos(args: { path: string }): Promise<unknown>",
        ].join("\n"),
      },
    ]);
  });

  it("says how many more there are", async () => {
    const answer = await search(FILES, { query: "", limit: 1 });
    expect(answer.structuredContent).toMatchObject({ total: 3 });
    expect(JSON.stringify(answer.content)).toContain("1 of 3 tools");
    expect(JSON.stringify(answer.content)).toContain("Others: offset 1, or a narrower query.");
    const last = await search(FILES, { query: "", limit: 2, offset: 2 });
    expect(last.structuredContent).toMatchObject({
      total: 3,
      notice: "3 to 3 of 3 tools; call them inside run_script.",
    });
  });

  it("begins a list of all tools that does not fit with an index of their names", async () => {
    const index = "Complete: 3 tools, 2 servers\nfiles (2): readFile, listDirectory\ngithub (1): searchRepos";
    const answer = await search(FILES, { query: " ", limit: 1 });
    expect(answer.structuredContent).toMatchObject({ index });
    expect(answer.content[0]).toMatchObject({ text: expect.stringContaining(`\n${index}\n//`) });
    for (const args of [{ query: "" }, { query: "", limit: 1, offset: 1 }, { query: "file", limit: 1 }]) {
      expect((await search(FILES, args)).structuredContent).not.toHaveProperty("index");
    }
  });

  it("searches one server", async () => {
    const answer = await search(FILES, { query: "", server: "github" });
    expect(answer.structuredContent).toMatchObject({ total: 1 });
  });

  it("names the nearest server for one that is not there", async () => {
    await expect(search(FILES, { query: "", server: "git-hub" })).rejects.toMatchObject({
      code: "NOT_FOUND",
      context: { hint: "Use one of: github; or leave server out." },
    });
  });

  it("says what to do when nothing is found", async () => {
    const answer = await search(FILES, { query: "teleport" });
    expect(answer.structuredContent).toEqual({
      total: 0,
      tools: [],
      notice: "No tool matches. Try other words, or an empty query to list all. Servers: files, github.",
    });
  });

  it("names servers that cannot be listed now", async () => {
    const answer = await search(createFakeCatalogs([fakeTool("files", "readFile")], ["github"]), { query: "" });
    expect(answer.structuredContent).toMatchObject({ total: 1 });
    expect(JSON.stringify(answer.content)).toContain("Not available now: github.");
  });

  it("never shows a tool that the principal may not use", async () => {
    const answer = await search(FILES, { query: "" }, { servers: ["github"] });
    expect(JSON.stringify(answer)).not.toContain("files");
    await expect(search(FILES, { query: "", server: "files" }, { servers: ["github"] })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  it("is bounded whatever the tools are like", async () => {
    const huge = Array.from({ length: 50 }, (_, index) =>
      fakeTool("big", `tool${index}`, { signature: "s".repeat(100_000), description: "d".repeat(100_000) }),
    );
    const answer = await search(createFakeCatalogs(huge), { query: "", limit: 50 });
    const found = (answer.structuredContent as { tools: unknown[] }).tools;
    expect(found.length).toBeGreaterThan(1);
    expect(JSON.stringify(answer.structuredContent).length).toBeLessThan(MAX_SEARCH_BYTES + 500);
    expect(JSON.stringify(answer.content).length).toBeLessThan(MAX_SEARCH_BYTES + 1_500);
    expect(JSON.stringify(answer.content)).toContain(`${found.length} of 50 tools`);
  });
});
