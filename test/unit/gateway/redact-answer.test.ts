import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAnswerRedactor } from "../../../src/gateway/redact-answer.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { parseJson } from "../../../src/lib/json.ts";
import { createRedactor } from "../../../src/observability/redact.ts";
import type { ContentBlock, UpstreamResult } from "../../../src/upstream/upstream.ts";

const SECRET = "s3cret-value";
const TOKEN = `ghp_${"a1".repeat(18)}`;
const all = createAnswerRedactor(createRedactor([SECRET]), true);
const known = createAnswerRedactor(createRedactor([SECRET]), false);

const answer = (change: Partial<UpstreamResult> = {}): UpstreamResult => ({ content: [], isError: false, ...change });
const blockOf = (block: ContentBlock, by = all): unknown => by.answer(answer({ content: [block] })).content[0];

describe("a block of an answer", () => {
  test.each<[string, ContentBlock, object]>([
    ["text", { type: "text", text: `a ${SECRET}` }, { text: "a ***" }],
    [
      "text that is JSON",
      { type: "text", text: `{"a": "${SECRET}", "token": 12345}` },
      { text: '{"a": "***", "token": 12345}' },
    ],
    ["text's annotations", { type: "text", text: "a", _meta: { by: [SECRET] } }, { _meta: { by: ["***"] } }],
    [
      "a resource's text",
      { type: "resource", resource: { uri: "a:b", text: SECRET } },
      { resource: { uri: "a:b", text: "***" } },
    ],
    [
      "a link's address and name",
      { type: "resource_link", uri: `https://x/?a=${SECRET}`, name: SECRET },
      { uri: "https://x/?a=***", name: "***" },
    ],
    ["a block of no known type", { type: "hologram", depth: 3, data: SECRET }, { depth: 3, data: "***" }],
  ])("loses the secret in %s", (_name, block, expected) => {
    expect(blockOf(block)).toMatchObject({ type: block.type, ...expected });
    expect(JSON.stringify(blockOf(block))).not.toContain(SECRET);
  });

  test.each<ContentBlock>([
    { type: "image", data: SECRET, mimeType: "image/png" },
    { type: "audio", data: SECRET, mimeType: "audio/wav" },
    { type: "resource", resource: { uri: "a:b", blob: SECRET } },
  ])("keeps the bytes of $type as they are", (block) => {
    expect(blockOf(block)).toBe(block);
  });

  test("that holds none is the block itself, and so is the list", () => {
    const given = answer({
      content: [{ type: "text", text: '{"a":[1]}' }],
      structuredContent: { a: [1, null, { b: true }] },
      meta: { a: "b" },
    });
    const redacted = all.answer(given);
    expect(redacted).toEqual(given);
    expect(
      [redacted.content, redacted.structuredContent, redacted.meta].map(
        (part, at) => part === [given.content, given.structuredContent, given.meta][at],
      ),
    ).toEqual([true, true, true]);
  });
});

describe("a structured answer", () => {
  const structured = (value: unknown, by = all): unknown =>
    by.answer(answer({ structuredContent: value })).structuredContent;

  test("loses known secrets in strings at every depth, and keeps keys, numbers and lists", () => {
    const value = { [SECRET]: [{ a: `<${SECRET}>` }, 1, null, true], b: JSON.stringify({ c: SECRET }) };
    expect(structured(value)).toEqual({ [SECRET]: [{ a: "<***>" }, 1, null, true], b: '{"c":"***"}' });
    expect(value.b).toContain(SECRET);
  });

  test.each([
    [{ password: "a b" }, { password: "***" }],
    [
      { access_token: "abc", apiKey: ["a", ["b"]] },
      { access_token: "***", apiKey: ["***", ["***"]] },
    ],
    [{ credentials: { user: "ada", age: 3 } }, { credentials: { user: "ada", age: 3 } }],
    [{ properties: { password: { type: "string" } } }, { properties: { password: { type: "string" } } }],
    [
      { token: 5, secret: true, password: null },
      { token: 5, secret: true, password: null },
    ],
    [{ a: `is ${TOKEN}` }, { a: "is ***" }],
    [{ a: JSON.stringify({ password: "a b", token: 12345 }) }, { a: '{"password":"***","token":12345}' }],
  ])("%j becomes %j", (value, expected) => {
    expect(structured(value)).toEqual(expected);
  });

  test.each(["nextPageToken", "next_token", "pageToken", "continuationToken", "syncToken"])(
    "keeps %s, which is needed to read on",
    (name) => {
      const value = { [name]: "abcdef", link: `https://x/list?${name}=abcdef` };
      expect(structured(value)).toBe(value);
    },
  );

  test("with `known` loses only what is known", () => {
    const value = { password: "a b", a: TOKEN, b: SECRET };
    expect(structured(value, known)).toEqual({ password: "a b", a: TOKEN, b: "***" });
  });

  test("nested deeper than 512 is hidden from there on", () => {
    let value: unknown = SECRET;
    for (let depth = 0; depth < 600; depth++) value = [value];
    const text = JSON.stringify(structured(value));
    expect(text).toBe(`${"[".repeat(512)}"***"${"]".repeat(512)}`);
  });

  test("with a member called __proto__ changes no prototype", () => {
    const redacted = structured(JSON.parse(`{"__proto__":{"a":"${SECRET}"}}`)) as object;
    expect(JSON.stringify(redacted)).toBe('{"__proto__":{"a":"***"}}');
    expect(Object.getPrototypeOf(redacted)).toBe(Object.prototype);
  });

  test("holds no known secret in any string, has the keys that it had, and is redacted once and for all", () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.constant(SECRET),
      fc.string().map((text) => text + SECRET),
      fc.integer(),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie("tree")), fc.dictionary(fc.string(), tie("tree"))),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const text = JSON.stringify(value);
        const redacted = structured(value, known);
        expect(JSON.stringify(redacted)).not.toContain(SECRET);
        expect(shapeOf(redacted)).toEqual(shapeOf(value));
        expect(structured(redacted, known)).toEqual(redacted);
        expect(JSON.stringify(value)).toBe(text);
      }),
    );
  });

  test("text that is JSON stays JSON, whatever it holds", () => {
    const word = fc.constantFrom("token", "password: ", SECRET, TOKEN, '"', "\\", "{", "=", "Bearer abcdefghijk", "a");
    const texts = fc.array(word).map((words) => words.join(""));
    fc.assert(
      fc.property(fc.dictionary(texts, fc.oneof(texts, fc.integer(), fc.array(texts))), (value) => {
        const inner = JSON.stringify(value);
        const redacted = all.text(JSON.stringify({ inner, value }));
        const parsed = parseJson(redacted)?.value as { inner: string; value: object };
        expect(Object.keys(parsed.value)).toEqual(Object.keys(value));
        expect(parseJson(parsed.inner)?.value).toEqual(parsed.value);
      }),
    );
  });
});

/** Everything of a value but its strings. */
function shapeOf(value: unknown): unknown {
  if (typeof value === "string") return "";
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value).map(([key, item]) => [key, shapeOf(item)]);
}

describe("a failure", () => {
  test("loses secrets in message, hint and details, and keeps its code, its place and its cause", () => {
    const cause = new Error(SECRET);
    const error = new RunletError("UPSTREAM_PROTOCOL", `no ${SECRET}`, {
      server: "s",
      tool: "t",
      hint: `try ${SECRET}`,
      details: { code: -1, said: [SECRET] },
      cause,
    });
    const redacted = all.error(error);
    expect(redacted).toMatchObject({ code: "UPSTREAM_PROTOCOL", message: "no ***" });
    expect(redacted.context).toEqual({ server: "s", tool: "t", hint: "try ***", details: { code: -1, said: ["***"] } });
    expect(redacted.cause).toBe(cause);
  });

  test("without any is the failure itself", () => {
    const error = new RunletError("UPSTREAM_UNAVAILABLE", "it is down", { details: { sent: false } });
    expect(all.error(error)).toBe(error);
  });
});
