import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundText, byteLength } from "../../../src/lib/bounded-text.ts";
import { sleep, systemClock } from "../../../src/lib/clock.ts";
import { errorInfo, errorSpec, isErrorCode, RunletError, toErrorInfo } from "../../../src/lib/errors.ts";
import { matchesAnyGlob, matchesGlob } from "../../../src/lib/glob.ts";
import { freezeDeep } from "../../../src/lib/freeze.ts";
import { isRecord, isStringArray } from "../../../src/lib/guards.ts";
import { createId } from "../../../src/lib/ids.ts";
import { canonicalJson, isDeeperThan, parseJson, pointerKeys, pointerStep } from "../../../src/lib/json.ts";
import { nearestNames } from "../../../src/lib/nearest.ts";
import { createManualClock } from "../../support/manual-clock.ts";

describe("boundText", () => {
  test("a text that fits is returned as it is, the limit being one of bytes", () => {
    expect(boundText("éé", 4)).toBe("éé");
    expect(boundText("ééé", 4)).toBe("éé… [2 bytes cut]");
  });

  test("never cuts a character and never grows over the limit by more than the mark", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(40), (text, max) => {
        const bounded = boundText(text, max);
        expect(byteLength(bounded)).toBeLessThanOrEqual(Math.max(byteLength(text) <= max ? max : 0, max + 40));
        if (text.isWellFormed()) expect(bounded.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe("freezeDeep", () => {
  test("freezes what is inside of what is inside, and gives the value itself", () => {
    const value = { list: [{ inner: { n: 1 } }], text: "x", none: null };
    expect(freezeDeep(value)).toBe(value);
    expect([value, value.list, value.list[0], value.list[0]?.inner].map(Object.isFrozen)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  test.each([[null], [undefined], ["text"], [1]])("%j needs no freezing", (value) => {
    expect(freezeDeep(value)).toBe(value);
  });

  test("takes any depth", () => {
    const deep: unknown = JSON.parse("[".repeat(200_000) + "]".repeat(200_000));
    expect(Object.isFrozen(freezeDeep(deep))).toBe(true);
  });
});

describe("json", () => {
  test("canonical text is the same whatever the order of keys, at every level", () => {
    expect(canonicalJson({ b: [{ d: 1, c: undefined }], a: null })).toBe('{"a":null,"b":[{"d":1}]}');
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("a __proto__ key stays a key", () => {
    expect(canonicalJson(JSON.parse('{"__proto__":{"x":1}}'))).toBe('{"__proto__":{"x":1}}');
    expect(canonicalJson(JSON.parse('{"a":{"y":1,"x":{"d":1,"c":2}},"__proto__":{"b":1,"a":2}}'))).toBe(
      '{"__proto__":{"a":2,"b":1},"a":{"x":{"c":2,"d":1},"y":1}}',
    );
  });

  test("canonical text of a value does not change it", () => {
    const value = Object.freeze({ b: Object.freeze([Object.freeze({ d: 1, c: 2 })]), a: 1 });
    expect(canonicalJson(value)).toBe('{"a":1,"b":[{"c":2,"d":1}]}');
    expect(Object.keys(value)).toEqual(["b", "a"]);
  });

  test("parseJson tells null from no JSON", () => {
    expect([parseJson("null"), parseJson("nul")]).toEqual([{ value: null }, undefined]);
  });

  test("isDeeperThan counts levels and does not exhaust the stack", () => {
    expect([0, 1, 2, 3].map((max) => isDeeperThan({ a: [{}] }, max))).toEqual([true, true, true, false]);
    expect(isDeeperThan("x", 0)).toBe(false);
    expect(isDeeperThan(JSON.parse("[".repeat(500_000) + "]".repeat(500_000)), 512)).toBe(true);
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

describe("glob", () => {
  test.each([
    ["*", "", true],
    ["a*c", "abc", true],
    ["a*c", "ac", true],
    ["a*c", "acb", false],
    ["a.c", "abc", false],
    ["a[b]*", "a[b]c", true],
    ["**", "x\ny", true],
    ["read_*", "Read_file", false],
    ["ab*ba", "aba", false],
    ["*b*b", "ab", false],
    ["a*b*c*", "a-c-b-c", true],
  ])("%s matches %j: %s", (glob, name, expected) => {
    expect(matchesGlob(glob, name)).toBe(expected);
  });

  test("every text is matched by itself, and by itself with a star for a part", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
        fc.pre(![a, c].some((part) => part.includes("*")));
        expect(matchesAnyGlob([`${a}*${c}`], a + b + c)).toBe(true);
        expect(matchesGlob(a, a)).toBe(true);
      }),
    );
  });
});

describe("JSON pointers", () => {
  test("lead back to the keys they were made of, whatever these hold", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (keys) => {
        expect(pointerKeys(keys.map(pointerStep).join(""))).toEqual(keys);
      }),
    );
    expect(pointerStep("a/b~1")).toBe("/a~1b~01");
  });
});

describe("glob time", () => {
  test("no glob and name of a caller's take more than a moment together", () => {
    const started = performance.now();
    expect(matchesGlob(`${"*a".repeat(120)}*b`, "a".repeat(100_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe("ids", () => {
  test("sort by creation, and two of one moment differ", () => {
    const ids = [0, 1, 31, 32, 1_700_000_000_000, 1_800_000_000_000].map((at) => createId("run", at));
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(Array.from({ length: 1_000 }, () => createId("run", 1))).size).toBe(1_000);
    expect(createId("run", Date.now())).toMatch(/^run_[0-9a-hjkmnp-tv-z]{22}$/u);
  });
});

describe("guards", () => {
  test("a record is an object and no list; a list of strings holds nothing else", () => {
    expect([{}, [], null, "x"].map(isRecord)).toEqual([true, false, false, false]);
    expect([[], ["a"], ["a", 1], "a"].map(isStringArray)).toEqual([true, true, false, false]);
  });
});

describe("errors", () => {
  test("a failure as data has fault and retryability of its code", () => {
    expect(toErrorInfo(new RunletError("TOOL_TIMEOUT", "late", { server: "a", cause: new Error("inner") }))).toEqual({
      code: "TOOL_TIMEOUT",
      message: "late",
      fault: "upstream",
      retryable: true,
      server: "a",
    });
    expect(errorInfo("INTERNAL", "x")).toMatchObject({ fault: "service", retryable: false });
    expect(errorSpec("QUEUE_FULL").status).toBe(503);
  });

  test("anything else that was thrown tells nothing of our inside", () => {
    for (const thrown of [new Error("/secret"), "secret", undefined, { code: "TOOL_FAILED", message: "secret" }]) {
      const info = toErrorInfo(thrown);
      expect([info.code, info.message.includes("secret")]).toEqual(["INTERNAL", false]);
    }
  });

  test("names that objects have by birth are no codes", () => {
    expect(["INTERNAL", "toString", "__proto__", "constructor", 1].map(isErrorCode)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("nearestNames", () => {
  test("spelling, case and separators do not matter; what is unlike is not offered", () => {
    const names = ["read_file", "write_file", "list_directory"];
    expect(nearestNames("readFile", names)[0]).toBe("read_file");
    expect(nearestNames("raed-file", names)[0]).toBe("read_file");
    expect(nearestNames("zzzzzz", names)).toEqual([]);
    expect(nearestNames("file", names, 1)).toHaveLength(1);
  });
});

describe("clock", () => {
  test("sleep ends with its time or its signal, and leaves no timer", async () => {
    const clock = createManualClock();
    const slept = sleep(clock, 100);
    clock.advance(100);
    await slept;
    const stop = new AbortController();
    const stopped = sleep(clock, 100, stop.signal);
    stop.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    await expect(sleep(clock, 100, AbortSignal.abort("why"))).rejects.toThrow("aborted");
    expect(clock.pending()).toBe(0);
  });

  test("a timer of the machine's clock can be cancelled before and after it fired", async () => {
    let fired = 0;
    systemClock.after(1, () => fired++).cancel();
    const timer = systemClock.after(1, () => fired++, { background: true });
    await expect.poll(() => fired).toBe(1);
    timer.cancel();
    expect(systemClock.monotonic()).toBeGreaterThan(0);
  });
});
