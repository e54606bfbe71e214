import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isServed, MAX_SCHEMA_DEPTH, MAX_TOOLS, parseTools } from "../../../src/upstream/tool-list.ts";

const ALL = { allowTools: undefined, denyTools: [] };

function nested(levels: number): object {
  let schema: object = {};
  for (let level = 1; level < levels; level++) schema = { items: schema };
  return schema;
}

function reasonFor(tool: unknown): string | undefined {
  return parseTools("s", [tool], ALL).dropped[0]?.reason;
}

describe("parseTools", () => {
  it("takes a tool as its server wrote it", () => {
    const inputSchema = { type: "object", properties: { a: { type: "string" } }, "x-own": 1 };
    const annotations = {
      title: "T",
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    };
    const raw = {
      name: "n",
      title: "Title",
      description: "D",
      inputSchema,
      outputSchema: { type: "object" },
      annotations,
    };
    expect(parseTools("files", [raw], ALL)).toEqual({ tools: [{ server: "files", ...raw }], dropped: [] });
  });

  it("tells the globs of the configuration that fit nothing, hidden tools counted", () => {
    const raw = ["get_a", "delete_a"].map((name) => ({ name, inputSchema: {} }));
    const filter = { allowTools: ["get_*", "gte_*", "!delete_a"], denyTools: ["delete_*", "remove"] };
    const { tools, unmatched } = parseTools("s", raw, filter);
    expect(tools.map(({ name }) => name)).toEqual(["get_a"]);
    expect(unmatched).toEqual(["allow gte_*", "allow !delete_a", "deny remove"]);
    expect(parseTools("s", raw, { allowTools: ["*"], denyTools: [] })).not.toHaveProperty("unmatched");
    expect(parseTools("s", [null, 5], { allowTools: undefined, denyTools: ["x"] }).unmatched).toEqual(["deny x"]);
  });

  it("leaves out what is optional and malformed, and keeps the tool", () => {
    const raw = {
      name: "n",
      title: 5,
      description: null,
      inputSchema: {},
      outputSchema: null,
      annotations: { readOnlyHint: 1 },
    };
    expect(parseTools("s", [raw], ALL).tools).toEqual([{ server: "s", name: "n", description: "", inputSchema: {} }]);
  });

  it("takes a boolean for an output schema", () => {
    expect(parseTools("s", [{ name: "n", inputSchema: {}, outputSchema: true }], ALL).tools[0]?.outputSchema).toBe(
      true,
    );
  });

  it.each([
    ["no object", "text", "it is not an object"],
    ["no name", { inputSchema: {} }, "it has no name"],
    ["an empty name", { name: "", inputSchema: {} }, "it has no name"],
    ["no schema", { name: "n" }, "its inputSchema is not an object"],
    ["a list for a schema", { name: "n", inputSchema: [] }, "its inputSchema is not an object"],
    ["a boolean for a schema", { name: "n", inputSchema: true }, "its inputSchema is not an object"],
    ["an output schema that is text", { name: "n", inputSchema: {}, outputSchema: "x" }, /outputSchema.*neither/u],
    ["$async", { name: "n", inputSchema: { $async: true } }, /\$async/u],
    ["$async deep down", { name: "n", inputSchema: { properties: { a: { anyOf: [{ $async: true }] } } } }, /\$async/u],
    ["$async in the output", { name: "n", inputSchema: {}, outputSchema: { $async: 1 } }, /outputSchema.*\$async/u],
    ["too much text", { name: "n", inputSchema: { title: "é".repeat(140_000) } }, /280012 bytes, at most 262144/u],
    ["too many levels", { name: "n", inputSchema: nested(MAX_SCHEMA_DEPTH + 1) }, /more than 64 levels/u],
    ["levels that would exhaust the stack", { name: "n", inputSchema: nested(200_000) }, /more than 64 levels/u],
  ])("drops a tool with %s and says why", (_, tool, reason) => {
    expect(reasonFor(tool)).toMatch(reason);
  });

  it("takes a schema of exactly the depth, and a property that is called $async", () => {
    expect(reasonFor({ name: "n", inputSchema: nested(MAX_SCHEMA_DEPTH) })).toBeUndefined();
    expect(reasonFor({ name: "n", inputSchema: { properties: { $async: { type: "boolean" } } } })).toBeUndefined();
    expect(reasonFor({ name: "n", inputSchema: { properties: { properties: { $async: true } } } })).toMatch(/\$async/u);
  });

  it("keeps the first of two tools with one name and names both kinds of nameless ones by place", () => {
    const first = { name: "n", description: "first", inputSchema: {} };
    const listing = parseTools("s", [first, { ...first, description: "second" }, null, { name: 7 }], ALL);
    expect(listing.tools.map(({ description }) => description)).toEqual(["first"]);
    expect(listing.dropped.map(({ name }) => name)).toEqual(["n", "#2", "#3"]);
  });

  it("leaves out what the configuration hides without a word", () => {
    const raw = ["read_file", "write_file", "read_link"].map((name) => ({ name, inputSchema: {} }));
    const listing = parseTools("s", raw, { allowTools: ["read_*"], denyTools: ["*_link"] });
    expect(listing.tools.map(({ name }) => name)).toEqual(["read_file"]);
    expect(listing.dropped).toEqual([]);
  });

  it("drops a tool for a further reason of its transport", () => {
    const listing = parseTools("s", [{ name: "n", inputSchema: {} }], ALL, () => "its header is wrong");
    expect(listing.dropped).toEqual([{ name: "n", reason: "its inputSchema cannot be used: its header is wrong" }]);
  });

  it("takes a bounded number of tools and says so", () => {
    const raw = Array.from({ length: MAX_TOOLS + 5 }, (_, index) => ({ name: `t${index}`, inputSchema: {} }));
    const listing = parseTools("s", raw, ALL);
    expect(listing.tools).toHaveLength(MAX_TOOLS);
    expect(listing.dropped).toEqual([{ name: "*", reason: "only the first 10000 tools are taken" }]);
  });

  it("never fails, and accounts for each element", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.jsonValue(), fc.record({ name: fc.string(), inputSchema: fc.jsonValue() }))),
        (raw) => {
          const { tools, dropped } = parseTools("s", raw, ALL);
          expect(tools.length + dropped.length).toBe(raw.length);
        },
      ),
    );
  });
});

describe("isServed", () => {
  it.each([
    [undefined, [], true],
    [["*"], [], true],
    [["other"], [], false],
    [[], [], false],
    [undefined, ["na*"], false],
    [["name"], ["name"], false],
  ])("with allow %j and deny %j is %j", (allowTools, denyTools, served) => {
    expect(isServed({ allowTools, denyTools }, "name")).toBe(served);
  });
});
