/** A waiting line that serves owners in turn, and the items of one owner first in, first out. */
export interface FairLine<Item> {
  readonly size: number;
  /** Adds an item behind the owner's others. */
  add(owner: string, item: Item): void;
  /** Lets an item leave the line; one that is not in it is no fault. */
  delete(owner: string, item: Item): void;
  /** Takes out the oldest item of the owner whose turn it is; `undefined` when nobody waits. */
  takeNext(): Item | undefined;
  /**
   * Takes out the newest item of the owner with the most items when `owner` would still have fewer with one more; `undefined`
   * when `owner` has its share already. So a full line is shared evenly, however it was filled.
   */
  takeExcess(owner: string): Item | undefined;
}

/** Makes an empty line. Each step takes constant time, but `takeExcess`: time that grows with the owners and items. */
export function createFairLine<Item>(): FairLine<Item> {
  /** Owners that wait, in the order of their turns; none has an empty line. */
  const lines = new Map<string, Set<Item>>();
  let size = 0;

  function remove(owner: string, line: Set<Item>, item: Item): void {
    if (!line.delete(item)) return;
    size--;
    if (line.size === 0) lines.delete(owner);
  }

  return {
    get size() {
      return size;
    },
    add(owner, item) {
      const line = lines.get(owner);
      if (line === undefined) lines.set(owner, new Set([item]));
      else line.add(item);
      size++;
    },
    delete(owner, item) {
      const line = lines.get(owner);
      if (line !== undefined) remove(owner, line, item);
    },
    takeNext() {
      for (const [owner, line] of lines) {
        for (const first of line) {
          remove(owner, line, first);
          if (lines.delete(owner)) lines.set(owner, line);
          return first;
        }
      }
      return undefined;
    },
    takeExcess(owner) {
      const own = lines.get(owner)?.size ?? 0;
      const [longest, line] = [...lines].reduce<readonly [string, Set<Item>]>(
        (most, each) => (each[1].size > most[1].size ? each : most),
        ["", new Set()],
      );
      if (line.size <= own + 1) return undefined;
      const newest = [...line].at(-1);
      if (newest !== undefined) remove(longest, line, newest);
      return newest;
    },
  };
}
