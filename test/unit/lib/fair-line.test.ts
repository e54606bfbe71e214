import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFairLine } from "../../../src/lib/fair-line.ts";

function lineOf(...items: readonly string[]) {
  const line = createFairLine<string>();
  for (const item of items) line.add(item.charAt(0), item);
  const takeAll = (): string[] => {
    const taken: string[] = [];
    for (let next = line.takeNext(); next !== undefined; next = line.takeNext()) taken.push(next);
    return taken;
  };
  return { line, takeAll };
}

describe("a fair line", () => {
  test("serves owners in turn, each first in, first out", () => {
    const { takeAll, line } = lineOf("a1", "a2", "a3", "a4", "b1", "c1", "b2");
    expect(line.size).toBe(7);
    expect(takeAll()).toEqual(["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
    expect(line.size).toBe(0);
  });

  test("gives an owner that comes back no turn before those that wait", () => {
    const { line, takeAll } = lineOf("a1", "b1", "b2");
    expect(line.takeNext()).toBe("a1");
    line.add("a", "a2");
    expect(takeAll()).toEqual(["b1", "a2", "b2"]);
  });

  test("lets items leave from anywhere, and knows nothing of those that left", () => {
    const { line, takeAll } = lineOf("a1", "a2", "a3", "b1");
    line.delete("a", "a2");
    line.delete("a", "a2");
    line.delete("b", "b1");
    line.delete("z", "z1");
    expect(line.size).toBe(2);
    expect(takeAll()).toEqual(["a1", "a3"]);
  });

  test("gives up the newest item of who has most, until the other has its share", () => {
    const { line, takeAll } = lineOf("a1", "a2", "a3", "a4");
    expect(line.takeExcess("a")).toBeUndefined();
    expect(line.takeExcess("b")).toBe("a4");
    line.add("b", "b1");
    expect(line.takeExcess("b")).toBe("a3");
    line.add("b", "b2");
    expect(line.takeExcess("b")).toBeUndefined();
    expect(line.takeExcess("c")).toBe("a2");
    expect(takeAll()).toEqual(["a1", "b1", "b2"]);
  });

  test("has no excess while it is empty", () => {
    expect(lineOf().line.takeExcess("a")).toBeUndefined();
  });

  test("loses and doubles nothing, and lets nobody wait for more than one turn of each other owner", () => {
    const owner = fc.constantFrom("a", "b", "c");
    fc.assert(
      fc.property(fc.array(fc.record({ owner, take: fc.boolean() }), { maxLength: 80 }), (steps) => {
        const line = createFairLine<string>();
        const waiting = new Map<string, string[]>([
          ["a", []],
          ["b", []],
          ["c", []],
        ]);
        const passedOver = new Map<string, number>();
        for (const [index, step] of steps.entries()) {
          const own = waiting.get(step.owner) ?? [];
          if (!step.take) {
            const item = `${step.owner}${index}`;
            if (own.length === 0) passedOver.set(step.owner, 0);
            own.push(item);
            line.add(step.owner, item);
            continue;
          }
          const taken = line.takeNext();
          const from = taken === undefined ? undefined : waiting.get(taken.charAt(0));
          expect(taken).toBe(from?.shift());
          for (const [name, items] of waiting) {
            if (items.length > 0) passedOver.set(name, name === taken?.charAt(0) ? 0 : (passedOver.get(name) ?? 0) + 1);
            expect(passedOver.get(name) ?? 0).toBeLessThanOrEqual(2);
          }
        }
        expect(line.size).toBe([...waiting.values()].flat().length);
      }),
    );
  });
});
