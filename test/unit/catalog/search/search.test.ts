import { describe, expect, test } from "vitest";
import { createCatalogSource } from "../../../../src/catalog/catalog-source.ts";
import { splitClauses } from "../../../../src/catalog/search/search-query.ts";
import { splitWords, toTerms } from "../../../../src/catalog/search/search-terms.ts";
import type { JsonSchema, ToolDefinition } from "../../../../src/upstream/upstream.ts";
import { catalogOf, FakeRegistry, recordedTools, tool } from "../fake-registry.ts";

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
    ["US_history of the U.S. and the U.K.", ["usa", "history", "of", "the", "usa", "and", "the", "uk"]],
    ["United States, USA", ["usa", "usa"]],
    ["us_history", ["usa", "history"]],
    ["contact_us", ["contact", "us"]],
    ["tell us", ["tell", "us"]],
  ])("of %j are %j", (text, expected) => {
    expect(splitWords(text)).toEqual(expected);
  });

  test("without meaning are left out, unless there is nothing else", () => {
    expect(toTerms("what is the map for me")).toEqual(["map"]);
    expect(toTerms("what is this")).toEqual(["what", "is", "this"]);
  });
});

describe("clauses", () => {
  test.each([
    ["read the file", []],
    ["read the file and then send a mail", ["read the file", "send a mail"]],
    ["List pods. Also, show their logs", ["List pods", "show their logs"]],
    ["a, b and c", []],
  ])("of %j are %j", (text, expected) => {
    expect(splitClauses(text)).toEqual(expected);
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

  test("a part is worth the more, the more of the word it is", () => {
    const tools = [tool("repositorylistings"), tool("list_repos2")];
    expect(found(tools, "repos")).toEqual(["list_repos2", "repositorylistings"]);
  });

  test("words that are written together are found apart, and the other way", () => {
    const tools = [tool("get_time_zone"), tool("get_user"), tool("boardgame_info")];
    expect(found(tools, "timezone")).toEqual(["get_time_zone"]);
    expect(found(tools, "board game")[0]).toBe("boardgame_info");
    expect(found([tool("x", { description: "Runs JavaScript." }), tool("y")], "javascript")).toEqual(["x"]);
  });

  test.each([
    ["remove an invoice", "delete_invoice", "list_invoices"],
    ["show the folder", "get_directory", "get_invoice"],
    ["repo settings", "get_repository_config", "get_invoice_config"],
    ["when does it start", "get_date", "get_name"],
    ["how many dollars", "convert_currency", "convert_file"],
    ["merge a pr", "merge_pull_request", "merge_file"],
    ["vegan brownies", "get_diet_plan", "get_travel_plan"],
  ])("other words for the same thing are understood: %j is %s rather than %s", (query, right, wrong) => {
    expect(found([tool(wrong), tool(right)], query)[0]).toBe(right);
  });

  test("the word itself outranks another word for it", () => {
    expect(found([tool("fetch_invoice"), tool("get_invoice")], "get invoice")).toEqual([
      "get_invoice",
      "fetch_invoice",
    ]);
    expect(found([tool("get_invoice"), tool("fetch_invoice")], "fetch invoice")).toEqual([
      "fetch_invoice",
      "get_invoice",
    ]);
  });

  test("words that stand together outrank the same words apart, in either order", () => {
    const tools = [
      tool("x", { description: "Area, colour and triangle of it." }),
      tool("y", { description: "Colour of it, triangle area." }),
    ];
    for (const query of ["area of a triangle", "triangle area"]) expect(found(tools, query)).toEqual(["y", "x"]);
    expect(found(tools, "triangle")).toEqual(["x", "y"]);
  });

  test("a country is found by each of its names, and its pronoun finds nothing", () => {
    const tools = [tool("us_president"), tool("president", { description: "Of anything." })];
    for (const query of ["U.S. leaders", "leaders of the United States", "USA"]) {
      expect(found(tools, query)).toEqual(["us_president"]);
    }
    expect(found(tools, "tell us of chess")).toEqual([]);
  });

  test("a request of several clauses finds a tool for each", () => {
    const tools = ["send_email", "create_invoice", "list_orders", "list_files", "delete_user"].map((name) =>
      tool(name),
    );
    const request = "List the orders of the week, create an invoice for each, then send an email to accounting.";
    expect(found(tools, request).slice(0, 3).toSorted()).toEqual(["create_invoice", "list_orders", "send_email"]);
  });

  test("values in a request weigh less than what is asked for", () => {
    const tools = [tool("get_france_2024"), tool("get_weather")];
    expect(found(tools, "weather of 'france 2024'")[0]).toBe("get_weather");
  });

  test("values and nested parameters of a schema are found", () => {
    const inputSchema = {
      type: "object",
      properties: {
        unit: { enum: ["celsius", 5, null] },
        place: { type: "object", properties: { latitude: { type: "number", description: "Degrees north" } } },
      },
    };
    const tools = [tool("x", { inputSchema }), tool("y")];
    for (const query of ["celsius", "latitude", "degrees north"]) expect(found(tools, query)).toEqual(["x"]);
  });

  test("equal searches give equal pages, and one search does not disturb the next", () => {
    const catalog = catalogOf(recordedTools());
    const before = catalog.search("merge the pull request", { limit: 20 });
    for (const query of ["delete", "", "take a screenshot, then close the page", "zzz"]) catalog.search(query);
    expect(catalog.search("merge the pull request", { limit: 20 })).toEqual(before);
  });

  test("a tool that is hidden is never found", () => {
    const source = createCatalogSource(new FakeRegistry({ s: [tool("read_file"), tool("write_file")] }));
    const catalog = source.current({ access: { servers: ["s"], tools: new Map([["s", ["read*"]]]) } });
    for (const query of ["", "file", "write_file", "write"]) {
      expect(catalog.search(query).hits.map((hit) => hit.tool.name)).not.toContain("write_file");
    }
  });

  test("texts of any length and kind are searched and searched for", () => {
    const long = `${"lorem ipsum ".repeat(20_000)}needle`;
    const deep = JSON.parse(`${'{"properties":{"a":'.repeat(500)}{}${"}}".repeat(500)}`) as JsonSchema;
    const tools = [tool("x", { description: long }), tool("y", { inputSchema: deep }), tool("\u0000\ud800"), tool("")];
    expect(found(tools, long)).toEqual(["x"]);
    expect(found(tools, "\ud800")).toHaveLength(4);
    expect(found(tools, "'".repeat(10_000))).toHaveLength(4);
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
    expect(found(tools, "read file").slice(0, 3)).toEqual(["read_text_file", "read_multiple_files", "read_media_file"]);
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
    ["documents in a collection", "count"],
    ["add observations", "add_observations"],
  ])("among recorded tools, %j finds %s among the first five", (query, name) => {
    const hits = catalogOf(recordedTools()).search(query, { limit: 5 }).hits;
    expect(hits.map((hit) => hit.tool.name)).toContain(name);
  });
});
