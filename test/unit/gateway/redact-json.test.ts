import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { redactJsonText } from "../../../src/gateway/redact-json.ts";

const SECRET = "s3cret";
const hide = (value: string, named: boolean): string => (named ? "***" : value.replaceAll(SECRET, "***"));
const isSecretKey = (key: string): boolean => key === "password";
const redact = (text: string): string => redactJsonText(text, hide, isSecretKey);

/** What the text's value becomes when its members are gone through one by one. */
function redactValue(value: unknown, named = false): unknown {
  if (typeof value === "string") return hide(value, named);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, named));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactValue(item, isSecretKey(key))]));
}

describe("the strings of a JSON text", () => {
  test.each([
    [`{"a":"s3cret"}`, `{"a":"***"}`],
    [`[ "a s3cret b" ,1.50, 12345678901234567890 ]`, `[ "a *** b" ,1.50, 12345678901234567890 ]`],
    [`{"s3cret":"s3cret"}`, `{"s3cret":"***"}`],
    [`{"a":"s3cret","a":"b"}`, `{"a":"***","a":"b"}`],
    [String.raw`{"a":"\u0073\u0033cret \"s3cret\""}`, String.raw`{"a":"*** \"***\""}`],
    [String.raw`{"a":"\\","b":"s3cret\\"}`, String.raw`{"a":"\\","b":"***\\"}`],
    [`{"password" : "short"}`, `{"password" : "***"}`],
    [String.raw`{"pass\u0077ord":"short"}`, String.raw`{"pass\u0077ord":"***"}`],
    [`{"password":["a",["b"],{"c":"d"},"e"],"f":"g"}`, `{"password":["***",["***"],{"c":"d"},"***"],"f":"g"}`],
    [`{"password":1,"a":"b"}`, `{"password":1,"a":"b"}`],
    [`{"a":{"password":{"password":"b"},"c":"d"},"e":"f"}`, `{"a":{"password":{"password":"***"},"c":"d"},"e":"f"}`],
    [`{"__proto__":{"a":"s3cret"}}`, `{"__proto__":{"a":"***"}}`],
    [`{}`, `{}`],
  ])("of %s are redacted where they stand", (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  test("are those of its value, whatever the text", () => {
    const leaf = fc.oneof(fc.string(), fc.constant(SECRET), fc.constant(`"${SECRET}\\`), fc.integer(), fc.boolean());
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 5 }, leaf, fc.array(tie("tree")), tie("object")),
      object: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("password", SECRET)), tie("tree")),
    }));
    fc.assert(
      fc.property(fc.array(tree), fc.constantFrom(0, 1, "\t"), (value, space) => {
        const text = JSON.stringify(value, null, space);
        expect(redact(text)).toBe(JSON.stringify(redactValue(JSON.parse(text)), null, space));
      }),
    );
  });

  test("that hold nothing are given as they are written", () => {
    const text = String.raw`{"a":"\u0041\/","n":1e3,  "b":[true,null]}`;
    expect(redact(text)).toBe(text);
  });

  test("nested a million deep, or a million of them, take no stack", () => {
    const deep = `${"[".repeat(1_000_000)}"s3cret"${"]".repeat(1_000_000)}`;
    expect(redact(deep)).toBe(deep.replace("s3cret", "***"));
    const long = JSON.stringify({ a: '"\\'.repeat(1_000_000) + SECRET });
    expect(redact(long)).toBe(long.replace("s3cret", "***"));
  });
});
