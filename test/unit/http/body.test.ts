import { assert, jsonValue, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { createApp } from "../../../src/http/app.ts";
import { MAX_JSON_DEPTH, parseJsonBody, readBody, requireJson } from "../../../src/http/body.ts";
import { fakeDeps, readJson } from "./fakes.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const request = (headers: Readonly<Record<string, string>>): Request =>
  new Request("http://localhost/", { method: "POST", headers, body: "{}" });

function chunked(...chunks: string[]): Request {
  const body = new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(encode(chunk));
    },
  });
  return new Request("http://localhost/", { method: "POST", body, duplex: "half" });
}

describe("the media type of a body", () => {
  test.each([
    "application/json",
    "Application/JSON; charset=UTF-8",
    'application/json;charset="utf-8"',
    "application/vnd.acme+json",
  ])("%s is JSON", (type) => {
    expect(() => requireJson(request({ "content-type": type }))).not.toThrow();
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/jsonp",
    "",
  ])("%j is refused", (type) => {
    expect(() => requireJson(request({ "content-type": type }))).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED_MEDIA_TYPE" }),
    );
  });

  test("compressed JSON is refused", () => {
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    expect(() => requireJson(request(headers))).toThrow(expect.objectContaining({ code: "UNSUPPORTED_MEDIA_TYPE" }));
  });

  test("a refused one is answered with 415", async () => {
    const deps = fakeDeps();
    const answer = await createApp(deps).request("/run", { method: "POST", body: '{"script":"1"}' });
    expect(answer.status).toBe(415);
    expect(await readJson(answer)).toMatchObject({
      code: "UNSUPPORTED_MEDIA_TYPE",
      hint: "Send the header `Content-Type: application/json`.",
    });
    expect(deps.runs.submitted).toEqual([]);
  });
});

describe("the size of a body", () => {
  test("may be the limit, declared or chunked", async () => {
    expect(await readBody(chunked("abc", "de"), 5)).toEqual(encode("abcde"));
    const declared = new Request("http://localhost/", {
      method: "POST",
      body: "abcde",
      headers: { "content-length": "5" },
    });
    expect(await readBody(declared, 5)).toEqual(encode("abcde"));
  });

  test.each([
    ["declared", new Request("http://localhost/", { method: "POST", body: "x", headers: { "content-length": "6" } })],
    [
      "declared too small",
      new Request("http://localhost/", { method: "POST", body: "xxxxxx", headers: { "content-length": "1" } }),
    ],
    ["chunked", chunked("abc", "def")],
  ])("over the limit is refused: %s", async (_, body) => {
    await expect(readBody(body, 5)).rejects.toMatchObject({
      code: "REQUEST_TOO_LARGE",
      context: { details: { maxBytes: 5 } },
    });
  });

  test("of nothing is empty", async () => {
    expect(await readBody(new Request("http://localhost/", { method: "POST" }), 5)).toEqual(new Uint8Array());
  });
});

describe("the text of a body", () => {
  test("gives back any JSON value", () => {
    assert(
      property(jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        expect(parseJsonBody(encode(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  test.each([
    ["", "is empty"],
    ["{", "does not parse"],
    ["\u0000", "does not parse"],
    ["{'a': 1}", "does not parse"],
  ])("%j is refused as it %s", (text, fault) => {
    expect(() => parseJsonBody(encode(text))).toThrow(
      expect.objectContaining({ code: "REQUEST_INVALID", message: expect.stringContaining(fault) }),
    );
  });

  test("that is not UTF-8 is refused", () => {
    expect(() => parseJsonBody(new Uint8Array([0x22, 0xff, 0x22]))).toThrow("it is not UTF-8");
  });

  test("nested too deep is refused before a recursive reader can overflow", () => {
    const nest = (depth: number): Uint8Array => encode("[".repeat(depth) + "]".repeat(depth));
    expect(parseJsonBody(nest(MAX_JSON_DEPTH))).toBeInstanceOf(Array);
    expect(() => parseJsonBody(nest(MAX_JSON_DEPTH + 1))).toThrow("is nested deeper than 500");
    expect(() => parseJsonBody(nest(1_000_000))).toThrow("is nested deeper than 500");
  });

  test("may have any number of brackets in its strings", () => {
    const text = JSON.stringify({ script: `${"[{".repeat(2_000)}"\\"[` });
    expect(parseJsonBody(encode(text))).toEqual(JSON.parse(text));
  });
});
