import { parse } from "acorn";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  assignIdentifiers,
  joinIdentifiers,
  propertyAccess,
  propertyKey,
  stringLiteral,
  toIdentifier,
  toTypeName,
} from "../../../src/catalog/tool-names.ts";

const IDENTIFIER = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;
const names = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc
    .array(fc.constantFrom("get", "Get", "API", "x", "2", "_", "-", ".", "$", "class", "then", "é", " "), {
      maxLength: 8,
    })
    .map((parts) => parts.join("")),
);

describe("toIdentifier", () => {
  test.each([
    ["get-weather", "getWeather"],
    ["get_weather", "getWeather"],
    ["getWeather", "getWeather"],
    ["GetWeather", "getWeather"],
    ["api.v2.search", "apiV2Search"],
    ["API-get-user", "apiGetUser"],
    ["HTTPGet", "httpGet"],
    ["GET_USERS", "getUsers"],
    ["get_HTTPData", "getHTTPData"],
    ["3drender", "_3drender"],
    ["class", "class_"],
    ["then", "then_"],
    ["toJSON", "toJSON_"],
    ["constructor", "constructor_"],
    ["__proto__", "proto"],
    ["$search", "search"],
    ["", "_"],
    ["--", "_"],
    ["погода-сейчас", "погодаСейчас"],
    ["天気", "天気"],
    ["a\u200bb", "aB"],
    ['say "hi"\n*/', "sayHi"],
    ["x".repeat(200), "x".repeat(200)],
  ])("writes %j as %j", (name, expected) => {
    expect(toIdentifier(name)).toBe(expected);
  });

  test("is a valid identifier whatever the name is, and JavaScript agrees", () => {
    fc.assert(
      fc.property(names, (name) => {
        const identifier = toIdentifier(name);
        expect(identifier).toMatch(IDENTIFIER);
        expect(() => parse(`let ${identifier};`, { ecmaVersion: "latest", sourceType: "module" })).not.toThrow();
      }),
      { numRuns: 1000 },
    );
  });

  test("leaves what it made as it is", () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(toIdentifier(toIdentifier(name))).toBe(toIdentifier(name));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("assignIdentifiers", () => {
  test("names that collide after conversion all keep their original spelling", () => {
    expect([...assignIdentifiers(["get-weather", "get_weather", "list-zones"])]).toEqual([
      ["get-weather", "get-weather"],
      ["get_weather", "get_weather"],
      ["list-zones", "listZones"],
    ]);
  });

  test("a name that is an identifier already collides with one that becomes it", () => {
    expect([...assignIdentifiers(["getWeather", "get-weather"]).values()]).toEqual(["getWeather", "get-weather"]);
  });

  test("gives distinct words, none of which is another name, in any order of the names", () => {
    fc.assert(
      fc.property(fc.uniqueArray(names, { maxLength: 12 }), (list) => {
        const assigned = assignIdentifiers(list);
        expect(new Set(assigned.values()).size).toBe(list.length);
        for (const [name, word] of assigned) expect(word === name || !assigned.has(word)).toBe(true);
        const reversed = assignIdentifiers(list.toReversed());
        expect(list.map((name) => reversed.get(name))).toEqual(list.map((name) => assigned.get(name)));
      }),
      { numRuns: 500 },
    );
  });
});

test("a tool directly on mcp says its server in one word", () => {
  expect(joinIdentifiers("github", "searchRepos")).toBe("githubSearchRepos");
});

test.each([
  ["notion-api", "NotionApi"],
  ["3d", "T3d"],
  ["天気", "T"],
  ["richTextRequest", "RichTextRequest"],
])("the type name of %j is %s", (name, expected) => {
  expect(toTypeName(name, "T")).toBe(expected);
});

test("property names are bare only when that is safe for a method too", () => {
  expect(["path", "get-x", "", "new", "constructor", "class", "ключ", "a\u202eb"].map(propertyKey)).toEqual([
    "path",
    '"get-x"',
    '""',
    '"new"',
    '"constructor"',
    "class",
    '"ключ"',
    String.raw`"a\u202eb"`,
  ]);
  expect(["path", "get-x"].map(propertyAccess)).toEqual([".path", '["get-x"]']);
});

test("a string literal is one printable line and means the text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const literal = stringLiteral(text);
      expect(literal).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      expect(JSON.parse(literal)).toBe(text);
    }),
  );
});
