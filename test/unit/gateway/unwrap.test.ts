import { describe, expect, test } from "vitest";
import { byteLength } from "../../../src/lib/bounded-text.ts";
import { toolFailure, unwrapResult } from "../../../src/gateway/unwrap.ts";
import type { ContentBlock } from "../../../src/upstream/upstream.ts";

const text = (value: string): ContentBlock => ({ type: "text", text: value });
const image: ContentBlock = { type: "image", data: "aGk=", mimeType: "image/png" };
const unwrap = (content: readonly ContentBlock[], structuredContent?: unknown) =>
  unwrapResult({ content, isError: false, ...(structuredContent !== undefined && { structuredContent }) });

describe("an answer", () => {
  test.each<[string, readonly ContentBlock[], unknown, unknown]>([
    ["structured content wins over text", [text("[1]")], { a: 1 }, { a: 1 }],
    ["structured content may be falsy", [text("x")], null, null],
    ["one text of a JSON object is parsed", [text('{"a":[1]}')], undefined, { a: [1] }],
    ["one text of a JSON array is parsed, spaces around it too", [text(" \n[1, 2] ")], undefined, [1, 2]],
    ["a JSON number stays a string: the tool said text", [text("42")], undefined, "42"],
    ["a JSON string stays as written", [text('"x"')], undefined, '"x"'],
    ["null, true and false stay strings", [text("null")], undefined, "null"],
    ["what only looks like JSON stays a string", [text("{not json}")], undefined, "{not json}"],
    ["text is not trimmed", [text(" hi ")], undefined, " hi "],
    ["an empty text is the empty string", [text("")], undefined, ""],
    ["several texts are joined by newlines", [text("a"), text("b")], undefined, "a\nb"],
    ["JSON that spreads over several texts is parsed", [text("["), text("1]")], undefined, [1]],
    ["several JSON texts that are none together stay text", [text("{}"), text("{}")], undefined, "{}\n{}"],
    ["mixed content stays blocks", [text("a"), image], undefined, [text("a"), image]],
    ["content without text stays blocks", [image], undefined, [image]],
    ["a text block without text stays a block", [{ type: "text" }], undefined, [{ type: "text" }]],
    ["no content at all is null", [], undefined, null],
  ])("%s", (_, content, structured, expected) => {
    expect(unwrap(content, structured)).toEqual(expected);
  });

  test("with a __proto__ key pollutes nothing", () => {
    const value = unwrap([text('{"__proto__":{"polluted":true}}')]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe("an answer with isError", () => {
  const fail = (content: readonly ContentBlock[], structuredContent?: unknown) =>
    toolFailure("s", "t", { content, isError: true, structuredContent });

  test("is TOOL_FAILED with the tool's text as message", () => {
    const error = fail([text("no such file"), text("try another")]);
    expect(error).toMatchObject({
      code: "TOOL_FAILED",
      message: "no such file\ntry another",
      context: { server: "s", tool: "t", details: { content: [text("no such file"), text("try another")] } },
    });
  });

  test("wins over structured content, which is kept in the details when it is small", () => {
    const error = fail([text("bad")], { errno: 2 });
    expect(error.message).toBe("bad");
    expect(error.context.details).toEqual({ content: [text("bad")], structuredContent: { errno: 2 } });
    expect(fail([text("bad")], "x".repeat(5_000)).context.details).toEqual({ content: [text("bad")] });
  });

  test("has a message also when the tool gives no text", () => {
    expect(fail([]).message).toBe("s.t says that it failed and not why.");
    expect(fail([], { errno: 2 }).message).toBe('{"errno":2}');
  });

  test("is cut to four KiB, its binary data left out", () => {
    const error = fail([text("ä".repeat(10_000)), text("more"), { ...image, data: "A".repeat(100_000) }]);
    expect(byteLength(error.message)).toBeLessThan(4_200);
    expect(byteLength(JSON.stringify(error.context.details))).toBeLessThan(4_300);
    expect(fail([image]).context.details).toEqual({ content: [{ type: "image", omitted: true }] });
  });

  test("with ten thousand blocks keeps no more than four KiB of them", () => {
    const error = fail(Array.from({ length: 10_000 }, () => text("x")));
    expect(byteLength(JSON.stringify(error.context.details))).toBeLessThan(5_000);
  });
});
