import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { checkShape, isOptions } from "../../../src/config/check.ts";
import { LIMIT_NAMES, LIMITS } from "../../../src/config/limits.ts";
import { FLAGS } from "../../../src/config/overrides.ts";
import { nodeAt } from "../../../src/config/schema-nodes.ts";
import type { SchemaNode } from "../../../src/config/schema-nodes.ts";
import { OPTIONS_SCHEMA } from "../../../src/config/schema.ts";

function* nodes(node: SchemaNode, path = ""): Generator<[string, SchemaNode]> {
  yield [path, node];
  for (const [key, child] of Object.entries(node.properties ?? {})) yield* nodes(child, `${path}/${key}`);
  if (node.additionalProperties !== undefined) yield* nodes(node.additionalProperties, `${path}/*`);
  if (node.items !== undefined) yield* nodes(node.items, `${path}/0`);
}

describe("the table of keys", () => {
  test("every key has a sentence of documentation", () => {
    expect(
      [...nodes(OPTIONS_SCHEMA)].filter(([, { description }]) => !/^\S.*\.$/u.test(description)).map(([path]) => path),
    ).toEqual([]);
  });

  test("every default is a value that its own key takes", () => {
    const wrong = [...nodes(OPTIONS_SCHEMA)].filter(([path, node]) => {
      if (node.default === undefined) return false;
      const options = path
        .split("/")
        .slice(1)
        .reduceRight<unknown>((inner, key) => ({ [key]: inner }), node.default);
      return checkShape(options).some((fault) => fault.path.join("/") === path.slice(1));
    });
    expect(wrong.map(([path]) => path)).toEqual([]);
  });

  test("it is plain data and valid JSON Schema, so that it can be published", () => {
    expect(JSON.parse(JSON.stringify(OPTIONS_SCHEMA))).toEqual(OPTIONS_SCHEMA);
    const ajv = new Ajv();
    expect([ajv.validateSchema(OPTIONS_SCHEMA), ajv.errors]).toEqual([true, null]);
  });

  test("each limit is a key with its built-in default and most", () => {
    for (const name of LIMIT_NAMES) {
      expect(nodeAt(OPTIONS_SCHEMA, ["limits", name, "default"])?.default).toBe(LIMITS[name].default);
      expect(nodeAt(OPTIONS_SCHEMA, ["limits", name, "max"])?.default).toBe(LIMITS[name].ceiling);
    }
  });

  test("the flags that set keys", () => {
    expect(FLAGS.map(({ name, boolean }) => [name, boolean])).toEqual([
      ["host", false],
      ["port", false],
      ["data-dir", false],
      ["role", false],
      ["log-level", false],
      ["log-pretty", true],
    ]);
  });
});

describe("checkShape", () => {
  test("takes an empty configuration", () => {
    expect(isOptions({})).toBe(true);
  });

  test.each([null, [], "text", 5])("refuses %j as a whole", (value) => {
    expect(isOptions(value)).toBe(false);
    expect(checkShape(value)).toMatchObject([{ path: [] }]);
  });

  test("tells one fault per key, with list positions as numbers", () => {
    expect(checkShape({ http: { allowedHosts: ["ok", 5, ""] }, port: 1.5 })).toMatchObject([
      { path: ["port"], value: 1.5, rule: "must be a whole number from 0 to 65535" },
      { path: ["http", "allowedHosts", 1], value: 5, rule: "must be text that is not empty" },
      { path: ["http", "allowedHosts", 2], value: "", rule: "must be text that is not empty" },
    ]);
  });

  test("keys with slashes and tildes are told as they are", () => {
    expect(checkShape({ mcpServers: { "a/b~c": 5 } })).toMatchObject([{ path: ["mcpServers", "a/b~c"], value: 5 }]);
  });

  test("unknown keys are not its business", () => {
    expect(checkShape({ unknown: 1, log: { unknown: 2 } })).toEqual([]);
  });
});

describe("nodeAt", () => {
  test.each([
    [["port"], "integer"],
    [
      ["mcpServers", "any name", "args", 3],
      ["string", "number", "boolean"],
    ],
    [["clients", "constructor", "tools", "x", 0], "string"],
  ])("finds %j", (path, type) => {
    expect(nodeAt(OPTIONS_SCHEMA, path)?.type).toEqual(type);
  });

  test.each([[["toString"]], [["log", "constructor"]], [["port", "x"]], [["nope", "x", 0]]])(
    "finds nothing at %j",
    (path) => {
      expect(nodeAt(OPTIONS_SCHEMA, path)).toBeUndefined();
    },
  );
});
