import { describe, expect, test } from "vitest";
import { catalogOf, recordedTools, tool } from "./fake-registry.ts";

const catalog = catalogOf({
  "git-hub": [tool("search-repos"), tool("get_issue"), tool("search"), tool("api.v2.list"), tool("class")],
  web: [tool("search"), tool("fetch"), tool("web"), tool("get-page"), tool("get_page")],
  down: undefined,
  fetch: [tool("one")],
});

describe("a path means a tool:", () => {
  test.each([
    [["gitHub", "searchRepos"], "git-hub/search-repos"],
    [["git-hub", "search-repos"], "git-hub/search-repos"],
    [["gitHub", "search-repos"], "git-hub/search-repos"],
    [["git-hub", "searchRepos"], "git-hub/search-repos"],
    [["git_hub", "search_repos"], "git-hub/search-repos"],
    [["searchRepos"], "git-hub/search-repos"],
    [["search-repos"], "git-hub/search-repos"],
    [["gitHubSearchRepos"], "git-hub/search-repos"],
    [["git_hub_search_repos"], "git-hub/search-repos"],
    [["gitHubSearch"], "git-hub/search"],
    [["webSearch"], "web/search"],
    [["gitHub", "apiV2List"], "git-hub/api.v2.list"],
    [["gitHub", "api", "v2", "list"], "git-hub/api.v2.list"],
    [["api", "v2", "list"], "git-hub/api.v2.list"],
    [["gitHub", "class_"], "git-hub/class"],
    [["gitHub", "class"], "git-hub/class"],
    [["web", "get-page"], "web/get-page"],
    [["web", "get_page"], "web/get_page"],
    [["web"], "web/web"],
    [["fetch"], "web/fetch"],
    [["fetch", "one"], "fetch/one"],
  ])("%j is %s", (path, expected) => {
    const resolution = catalog.resolve(path);
    expect(resolution.kind === "tool" ? `${resolution.tool.server}/${resolution.tool.name}` : resolution).toBe(
      expected,
    );
  });

  test("every tool of real servers by its server, by its joined name, and by itself where it is alone", () => {
    const real = catalogOf(recordedTools());
    for (const one of real.tools) {
      const joined = one.namespace + one.method.charAt(0).toUpperCase() + one.method.slice(1);
      for (const path of [[one.namespace, one.method], [one.server, one.name], [joined]]) {
        expect(real.resolve(path)).toEqual({ kind: "tool", tool: one });
      }
      const alone = real.tools.every((other) => other === one || other.method !== one.method);
      expect(real.resolve([one.method]).kind).toBe(alone ? "tool" : "unknown");
    }
  });
});

test.each([
  [["down", "any-tool"], "any-tool"],
  [["down", "a", "b"], "a.b"],
])("%j is left to the call, as its server's tools are not known", (path, name) => {
  expect(catalog.resolve(path)).toEqual({ kind: "unlisted", server: "down", name });
});

describe("a path means nothing:", () => {
  test.each([
    [
      ["gitHub", "serchRepos"],
      'Cannot call mcp.gitHub.serchRepos as server "git-hub" has no such tool: the nearest is mcp.gitHub.searchRepos',
    ],
    [
      ["search"],
      "Cannot call mcp.search as several servers have a tool of this name: the nearest are mcp.gitHub.search, mcp.web.search",
    ],
    [
      ["gitHub"],
      'Cannot call mcp.gitHub as "git-hub" is a server, not a tool: the nearest are mcp.gitHub.searchRepos, mcp.gitHub.getIssue, mcp.gitHub.search',
    ],
    [["down"], 'Cannot call mcp.down as "down" is a server, not a tool: Object.keys(mcp) lists the servers'],
    [
      ["qqqqqq"],
      'Cannot call mcp.qqqqqq as no server has a tool of this name (tools of "down" are not known yet): Object.keys(mcp) lists the servers',
    ],
    [
      ["githb", "getIssue"],
      'Cannot call mcp.githb.getIssue as there is no such server and no tool of this name (tools of "down" are not known yet): the nearest are mcp.gitHub.getIssue, mcp.web["get-page"], mcp.web.get_page',
    ],
    [
      ["git", "hubSearch"],
      'Cannot call mcp.git.hubSearch as there is no such server and no tool of this name (tools of "down" are not known yet): the nearest are mcp.gitHub.search, mcp.gitHub.searchRepos, mcp.gitHub.class_',
    ],
    [[], "Cannot call mcp as no tool is named: Object.keys(mcp) lists the servers"],
  ])("%j", (path, message) => {
    const resolution = catalog.resolve(path);
    expect(resolution.kind === "unknown" && resolution.message).toBe(message);
  });

  test("also when it is the name of every object's property", () => {
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      expect(catalog.resolve([name]).kind).toBe("unknown");
      expect(catalog.resolve(["web", name]).kind).toBe("unknown");
      expect(catalog.resolve([name, name]).kind).toBe("unknown");
    }
  });

  test("and the message stays short and on one line whatever was written", () => {
    const resolution = catalog.resolve(["x".repeat(100_000), "\n\u2028*/"]);
    expect(resolution.kind === "unknown" && resolution.message.length).toBeLessThan(400);
    expect(resolution.kind === "unknown" && resolution.message).not.toMatch(/[\n\u2028]/u);
  });

  test("of any length costs little and is told in few words", () => {
    const startedAt = performance.now();
    for (const path of [Array.from({ length: 1_000_000 }, () => ""), ["gitHub", "-_.".repeat(300_000)]]) {
      const resolution = catalog.resolve(path);
      expect(resolution).toMatchObject({ kind: "unknown", nearest: [] });
      expect(resolution.kind === "unknown" && resolution.message.length).toBeLessThan(300);
    }
    // Far above what it takes, far below what the square of the length would.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
