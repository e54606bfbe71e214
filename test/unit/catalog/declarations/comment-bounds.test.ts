import { describe, expect, test } from "vitest";
import { isRecord } from "../../../../src/lib/guards.ts";
import { stringLiteral } from "../../../../src/catalog/tool-names.ts";
import { catalogOf, recordedTools } from "../fake-registry.ts";

const recorded = recordedTools();
const catalog = catalogOf(recorded);
const texts = catalog.servers.map((server) => catalog.declarations([server]));

/** Longest purpose of a tool and of a property. @source the compact form of the declarations */
const MOST = { tool: 120, property: 60 };

function matches(pattern: RegExp): readonly string[] {
  return texts.flatMap((text) => [...text.matchAll(pattern)].map(({ groups }) => groups?.["purpose"] ?? ""));
}

/** Each property that a tool takes directly, with its server's declarations. */
function propertiesOf(): readonly {
  readonly name: string;
  readonly schema: Record<string, unknown>;
  readonly text: string;
}[] {
  return catalog.tools.flatMap(({ server, inputSchema }) => {
    const properties = isRecord(inputSchema) ? inputSchema["properties"] : undefined;
    const text = texts[catalog.servers.indexOf(server)] ?? "";
    return Object.entries(isRecord(properties) ? properties : {}).flatMap(([name, schema]) =>
      isRecord(schema) ? [{ name, schema, text }] : [],
    );
  });
}

describe("the declarations of 482 real tools", () => {
  test("say the purpose of a tool in at most 120 characters", () => {
    const purposes = matches(/\/\*\* (?<purpose>.*?) \*\//gu);
    expect(purposes.length).toBeGreaterThan(250);
    expect(purposes.filter((purpose) => purpose.length > MOST.tool)).toEqual([]);
  });

  test("say the purpose of a property in at most 60 characters, beside its format and default", () => {
    const comments = matches(/; \/\/ (?<purpose>.*)$/gmu);
    expect(comments.length).toBeGreaterThan(500);
    const long = comments.filter((comment) => comment.length > MOST.property);
    expect(
      long.map((comment) => comment.slice(0, comment.lastIndexOf(" ("))).filter(({ length }) => length > 60),
    ).toEqual([]);
    expect(long.filter((comment) => !comment.endsWith(")"))).toEqual([]);
  });

  test("keep every default and every value of an enumeration", () => {
    const all = propertiesOf();
    const defaults = all.filter(({ schema }) => ["string", "number", "boolean"].includes(typeof schema["default"]));
    expect(defaults.length).toBeGreaterThan(50);
    const lost = defaults.filter(({ schema, text }) => {
      const value = JSON.stringify(schema["default"]);
      return value.length < 38 && !text.includes(`default ${value}`);
    });
    expect(lost.map(({ name, schema }) => [name, schema["default"]])).toEqual([]);
    const enums = all.filter(({ schema }) => Array.isArray(schema["enum"]));
    expect(enums.length).toBeGreaterThan(30);
    const missing = enums.flatMap(({ name, schema, text }) =>
      (schema["enum"] as readonly unknown[])
        .filter((value) => typeof value === "string" && !text.includes(stringLiteral(value)))
        .map((value) => [name, value]),
    );
    expect(missing).toEqual([]);
  });
});
