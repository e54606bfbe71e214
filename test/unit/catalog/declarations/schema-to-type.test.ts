import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { schemaToType } from "../../../../src/catalog/declarations/schema-to-type.ts";
import { printType } from "../../../../src/catalog/declarations/type-printer.ts";
import type { JsonSchema } from "../../../../src/upstream/upstream.ts";

function line(schema: JsonSchema, maxChars = 10_000): string {
  const type = schemaToType(schema);
  return printType(type, type.root, { layout: "line" }, maxChars);
}

function block(schema: JsonSchema): string {
  const type = schemaToType(schema);
  return printType(type, type.root, { layout: "block" }, 10_000);
}

const text = { type: "string" };
const count = { type: "number" };

describe("a schema becomes the type", () => {
  test.each<[string, JsonSchema, string]>([
    ["true", true, "unknown"],
    ["false", false, "never"],
    ["empty", {}, "unknown"],
    ["integer", { type: "integer" }, "number"],
    ["type list", { type: ["string", "null"] }, "string | null"],
    ["nullable", { type: "string", nullable: true }, "string | null"],
    ["unknown type", { type: "file" }, "unknown"],
    ["required and optional", { properties: { a: text, b: count }, required: ["a"] }, "{ a: string; b?: number }"],
    ["required but not listed", { type: "object", required: ["a"] }, "{ a: unknown }"],
    ["closed and empty", { type: "object", additionalProperties: false }, "Record<string, never>"],
    ["open and empty", { type: "object" }, "Record<string, unknown>"],
    ["map", { type: "object", additionalProperties: text }, "{ [key: string]: string }"],
    [
      "explicitly open",
      { properties: { a: text }, additionalProperties: true },
      "{ a?: string; [key: string]: unknown }",
    ],
    [
      "map beside properties",
      { properties: { a: text }, additionalProperties: count },
      "{ a?: string; [key: string]: unknown }",
    ],
    [
      "patterns",
      { type: "object", patternProperties: { "^x": count }, additionalProperties: false },
      "{ [key: string]: number }",
    ],
    ["array", { type: "array", items: text }, "string[]"],
    ["array of anything", { type: "array" }, "unknown[]"],
    ["array of a union", { type: "array", items: { type: ["string", "number"] } }, "(string | number)[]"],
    ["nested array", { items: { items: { enum: ["a", "b"] } } }, '("a" | "b")[][]'],
    ["2020-12 tuple", { type: "array", prefixItems: [text, count] }, "[string, number]"],
    ["2020-12 tuple with rest", { prefixItems: [text], items: count }, "[string, ...number[]]"],
    ["draft-07 tuple", { type: "array", items: [text, count], additionalItems: false }, "[string, number]"],
    ["draft-07 tuple with rest", { items: [text], additionalItems: { enum: [1, 2] } }, "[string, ...(1 | 2)[]]"],
    [
      "tuple that may be shorter",
      { prefixItems: [text, { type: ["number", "null"] }], minItems: 1 },
      "[string, (number | null)?]",
    ],
    ["const", { const: "a" }, '"a"'],
    ["const null", { const: null }, "null"],
    [
      "enum",
      { type: "string", enum: ["a", 'say "b"', "c\nd", null, 1, true] },
      String.raw`"a" | "say \"b\"" | "c\nd" | null | 1 | true`,
    ],
    ["enum of objects", { enum: [{ a: 1 }, [1, "x"]] }, '{ a: 1 } | [1, "x"]'],
    ["empty enum", { enum: [] }, "never"],
    ["anyOf", { anyOf: [text, { type: "null" }, text] }, "string | null"],
    [
      "oneOf beside properties",
      { type: "object", properties: { a: text }, oneOf: [{ properties: { b: text } }, { properties: { c: count } }] },
      "{ a?: string } & ({ b?: string } | { c?: number })",
    ],
    [
      "oneOf of requirements only",
      { properties: { a: text }, oneOf: [{ required: ["a"] }, { required: ["b"] }] },
      "{ a?: string }",
    ],
    [
      "bare object beside anyOf",
      { type: "object", anyOf: [{ properties: { a: text } }, { properties: { b: text } }] },
      "{ a?: string } | { b?: string }",
    ],
    [
      "allOf",
      { allOf: [{ properties: { a: text } }, { properties: { b: count } }] },
      "{ a?: string } & { b?: number }",
    ],
    ["anyOf with true", { anyOf: [text, true] }, "unknown"],
    ["not, if and ranges", { type: "string", not: { const: "a" }, if: {}, minLength: 3 }, "string"],
    [
      "names that are not identifiers",
      { properties: { "": text, "a-b": text, "*/": text, "\n": text } },
      String.raw`{ ""?: string; "a-b"?: string; "*/"?: string; "\n"?: string }`,
    ],
  ])("%s", (_, schema, expected) => {
    expect(line(schema)).toBe(expected);
  });

  test("a property called __proto__ is a property", () => {
    expect(line(JSON.parse('{"properties": {"__proto__": {"type": "string"}}}') as JsonSchema)).toBe(
      "{ __proto__?: string }",
    );
  });

  test("a very long enumeration shows the first values and takes any", () => {
    const type = line({ type: "string", enum: Array.from({ length: 500 }, (_, at) => `v${at}`) });
    expect(type.split(" | ")).toHaveLength(101);
    expect(type.endsWith('| "v99" | string')).toBe(true);
  });
});

describe("a reference", () => {
  test.each<[string, JsonSchema, string]>([
    ["into $defs", { $ref: "#/$defs/a", $defs: { a: text } }, "string"],
    ["into definitions", { $ref: "#/definitions/a", definitions: { a: text } }, "string"],
    ["through others", { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: count } }, "number"],
    [
      "into properties",
      { properties: { a: { items: text }, b: { $ref: "#/properties/a/items" } } },
      "{ a?: string[]; b?: string }",
    ],
    ["into a list", { anyOf: [text, { $ref: "#/anyOf/0" }] }, "string"],
    ["with escapes", { $ref: "#/$defs/a~1b%20c~0d", $defs: { "a/b c~d": text } }, "string"],
    ["to an anchor", { $ref: "#here", $defs: { a: { $anchor: "here", type: "number" } } }, "number"],
    [
      "to a dynamic anchor",
      { $dynamicRef: "#node", $defs: { a: { $dynamicAnchor: "node", type: "number" } } },
      "number",
    ],
    [
      "after the document's own $id",
      { $id: "https://example.com/s", $ref: "https://example.com/s#/$defs/a", $defs: { a: text } },
      "string",
    ],
    ["to another document", { $ref: "https://example.com/other.json" }, "unknown"],
    ["to a file", { properties: { a: { $ref: "other.json#/$defs/a" } } }, "{ a?: unknown }"],
    ["to nowhere", { $ref: "#/$defs/missing" }, "unknown"],
    ["to an inherited name", { $ref: "#/constructor/prototype" }, "unknown"],
    ["with a broken escape", { $ref: "#/%E0%A4%A" }, "unknown"],
    ["in an array", { items: { $ref: "#/$defs/a" }, $defs: { a: { enum: [1, 2] } } }, "(1 | 2)[]"],
    [
      "with siblings",
      { $ref: "#/$defs/a", properties: { b: text }, $defs: { a: { properties: { a: text } } } },
      "{ a?: string } & { b?: string }",
    ],
    ["to itself alone", { $ref: "#" }, "unknown"],
    ["to itself among others", { anyOf: [{ $ref: "#" }, text] }, "string"],
    [
      "in a circle of aliases",
      {
        $ref: "#/$defs/a",
        $defs: { a: { anyOf: [{ $ref: "#/$defs/b" }, text] }, b: { anyOf: [{ $ref: "#/$defs/a" }, count] } },
      },
      "number | string",
    ],
    [
      "back to what holds it",
      { properties: { child: { $ref: "#" }, name: text } },
      "{ child?: { child?: unknown; name?: string }; name?: string }",
    ],
    [
      "back through an array",
      { $ref: "#/$defs/t", $defs: { t: { properties: { kids: { items: { $ref: "#/$defs/t" } } } } } },
      "{ kids?: unknown[] }",
    ],
  ])("%s", (_, schema, expected) => {
    expect(line(schema)).toBe(expected);
  });
});

describe("comments", () => {
  test("tell purpose, format and default, and nothing that the name says", () => {
    const schema = {
      properties: {
        limit: { type: "number", description: "Most rows. Really.", default: 10 },
        site: { type: "string", format: "uri" },
        page_size: { type: "number", title: "Page Size" },
        old: { type: "string", deprecated: true },
        words: { type: "array", default: ["a", "b"], items: text },
      },
      required: ["limit"],
    };
    expect(block(schema)).toBe(
      [
        "{",
        "  limit: number; // Most rows (default 10)",
        "  site?: string; // (uri)",
        "  page_size?: number;",
        "  old?: string; // (deprecated)",
        '  words?: string[]; // (default ["a","b"])',
        "}",
      ].join("\n"),
    );
  });

  test("stay on their line and end nothing, whatever they hold", () => {
    const schema = {
      properties: {
        a: { type: "string", description: "x\u2028evil(); */ evil()\nmore", default: "\u2028*/\n", format: "a\nb" },
      },
    };
    expect(block(schema)).toBe(
      String.raw`{
  a?: string; // x evil(); * / evil() more (a b, default " * /\n")
}`,
    );
  });

  test("are cut: a purpose at 60 characters, a default at 40", () => {
    const text = block({ properties: { a: { description: "word ".repeat(40), default: "y".repeat(500) } } });
    const [, purpose = "", value = ""] = /\/\/ (.*…) \(default (.*)\)/u.exec(text) ?? [];
    expect(purpose.length).toBeLessThanOrEqual(60);
    expect(value).toHaveLength(40);
  });

  test("a multi-line type has its comment where it starts", () => {
    const schema = {
      properties: {
        f: { description: "Filter", properties: { a: { type: "string", description: "Why" } } },
        g: { description: "Gate", properties: { a: { description: "Why" } } },
      },
    };
    expect(block(schema)).toBe(
      "{\n  f?: { // Filter\n    a?: string; // Why\n  };\n  g?: { // Gate\n    a?: unknown; // Why\n  };\n}",
    );
  });
});

describe("bounds", () => {
  test("what is too long loses its deepest objects first", () => {
    const schema = { properties: { near: { properties: { far: { properties: { farther: text } } } } } };
    expect(line(schema)).toBe("{ near?: { far?: { farther?: string } } }");
    expect(line(schema, 39)).toBe("{ near?: Record<string, unknown> }");
    expect(line(schema, 25)).toBe("Record<string, unknown>");
    expect(line(schema, 10)).toBe("unknown");
  });

  test("of too many properties the required ones are kept", () => {
    const properties = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`p${at}`, text]));
    const type = line({ properties, required: ["p299"] });
    expect(type.startsWith("{ p299: string; p0?: string;")).toBe(true);
    expect(type.endsWith("p198?: string; [key: string]: unknown }")).toBe(true);
  });

  test("nesting of any depth is read", () => {
    let schema: JsonSchema = text;
    for (let depth = 0; depth < 5_000; depth++) schema = { type: "array", items: schema };
    expect(line(schema)).toMatch(/^unknown(?:\[\])+$/u);
  });

  test("definitions that double at every step cost no more than their limit", () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => {
        const next = { $ref: `#/$defs/d${at + 1}` };
        return [`d${at}`, { properties: { a: next, b: next, c: next } }];
      }),
    );
    const started = performance.now();
    expect(line({ $ref: "#/$defs/d0", $defs }, 2_000).length).toBeLessThanOrEqual(2_000);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test("any JSON is a schema", () => {
    const keywords = [
      "type",
      "properties",
      "items",
      "prefixItems",
      "anyOf",
      "allOf",
      "$ref",
      "enum",
      "required",
      "additionalProperties",
      "$defs",
      "default",
      "nullable",
    ];
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom("object", "array", "string", "#", "#/$defs/a", 1, null, true, false),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keywords), tie("tree"), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (schema) => {
        const type = line(schema as JsonSchema, 500);
        expect(type.length).toBeLessThanOrEqual(500);
        expect(type).not.toContain("\n");
      }),
      { numRuns: 1000 },
    );
  });
});
