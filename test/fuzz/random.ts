/** Chance that can be had again: the same seeds give the same draws, on every machine. */
export class Random {
  #state: number;

  /** @param seeds Numbers of any size; each counts. */
  constructor(...seeds: readonly number[]) {
    this.#state = 0x9e3779b9;
    for (const seed of seeds) {
      // What was drawn is the next state: else seeds that differ by little would only give the same draws in another order.
      this.#state = (this.#state ^ Math.trunc(seed) ^ Math.trunc(seed / 2 ** 32)) | 0;
      this.#state = this.#draw();
    }
  }

  /** At least 0, less than 1. */
  next(): number {
    return this.#draw() / 2 ** 32;
  }

  /** A whole number of at least 0, less than `below`. */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** Whether something that happens so often happens now. @param often From 0 to 1. */
  chance(often: number): boolean {
    return this.next() < often;
  }

  /** One of a list. @throws RangeError when it is empty. */
  pick<T>(list: readonly T[]): T {
    const index = this.int(list.length);
    if (index >= list.length) throw new RangeError("Cannot pick of a list as it must have an entry: it has none");
    return list[index] as T;
  }

  /** @source Tommy Ettinger, mulberry32 (public domain): 32 bits of state, every state once */
  #draw(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
