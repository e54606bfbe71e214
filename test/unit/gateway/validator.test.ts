import { readdirSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createArgumentValidator } from "../../../src/gateway/validator.ts";
import type { JsonSchema } from "../../../src/upstream/upstream.ts";
import { catalogTool } from "../../support/gateway-parts.ts";

const validator = createArgumentValidator();
const check = (schema: JsonSchema, args: unknown) => validator.check(catalogTool(schema), args);

interface ListedTool {
  readonly name: string;
  readonly inputSchema: JsonSchema;
}

const EDIT_FILE = {
  type: "object",
  properties: {
    path: { type: "string" },
    head: { type: "number" },
    sort: { enum: ["asc", "desc"] },
    edits: { type: "array", items: { type: "object", properties: { old: { type: "string" } }, required: ["old"] } },
    by: { anyOf: [{ type: "string" }, { type: "object", properties: { id: { type: "number" } }, required: ["id"] }] },
    "a/b~c": { type: "boolean" },
  },
  required: ["path"],
  additionalProperties: false,
} as const;

describe("argument problems", () => {
  test("of a missing property name those that are there instead, where the schema lets them pass", () => {
    const schema = { type: "object", properties: { path: { type: "string" }, n: {} }, required: ["path"] };
    expect(check(schema, { file: "a", n: 1 })).toEqual([
      { pointer: "/path", message: "is required: expected string (given, but not known: file)" },
    ]);
    expect(check(schema, { n: 1 })).toEqual([{ pointer: "/path", message: "is required: expected string" }]);
  });

  test.each<[string, unknown, string, string]>([
    ["a missing property", {}, "/path", "is required: expected string"],
    ["a wrong type", { path: 1 }, "/path", "must be string: current value is 1"],
    [
      "an unknown property near a known one",
      { path: "", pth: 1 },
      "/pth",
      "is not a known property (path, head, sort, edits, by, a/b~c are): did you mean path?",
    ],
    [
      "a value outside of an enum, near one inside",
      { path: "", sort: "ASC" },
      "/sort",
      'must be "asc" | "desc" (did you mean "asc"?): current value is "ASC"',
    ],
    ["a fault inside an array", { path: "", edits: [{ old: "" }, {}] }, "/edits/1/old", "is required: expected string"],
    [
      "a choice that fits nowhere, as one problem",
      { path: "", by: { name: "x" } },
      "/by",
      "must be one of string | { id: number }: current value is an object with name",
    ],
    ["a name that a pointer must escape", { path: "", "a/b~c": 1 }, "/a~1b~0c", "must be boolean: current value is 1"],
    ["an array instead of an object", ["x"], "", expect.stringMatching(/^must be \{ path: string, .*array of 1$/u)],
    ["nothing at all", undefined, "", expect.stringMatching(/current value is undefined$/u)],
  ])("tell of %s", (_, args, pointer, message) => {
    expect(check(EDIT_FILE, args)).toEqual([{ pointer, message }]);
  });

  test("are none for arguments that satisfy the schema", () => {
    expect(check(EDIT_FILE, { path: "x", head: 1, edits: [{ old: "y" }], by: { id: 1 } })).toEqual([]);
  });

  test("tell all faults of small arguments, at most twenty", () => {
    const faults = check(EDIT_FILE, { pth: "", head: "1", by: false });
    expect(faults.map(({ pointer }) => pointer)).toEqual(["/path", "/pth", "/head", "/by"]);
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x${index}`, 1]));
    expect(check(EDIT_FILE, { path: "", ...many })).toHaveLength(20);
  });

  test("tell the first fault only of large arguments, so that faults cannot fill the memory", () => {
    const edits = Array.from({ length: 5_000 }, () => ({ old: 1 }));
    expect(check(EDIT_FILE, { path: "", edits })).toEqual([
      { pointer: "/edits/0/old", message: "must be string: current value is 1" },
    ]);
  });

  test("quote no more than the beginning of a long value or name", () => {
    const faults = check(EDIT_FILE, { path: "", head: "x".repeat(5_000), ["y".repeat(5_000)]: 1 });
    for (const { pointer, message } of faults) expect(pointer.length + message.length).toBeLessThan(400);
  });
});

describe("schemas", () => {
  test("are draft-07 when they say so, else 2020-12", () => {
    const tuple = (dialect: string, key: string) => ({
      $schema: dialect,
      type: "object",
      properties: { a: { type: "array", [key]: [{ type: "string" }] } },
    });
    const wrong = { a: [1] };
    expect(check(tuple("http://json-schema.org/draft-07/schema#", "items"), wrong)).toHaveLength(1);
    expect(check(tuple("https://json-schema.org/draft/2020-12/schema", "prefixItems"), wrong)).toHaveLength(1);
    expect(check({ ...tuple("", "prefixItems"), $schema: undefined }, wrong)).toHaveLength(1);
  });

  test.each<[string, JsonSchema]>([
    ["refer to another host", { type: "object", properties: { a: { $ref: "https://example.invalid/s.json" } } }],
    ["are asynchronous", { $async: true, type: "object", required: ["a"] }],
    ["name no type there is", { type: "objekt" }],
    ["have a keyword of the wrong kind", { type: "object", required: "a" }],
    ["refer to names of Object.prototype", { type: "object", properties: { a: { $ref: "constructor" } } }],
    ["pose as a meta-schema", { $id: "http://json-schema.org/draft-07/schema#", type: "object", required: ["a"] }],
  ])("that %s leave the judgement to the tool", (_, schema) => {
    expect(check(schema, { b: 1 })).toEqual([]);
  });

  test("that cannot be used are tried once", () => {
    let reads = 0;
    const schema = {
      get type() {
        reads++;
        return "objekt";
      },
    };
    check(schema, {});
    const once = reads;
    check(schema, {});
    expect(reads).toBe(once);
  });

  test("may be booleans", () => {
    expect(check(true, { a: 1 })).toEqual([]);
    expect(check(false, {})).toHaveLength(1);
  });

  test("may share an $id, or the $id of a part, without seeing each other", () => {
    const named = (required: string): JsonSchema => ({
      $id: "https://example.com/args",
      type: "object",
      properties: { part: { $id: "https://example.com/part", type: "object", required: [required] } },
    });
    expect(check(named("a"), { part: {} })).toMatchObject([{ pointer: "/part/a" }]);
    expect(check(named("b"), { part: {} })).toMatchObject([{ pointer: "/part/b" }]);
    expect(check({ type: "object", properties: { x: { $ref: "https://example.com/part" } } }, { x: {} })).toEqual([]);
  });

  test("may refer to themselves and to their own properties", () => {
    const tree = { type: "object", properties: { child: { $ref: "#" } }, additionalProperties: false };
    expect(check(tree, { child: { child: {} } })).toEqual([]);
    expect(check(tree, { child: { child: 1 } })).toMatchObject([{ pointer: "/child/child" }]);
    const alias = { type: "object", properties: { a: { $ref: "#/properties/b" }, b: { type: "string" } } };
    expect(check(alias, { a: 1 })).toMatchObject([{ pointer: "/a" }]);
  });

  test("check formats, also of dialects with patterns that Unicode mode refuses", () => {
    const schema = {
      type: "object",
      properties: {
        when: { type: "string", format: "date-time" },
        link: { type: "string", format: "uri" },
        slug: { type: "string", pattern: String.raw`^[\w-.]+$` },
        other: { type: "string", format: "made-up" },
      },
    };
    expect(check(schema, { when: "2026-01-02T03:04:05Z", link: "https://a.b/c", slug: "a-b.c", other: "x" })).toEqual(
      [],
    );
    expect(check(schema, { when: "soon", link: "/c", slug: "a b" }).map(({ pointer }) => pointer)).toEqual([
      "/when",
      "/link",
      "/slug",
    ]);
  });

  test("of real servers all compile and refuse an argument object that is none", () => {
    const folder = new URL("../../fixtures/data/tools/", import.meta.url);
    const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
    const tools = files.flatMap(
      (file) => (JSON.parse(readFileSync(new URL(file, folder), "utf8")) as { tools: ListedTool[] }).tools,
    );
    expect(tools.length).toBeGreaterThan(300);
    for (const { name, inputSchema } of tools) {
      expect({ name, faults: check(inputSchema, "not an object") }).toMatchObject({ faults: [{ pointer: "" }] });
    }
  });
});

describe("hostile arguments", () => {
  test("with names of Object.prototype satisfy nothing by inheritance and pollute nothing", () => {
    expect(check({ type: "object", required: ["toString", "constructor"] }, {})).toHaveLength(2);
    const args: unknown = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    expect(check({ type: "object", properties: {}, additionalProperties: false }, args)).toHaveLength(2);
    expect(check({ type: "object" }, args)).toEqual([]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test("are never changed", () => {
    const args = Object.freeze({ path: "x" });
    const schema = { type: "object", properties: { path: { type: "number" }, more: { type: "string", default: "d" } } };
    check(schema, args);
    expect(args).toEqual({ path: "x" });
  });

  test("nested a hundred thousand deep are a problem, not a crash", () => {
    let deep = {};
    for (let index = 0; index < 100_000; index++) deep = { child: deep };
    expect(check({ type: "object", properties: { child: { $ref: "#" } } }, deep)).toEqual([
      { pointer: "", message: "is nested too deeply to be checked" },
    ]);
  });

  test.each<[string, JsonSchema, unknown]>([
    ["a pattern that backtracks", { pattern: "^(a+)+$" }, `${"a".repeat(100_000)}!`],
    ["the email format", { format: "email" }, "a".repeat(1_000_000)],
    ["the url format", { format: "url" }, `http://${"a".repeat(1_000_000)}`],
    ["unique objects", { uniqueItems: true }, Array.from({ length: 30_000 }, (_, id) => ({ id }))],
  ])("do not hold the process up with %s", (_, rule, value) => {
    const schema: JsonSchema = { type: "object", properties: { value: rule } };
    check(schema, {});
    const startedMs = performance.now();
    check(schema, { value });
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  test("with equal objects are found although objects are not compared in pairs", () => {
    const schema = { type: "object", properties: { set: { uniqueItems: true } } };
    expect(
      check(schema, {
        set: [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ],
      }),
    ).toMatchObject([{ pointer: "/set" }]);
    expect(check(schema, { set: [1, "1", [1], { a: 1 }, { a: 2 }] })).toEqual([]);
  });

  test("of any form, against schemas of any form, never throw", () => {
    const key = fc.constantFrom(
      "type",
      "properties",
      "items",
      "required",
      "$ref",
      "anyOf",
      "enum",
      "pattern",
      "$id",
      "a",
    );
    const value = fc.constantFrom("string", "object", "#", "#/a", ["a"], {}, true, null, 1, "(", "__proto__", {
      a: {},
    });
    fc.assert(
      fc.property(fc.dictionary(key, fc.oneof(value, fc.dictionary(key, value))), fc.jsonValue(), (schema, args) => {
        expect(Array.isArray(check(schema, args))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

// Compiling these took up to 8 s, and for some the code exhausted the stack, so that valid arguments were refused.
describe("a schema too large to be compiled is left to its server", () => {
  const names = Array.from({ length: 3_000 }, (_, at) => `p${at}`);
  test.each<[string, JsonSchema]>([
    ["properties", { properties: Object.fromEntries(names.map((name) => [name, { type: "string", minLength: 1 }])) }],
    ["choices", { properties: { p0: { oneOf: names.map((name) => ({ const: name })) } } }],
    [
      "patterns",
      { patternProperties: Object.fromEntries(names.map((name) => [`^(a|${name})+$`, { type: "string" }])) },
    ],
    ["conditions", { allOf: names.map((name) => ({ not: { required: [name] } })) }],
    ["forbidden properties", { properties: Object.fromEntries(names.map((name) => [name, false])) }],
    ["dependencies", { dependentRequired: Object.fromEntries(names.map((name) => [name, ["p0"]])) }],
  ])("of three thousand %s", (_, schema) => {
    expect([check(schema, { p0: 1 }), check(schema, { p0: "p1", p7: "x" })]).toEqual([[], []]);
  });

  test("and one of a long list of values is not", () => {
    expect(check({ properties: { p0: { enum: names } } }, { p0: "p3000" })).toEqual([
      { pointer: "/p0", message: expect.stringContaining('current value is "p3000"') },
    ]);
  });
});
