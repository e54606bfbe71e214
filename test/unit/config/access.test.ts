import { describe, expect, test } from "vitest";
import { allowsTool, toolGlobs } from "../../../src/config/access.ts";
import { findDenyingRule } from "../../../src/gateway/access-rule.ts";

const rules = (tools: Readonly<Record<string, readonly string[]>>) => ({ tools: new Map(Object.entries(tools)) });

describe("tools by glob of servers", () => {
  test.each([
    [{ "*": ["get_*"] }, "github", ["get_*"]],
    [{ "*": ["get_*"], github: ["search"] }, "github", ["search"]],
    [{ "git*": ["a"], "*hub": ["b"] }, "github", ["a", "b"]],
    [{ "git*": ["a"] }, "files", undefined],
    [{ "*": [] }, "files", []],
    [{}, "files", undefined],
  ])("%j gives %s %j", (tools, server, globs) => {
    expect(toolGlobs(rules(tools), server)).toEqual(globs);
  });

  test("what is seen and what may be called are ruled alike", () => {
    const cases = [
      { server: "github", name: "search", class: "read" },
      { server: "github", name: "get_repo", class: "read" },
      { server: "files", name: "get_file", class: "read" },
      { server: "files", name: "delete", class: "read" },
    ] as const;
    const access = rules({ "*": ["get_*"], github: ["search"] });
    const principal = { id: "p", access, admin: false };
    const seen = cases.filter((tool) => allowsTool(access, tool));
    const callable = cases.filter((tool) => findDenyingRule({ principal, narrow: undefined }, tool) === undefined);
    expect(seen.map(({ name }) => name)).toEqual(["search", "get_file"]);
    expect(callable).toEqual(seen);
  });
});
