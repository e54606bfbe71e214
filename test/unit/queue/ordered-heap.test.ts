import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OrderedHeap } from "../../../src/queue/ordered-heap.ts";

interface Item {
  readonly rank: number;
}

const byRank = (a: Item, b: Item): boolean => a.rank < b.rank;

function drain(heap: OrderedHeap<Item>): number[] {
  const ranks: number[] = [];
  for (let item = heap.first; item !== undefined; item = heap.first) {
    expect(heap.delete(item)).toBe(true);
    ranks.push(item.rank);
  }
  return ranks;
}

describe("an ordered heap", () => {
  it("gives its items in order, whatever was added and taken from its middle", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer()), fc.infiniteStream(fc.boolean()), (ranks, isTaken) => {
        const heap = new OrderedHeap<Item>(byRank);
        const items = ranks.map((rank) => ({ rank }));
        for (const item of items) heap.add(item);
        const left = items.filter((item) => !isTaken.next().value || !heap.delete(item));
        expect(heap.size).toBe(left.length);
        expect(drain(heap)).toEqual(left.map(({ rank }) => rank).toSorted((a, b) => a - b));
        expect(heap.size).toBe(0);
      }),
    );
  });

  it("says whether an item was in it", () => {
    const heap = new OrderedHeap<Item>(byRank);
    const item = { rank: 1 };
    expect(heap.first).toBeUndefined();
    expect(heap.delete(item)).toBe(false);
    heap.add(item);
    expect(heap.delete(item)).toBe(true);
    expect(heap.delete(item)).toBe(false);
  });
});
