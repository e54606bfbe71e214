import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run, value } = useExecutor();

const SHOW = `const show = (v) => v instanceof Uint8Array ? "bytes " + v.join() : Array.isArray(v) ? v.map(show) : v !== null && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, m]) => [k, show(m)])) : v;`;

describe("bytes from outside", () => {
  const TABLE: readonly (readonly [claim: string, input: unknown, seen: unknown])[] = [
    ["are a Uint8Array as the whole input", { $bytes: "AQID" }, "bytes 1,2,3"],
    [
      "are one at any depth, in objects and lists",
      { a: [{ $bytes: "/w==" }], b: { c: { $bytes: "" } } },
      { a: ["bytes 255"], b: { c: "bytes " } },
    ],
    ["need both digits of a last group", { $bytes: "AQI=" }, "bytes 1,2"],
    ["are not made of other members beside", { $bytes: "AQID", x: 1 }, { $bytes: "AQID", x: 1 }],
    ["are not made of what is no text", { $bytes: 5 }, { $bytes: 5 }],
    ["are not made of a broken length", { $bytes: "AQI" }, { $bytes: "AQI" }],
    ["are not made of other digits", { $bytes: "AQ-_" }, { $bytes: "AQ-_" }],
    ["are not made of padding in the middle", { $bytes: "AQ==AQID" }, { $bytes: "AQ==AQID" }],
    ["are not made of spaces", { $bytes: "AQ D" }, { $bytes: "AQ D" }],
    ["are not made of three signs of padding", { $bytes: "A===" }, { $bytes: "A===" }],
    ["are not made of characters beyond Latin", { $bytes: "AQI\u{1F600}" }, { $bytes: "AQI\u{1F600}" }],
    ["are not made of a text that only holds the word", ['"$bytes"', { a: "$bytes" }], ['"$bytes"', { a: "$bytes" }]],
  ];
  it.each(TABLE)("%s", async (_, input, seen) => {
    expect(await value(`${SHOW} return show(input)`, { input })).toEqual(seen);
    const answer = () => ({ ok: true, json: JSON.stringify(input) });
    expect(await value(`${SHOW} return show(await mcp.shop.list())`, { answer })).toEqual(seen);
  });

  it("of any content go in and come out as they are, through input, arguments, answers and the result", async () => {
    const arrays = fc.sample(fc.uint8Array({ maxLength: 100 }), { numRuns: 100, seed: 3 });
    const input = arrays.map((bytes) => ({ $bytes: Buffer.from(bytes).toString("base64") }));
    const { result, calls, emitted } = await run(
      `emit(input); const [back] = await mcp.shop.list(input); return { same: back.every((b, i) => b.join() === input[i].join()), back }`,
      { input },
    );
    expect(result).toEqual({ same: true, back: input });
    expect(calls[0]?.args).toEqual([input]);
    expect(emitted).toEqual([input]);
  });

  it("of some megabytes are written and read", async () => {
    const { result } = await run(
      `const big = new Uint8Array(700_001).map((_, i) => i * 7); const [back] = await mcp.shop.list(big); return [back.length, back.every((b, i) => b === big[i])]`,
    );
    expect(result).toEqual([700_001, true]);
  });

  it("stay plain text where a prototype was changed", async () => {
    const code = `Object.prototype.$bytes = "AQID"; return [input.a instanceof Uint8Array, Object.keys(input)]`;
    expect(await value(code, { input: { a: {}, b: '"$bytes"' } })).toEqual([false, ["a", "b"]]);
  });
});

describe("a member named __proto__", () => {
  const JSON_TEXT = `{"__proto__":{"polluted":1},"b":{"__proto__":{"$bytes":"AQ=="},"$bytes":"AQ=="}}`;

  it("is one like all others, in and out, with bytes beside it or in it", async () => {
    const code = `
      const v = await mcp.shop.list();
      return { v, own: Object.hasOwn(v, "__proto__"), polluted: v.polluted ?? null, plain: Object.getPrototypeOf(v) === Object.prototype,
        inner: v.b.__proto__ instanceof Uint8Array, of: Object.getPrototypeOf(v.b) === Object.prototype }`;
    expect(await value(code, { answer: () => ({ ok: true, json: JSON_TEXT }) })).toEqual({
      own: true,
      polluted: null,
      plain: true,
      inner: true,
      of: true,
      v: JSON.parse(JSON_TEXT) as unknown,
    });
  });
});

describe("an emitted content block", () => {
  const TABLE: readonly (readonly [claim: string, expression: string, emitted: unknown])[] = [
    [
      "has the bytes of an image as base 64",
      `{ type: "image", data: new Uint8Array([1, 2]), mimeType: "image/png" }`,
      { type: "image", data: "AQI=", mimeType: "image/png" },
    ],
    [
      "has those of an audio, given as a buffer",
      `{ type: "audio", data: new Uint8Array([1, 2]).buffer, mimeType: "audio/wav", annotations: { priority: 1 } }`,
      { type: "audio", data: "AQI=", mimeType: "audio/wav", annotations: { priority: 1 } },
    ],
    [
      "has those of a file as its blob",
      `{ type: "resource", resource: { uri: "file:///a", mimeType: "text/plain", blob: new Uint8Array([104]) } }`,
      { type: "resource", resource: { uri: "file:///a", mimeType: "text/plain", blob: "aA==" } },
    ],
    ["of text is as it was given", `{ type: "text", text: "hi" }`, { type: "text", text: "hi" }],
    [
      "with data that is text already is as it was given",
      `{ type: "image", data: "AQI=", mimeType: "image/png" }`,
      { type: "image", data: "AQI=", mimeType: "image/png" },
    ],
    [
      "without a media type is a value like all others",
      `{ type: "image", data: new Uint8Array([1]) }`,
      { type: "image", data: { $bytes: "AQ==" } },
    ],
    [
      "of another type is a value like all others",
      `{ type: "picture", data: new Uint8Array([1]), mimeType: "image/png" }`,
      { type: "picture", data: { $bytes: "AQ==" }, mimeType: "image/png" },
    ],
    [
      "inside of something is a value like all others",
      `[{ type: "image", data: new Uint8Array([1]), mimeType: "image/png" }]`,
      [{ type: "image", data: { $bytes: "AQ==" }, mimeType: "image/png" }],
    ],
    [
      "of a class, or with getters, is a value like all others",
      `{ get type() { return "image" }, data: new Uint8Array([1]), mimeType: "image/png" }`,
      { type: "image", data: { $bytes: "AQ==" }, mimeType: "image/png" },
    ],
  ];
  it.each(TABLE)("%s", async (_, expression, emitted) => {
    expect((await run(`emit(${expression})`)).emitted).toEqual([emitted]);
  });

  it("counts against the limit with its bytes", async () => {
    const { error } = await run(`emit({ type: "image", data: new Uint8Array(200), mimeType: "image/png" })`, {
      limits: { emittedBytes: 200 },
    });
    expect(error).toMatchObject({ code: "EMIT_LIMIT" });
  });

  it("that holds a promise is told of", async () => {
    const { logs, emitted } = await run(`emit({ a: Promise.resolve(1) })`);
    expect(emitted).toEqual([{ a: "[Promise]" }]);
    expect(logs).toEqual(["An emitted value holds a promise that was not awaited at .a: await it, or use Promise.all"]);
  });
});
