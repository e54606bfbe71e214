import { afterAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import type { JsonValue } from "../../../src/lib/guards.ts";
import { OutputSchemas } from "../../../src/runs/output-schema.ts";

const schemas = new OutputSchemas(systemClock);
afterAll(() => schemas.close());

const ANN = { owner: "ann", signal: new AbortController().signal };

async function refusal(schema: JsonValue): Promise<unknown> {
  try {
    await schemas.require(schema, "ann");
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The problems of a value, `undefined` when it satisfies the schema. */
async function problems(schema: JsonValue, value: JsonValue | undefined): Promise<unknown> {
  const error = await schemas.mismatch(schema, value === undefined ? undefined : JSON.stringify(value), ANN);
  expect(error?.code).toBe(error === undefined ? undefined : "RESULT_SCHEMA_MISMATCH");
  return (error?.details as { problems: unknown } | undefined)?.problems;
}

describe("a schema is taken", () => {
  test.each<[string, JsonValue]>([
    ["anything", true],
    ["nothing", false],
    ["no rule", {}],
    [
      "of draft-07",
      { $schema: "http://json-schema.org/draft-07/schema#", definitions: { a: {} }, $ref: "#/definitions/a" },
    ],
    ["of 2020-12", { $schema: "https://json-schema.org/draft/2020-12/schema", prefixItems: [{ type: "string" }] }],
    ["a tree", { type: "object", properties: { left: { $ref: "#" }, right: { $ref: "#" } } }],
    [
      "with names of its own",
      { $id: "https://example.com/a", $defs: { b: { $id: "b" } }, properties: { b: { $ref: "b" } } },
    ],
    ["with a property called $ref", { properties: { $ref: { type: "string" } } }],
    [
      "with patterns people write",
      { pattern: "^[a-z]+(?:-[a-z]+)*@[\\w.]+\\.[a-z]{2,}$", patternProperties: { "^x-": {} } },
    ],
    ["nested 200 levels", JSON.parse(`${'{"items":'.repeat(200)}{}${"}".repeat(200)}`) as JsonValue],
  ])("%s", async (_, schema) => {
    expect(await refusal(schema)).toBeUndefined();
  });
});

describe("a schema is refused", () => {
  const deep = JSON.parse(`${'{"not":'.repeat(4_000)}{}${"}".repeat(4_000)}`) as JsonValue;
  const doubling = Object.fromEntries(
    Array.from({ length: 30 }, (_, i) => {
      const next = { $ref: `#/$defs/a${i + 1}` };
      return [`a${i}`, i === 29 ? {} : { allOf: [next, next] }];
    }),
  );
  test.each<[string, JsonValue, string]>([
    ["a list", [], ""],
    ["of no known type", { type: "text" }, "/type"],
    ["wrong further down", { properties: { a: { required: "b" } } }, "/properties/a/required"],
    ["of an unknown dialect", { $schema: "https://example.com/schema" }, "/$schema"],
    ["of a dialect that is no text", { $schema: 7 }, "/$schema"],
    ["with a reference to the web", { items: { $ref: "https://example.com/x" } }, "/items/$ref"],
    ["with a reference to a file", { items: { $ref: "file:///etc/passwd" } }, "/items/$ref"],
    ["with a reference to nothing", { $ref: "#/$defs/none" }, ""],
    ["referring to itself", { $ref: "#" }, ""],
    [
      "referring to itself in turns",
      { $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } }, $ref: "#/$defs/a" },
      "",
    ],
    ["nested too deep", deep, ""],
    ["asynchronous", { $async: true }, ""],
    ["under the name of a meta-schema", { $id: "https://json-schema.org/draft/2020-12/schema" }, ""],
    ["with a pattern that is none", { pattern: "(" }, ""],
    ["huge", { description: "x".repeat(300_000) }, ""],
    ["doubling at each step", { $defs: doubling, $ref: "#/$defs/a0" }, ""],
    ["with a pattern that takes for ever", { pattern: "^(a+)+$" }, ""],
    ["with such a pattern for names", { patternProperties: { "^(\\w+\\s?)*$": {} } }, ""],
  ])("%s", async (_, schema, pointer) => {
    expect(await refusal(schema)).toMatchObject({
      code: "REQUEST_INVALID",
      context: { details: { problems: [{ pointer: `/outputSchema${pointer}`, message: expect.any(String) }] } },
    });
  });

  test("when many wait already, and may come back", { timeout: 20_000 }, async () => {
    const own = new OutputSchemas(systemClock);
    const asked = Array.from({ length: 40 }, (_, i) => own.require({ title: `schema ${i}` }, "ann"));
    const ends = await Promise.allSettled(asked);
    expect(ends.map(({ status }) => status)).toEqual(Array.from(ends, (_, i) => (i < 32 ? "fulfilled" : "rejected")));
    expect(ends[39]).toMatchObject({ reason: { code: "QUEUE_FULL", context: { details: { retryAfterMs: 3_000 } } } });
    await own.close();
  });

  test("only to the one of whom many wait", { timeout: 20_000 }, async () => {
    const own = new OutputSchemas(systemClock);
    const asked = Array.from({ length: 40 }, (_, i) => own.require({ title: `schema ${i}` }, "mallory"));
    let ended = 0;
    for (const each of asked) void each.finally(() => ended++).catch(() => undefined);
    await own.require({ title: "another" }, "bob");
    // Those that are refused, the one under way and at most one more.
    expect(ended).toBeLessThanOrEqual(10);
    await Promise.allSettled(asked);
    await own.close();
  });

  test("when the service stops", async () => {
    const own = new OutputSchemas(systemClock);
    const asked = Array.from({ length: 5 }, (_, i) => own.require({ pattern: `^(a+)+${i}$` }, "ann"));
    const [ends] = await Promise.all([Promise.allSettled(asked), own.close()]);
    expect(ends.map((end) => end.status === "rejected" && (end.reason as { code: unknown }).code)).toEqual(
      Array.from(ends, () => "SHUTTING_DOWN"),
    );
  });

  test("and after it others are served", async () => {
    expect(await refusal({ type: "integer" })).toBeUndefined();
    expect(await problems({ type: "integer" }, 1)).toBeUndefined();
  });

  test("leaves nothing behind that another can refer to", async () => {
    expect(await refusal({ $id: "https://example.com/secret", const: "secret" })).toBeUndefined();
    expect(await refusal({ $ref: "https://example.com/secret" })).toMatchObject({ code: "REQUEST_INVALID" });
  });
});

describe("a result", () => {
  test("that satisfies its schema passes, whatever its size", async () => {
    const rows = Array.from({ length: 50_000 }, (_, id) => ({ id, text: "some text" }));
    const schema = { items: { required: ["id"], properties: { id: { type: "integer" } } } };
    expect(await problems(schema, rows)).toBeUndefined();
    expect(await problems(schema, [...rows, { id: "x" }])).toEqual([
      { pointer: "/50000/id", message: expect.stringContaining("must be integer") },
    ]);
  });

  test("that does not is told with up to ten problems", async () => {
    const schema = { items: { type: "string" } };
    const told = (await problems(
      schema,
      Array.from({ length: 50 }, () => 1),
    )) as unknown[];
    expect(told).toHaveLength(10);
    expect(told[3]).toEqual({ pointer: "/3", message: "must be string: current value is 1" });
  });

  test("that is none is checked as null", async () => {
    expect(await problems({ type: "null" }, undefined)).toBeUndefined();
    expect(await problems({ type: "string" }, undefined)).toEqual([
      { pointer: "", message: "must be string: current value is null" },
    ]);
  });

  test("is matched against patterns as they are, however long it is", async () => {
    const schema = { type: "string", pattern: "^(?:[a-z]+ ?)+$" };
    expect(await problems(schema, "word ".repeat(20_000))).toBeUndefined();
    expect(await problems({ type: "string", pattern: "^[a-z]+$" }, `${"a".repeat(200_000)}1`)).toHaveLength(1);
  });

  test("whose check takes for ever does not pass, and the next one is checked", { timeout: 40_000 }, async () => {
    const schema = { type: "string", pattern: "^.*.*.*.*.*!$" };
    expect(await refusal(schema)).toBeUndefined();
    const [stuck, next] = await Promise.all([problems(schema, "x".repeat(5_000)), problems({ type: "integer" }, 1)]);
    expect(stuck).toEqual([{ pointer: "", message: expect.stringContaining("cannot be checked") }]);
    expect(next).toBeUndefined();
  });

  test("waits for one check of another client at most", { timeout: 40_000 }, async () => {
    const own = new OutputSchemas(systemClock);
    const schema = { type: "string", pattern: "^.*.*.*.*.*!$" };
    const result = JSON.stringify("x".repeat(5_000));
    const order: string[] = [];
    const stop = new AbortController();
    const mallory = { owner: "mallory", signal: stop.signal };
    const stuck = Array.from({ length: 4 }, () => own.mismatch(schema, result, mallory));
    const ends = stuck.map((each) =>
      each.then(
        () => order.push("mallory"),
        () => order.push("cancelled"),
      ),
    );
    await own.mismatch({ type: "integer" }, "1", { ...ANN, owner: "bob" });
    order.push("bob");
    stop.abort(new Error("cancelled"));
    await Promise.all(ends);
    expect(order).toEqual(["mallory", "bob", "cancelled", "cancelled", "cancelled"]);
    await own.close();
  });

  test("with names that JavaScript has too is checked as data", async () => {
    const value = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}') as JsonValue;
    const schema = { properties: { constructor: { type: "string" } }, required: ["toString"] };
    expect(await problems(schema, value)).toEqual([
      { pointer: "/toString", message: expect.stringContaining("is required") },
      { pointer: "/constructor", message: expect.stringContaining("must be string") },
    ]);
  });
});
