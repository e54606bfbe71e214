import { describe, expect, test } from "vitest";
import { splitWords, stem, toTerms } from "../../../src/catalog/search-terms.ts";
import type { ToolDefinition } from "../../../src/upstream/upstream.ts";
import { catalogOf, recordedTools, tool } from "./fake-registry.ts";

function found(tools: readonly ToolDefinition[], query: string): string[] {
  return catalogOf({ s: tools })
    .search(query)
    .hits.map((hit) => hit.tool.name);
}

describe("words", () => {
  test.each([
    ["get_timeZones-byID", ["get", "time", "zones", "by", "id"]],
    ["parseHTTPResponse2xx", ["parse", "http", "response2xx"]],
    ["api.v2.search", ["api", "v2", "search"]],
    ["Éléments ﬁn", ["éléments", "fin"]],
    ["  ", []],
  ])("of %j are %j", (text, expected) => {
    expect(splitWords(text)).toEqual(expected);
  });

  test.each([
    ["query queries querying"],
    ["list lists listing listed"],
    ["create creates creating created"],
    ["zone zones"],
    ["box boxes"],
    ["address addresses"],
    ["cache caches caching cached"],
    ["run runs running"],
  ])("%j have one stem", (words) => {
    expect(new Set(words.split(" ").map(stem)).size).toBe(1);
  });

  test("that look alike keep different stems", () => {
    expect(["string", "status", "need", "bus", "this"].map(stem)).toEqual(["string", "status", "need", "bus", "this"]);
  });

  test("without meaning are left out, unless there is nothing else", () => {
    expect(toTerms("what is the weather for me")).toEqual(["weather"]);
    expect(toTerms("what is this")).toEqual(["what", "is", "this"]);
  });
});

describe("search", () => {
  test("a whole word outranks the same letters inside another", () => {
    expect(found([tool("get_timezones"), tool("get_zones")], "zones")).toEqual(["get_zones"]);
    expect(found([tool("get_timezones", { description: "All time zones" }), tool("get_zones")], "zones")).toEqual([
      "get_zones",
      "get_timezones",
    ]);
  });

  test("a word that no tool has finds the words that contain it", () => {
    expect(found([tool("get_timezones"), tool("get_user")], "zones")).toEqual(["get_timezones"]);
    expect(found([tool("list_repositories"), tool("get_user")], "repo")).toEqual(["list_repositories"]);
  });

  test("plural, camelCase and inflected words meet", () => {
    const tools = [tool("searchRepos"), tool("create-pull-request"), tool("read_file")];
    expect(found(tools, "pull requests")[0]).toBe("create-pull-request");
    expect(found(tools, "creating PullRequests")[0]).toBe("create-pull-request");
    expect(found(tools, "repo")[0]).toBe("searchRepos");
    expect(found(tools, "files")[0]).toBe("read_file");
  });

  test("a name counts more than a description, and that more than a parameter", () => {
    const inputSchema = { type: "object", properties: { invoice: { type: "string" } } };
    const tools = [
      tool("alpha", { inputSchema, description: "thing" }),
      tool("beta", { description: "invoice" }),
      tool("invoice", { description: "thing" }),
    ];
    expect(found(tools, "invoice")).toEqual(["invoice", "beta", "alpha"]);
  });

  test("on a tie what looks comes before what changes, and that before what removes", () => {
    const tools = ["delete_zone", "update_zone", "get_zone", "list_zone"].map((name) => tool(name));
    expect(found(tools, "zone")).toEqual(["get_zone", "list_zone", "update_zone", "delete_zone"]);
  });

  test("a tool that calls itself deprecated comes after the one that it names instead", () => {
    const tools = recordedTools()["filesystem"] ?? [];
    expect(found(tools, "read file").slice(0, 3)).toEqual(["read_multiple_files", "read_text_file", "read_media_file"]);
    expect(found(tools, "read_file")).toContain("read_file");
  });

  test("the server's name finds its tools", () => {
    const catalog = catalogOf({ github: [tool("search")], web: [tool("search")] });
    expect(catalog.search("github search").hits[0]?.tool.server).toBe("github");
  });

  test("an empty query gives every tool in the catalog's order", () => {
    const catalog = catalogOf({ b: [tool("z"), tool("y")], a: [tool("x")] });
    for (const query of ["", "  ", "?!"]) {
      expect(catalog.search(query).hits.map((hit) => [hit.tool.name, hit.score])).toEqual([
        ["x", 0],
        ["z", 0],
        ["y", 0],
      ]);
    }
  });

  test("pages put together are the whole, and each tells the total", () => {
    const catalog = catalogOf(recordedTools());
    const whole = catalog.search("list files in a directory");
    const pages = [0, 7, 14, 21].map((offset) => catalog.search("list files in a directory", { offset, limit: 7 }));
    expect(pages.flatMap((page) => page.hits)).toEqual(whole.hits.slice(0, 28));
    expect(pages.every((page) => page.total === whole.total)).toBe(true);
    expect(catalog.search("file", { offset: 100_000, limit: 5 }).hits).toEqual([]);
    expect(catalog.search("file", { limit: 0 }).hits).toEqual([]);
    expect(catalog.search("", { offset: 480, limit: 5 })).toMatchObject({ total: catalog.tools.length });
  });

  test("one server only, by either name; nothing of one that is not there", () => {
    const catalog = catalogOf({ "my-files": [tool("read")], web: [tool("read")] });
    expect(catalog.search("read", { server: "my-files" }).hits.map((hit) => hit.tool.server)).toEqual(["my-files"]);
    expect(catalog.search("read", { server: "myFiles" }).total).toBe(1);
    expect(catalog.search("", { server: "web" }).total).toBe(1);
    expect(catalog.search("read", { server: "nobody" })).toEqual({ hits: [], total: 0 });
  });

  test("words that are names of every object's properties are words", () => {
    expect(found([tool("constructor"), tool("x", { description: "__proto__ toString" })], "constructor")).toEqual([
      "constructor",
    ]);
    expect(found([tool("x")], "hasOwnProperty valueOf")).toEqual([]);
  });

  test.each([
    ["create a pull request", "create_pull_request"],
    ["take a screenshot", "take_screenshot"],
    ["move file", "move_file"],
    ["kubernetes pod logs", "kubectl_logs"],
    ["documents in a collection", "find"],
    ["add observations", "add_observations"],
  ])("among recorded tools, %j finds %s among the first five", (query, name) => {
    const hits = catalogOf(recordedTools()).search(query, { limit: 5 }).hits;
    expect(hits.map((hit) => hit.tool.name)).toContain(name);
  });
});
