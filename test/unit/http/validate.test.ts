import { assert, jsonValue, property, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { BUILT_IN_LIMITS, LIMIT_NAMES } from "../../../src/config/limits.ts";
import { batchBodySchema, invokeBodySchema, runBodySchema, runsQuerySchema } from "../../../src/http/schemas.ts";
import { compileCheck, readParameters, type RequestSchema } from "../../../src/http/validate.ts";
import { isRecord } from "../../../src/lib/guards.ts";

const bodies: readonly (readonly [string, RequestSchema<unknown>])[] = [
  ["run", runBodySchema({ limits: BUILT_IN_LIMITS })],
  ["invoke", invokeBodySchema],
  ["batch", batchBodySchema],
];

/** Follows a JSON pointer. @returns Whether it, or the object its last part would be a member of, is there. */
function leadsSomewhere(value: unknown, pointer: string): boolean {
  const parts = pointer.split("/").slice(1);
  let here: unknown = value;
  for (const [at, part] of parts.entries()) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const isLast = at === parts.length - 1;
    if (isRecord(here)) {
      if (!Object.hasOwn(here, key)) return isLast;
      here = here[key];
    } else if (Array.isArray(here)) here = here[Number(key)] as unknown;
    else return false;
  }
  return true;
}

describe("a check of a request", () => {
  test.each(bodies)("of %s takes or refuses anything without failing itself, and points into it", (_, schema) => {
    const check = compileCheck(schema);
    assert(
      property(jsonValue({ maxDepth: 4 }), string(), (value, key) => {
        for (const body of [value, { [key]: value }, { script: value, limits: { [key]: value } }, { calls: [value] }]) {
          const copy = structuredClone(body);
          const checked = check(body);
          expect(body).toEqual(copy);
          if (checked.ok) continue;
          expect(checked.problems.length).toBeGreaterThan(0);
          for (const { pointer, message } of checked.problems) {
            expect(leadsSomewhere(body, pointer), `${pointer} in ${JSON.stringify(body)}`).toBe(true);
            expect(message).not.toBe("");
          }
        }
      }),
    );
  });

  test("takes every limit of the table, and leaves the cutting to the run", () => {
    const check = compileCheck(runBodySchema({ limits: BUILT_IN_LIMITS }));
    for (const name of LIMIT_NAMES) {
      const over = { script: "1", limits: { [name]: BUILT_IN_LIMITS.ceilings[name] + 1 } };
      expect(check(over), name).toEqual({ ok: true, value: over });
      expect(check({ script: "1", limits: { [name]: -1 } }).ok, name).toBe(false);
    }
  });

  test("tells the first 50 faults of a body that has a hundred thousand, at once", () => {
    const check = compileCheck(runBodySchema({ limits: BUILT_IN_LIMITS }));
    const unknown = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 1]));
    const startedAt = performance.now();
    for (const body of [
      { script: "1", ...unknown },
      { script: "1", limits: unknown },
    ]) {
      const checked = check(body);
      expect(checked.ok ? 0 : checked.problems.length).toBe(50);
    }
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test("does not take members of Object's prototype for known ones", () => {
    const check = compileCheck(invokeBodySchema);
    const body: unknown = JSON.parse('{"server":"a","tool":"b","__proto__":1,"constructor":1,"toString":1}');
    expect(check(body)).toMatchObject({
      ok: false,
      problems: [{ pointer: "/__proto__" }, { pointer: "/constructor" }, { pointer: "/toString" }],
    });
  });

  test("keeps arguments whatever their names are", () => {
    const check = compileCheck(invokeBodySchema);
    const body: unknown = JSON.parse('{"server":"a","tool":"b","arguments":{"__proto__":{"x":1},"constructor":2}}');
    expect(check(body)).toEqual({ ok: true, value: body });
  });

  test("shows values that are wrong, cut where they are long", () => {
    const check = compileCheck(runBodySchema({ limits: BUILT_IN_LIMITS }));
    const checked = check({ script: "1", mode: "x".repeat(1_000) });
    const [problem] = checked.ok ? [] : checked.problems;
    expect(problem?.pointer).toBe("/mode");
    expect(problem?.message.length).toBeLessThan(160);
    expect(problem?.message).toMatch(/^must be one of "wait", "queue": current value is "x+… \[\d+ bytes cut\]$/u);
  });

  test("does not take a number that is not finite", () => {
    const check = compileCheck(runBodySchema({ limits: BUILT_IN_LIMITS }));
    const body: unknown = JSON.parse('{"script":"1","limits":{"wallMs":1e1000},"priority":-1e1000}');
    expect(check(body)).toMatchObject({
      ok: false,
      problems: [{ pointer: "/limits/wallMs" }, { pointer: "/priority" }],
    });
  });
});

describe("the parameters of a query", () => {
  const read = (limit: string): unknown => readParameters(runsQuerySchema, [["limit", limit]]);

  test("are whole numbers where the schema wants them", () => {
    expect(readParameters(runsQuerySchema, new URLSearchParams("limit=7&cursor=8&other=9"))).toEqual({
      limit: 7,
      cursor: "8",
      other: "9",
    });
    expect(read("-1")).toEqual({ limit: -1 });
  });

  test.each(["", "1e1000", "1e2", "0x10", " 7", "7 ", "7.0", "NaN", "null", "true", "9".repeat(16)])(
    "are not numbers when written as %j",
    (text) => {
      expect(read(text)).toEqual({ limit: text });
      expect(compileCheck(runsQuerySchema)(read(text)).ok).toBe(false);
    },
  );
});
