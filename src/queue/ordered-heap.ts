/**
 * A binary heap that can also take an item out of its middle. Every operation is O(log n), `first` and `size` O(1).
 * An item may be in it once, and its order must not change while it is.
 */
export class OrderedHeap<T extends object> {
  readonly #goesBefore: (a: T, b: T) => boolean;
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();

  /** @param goesBefore A strict total order: whether `a` is taken before `b`. */
  constructor(goesBefore: (a: T, b: T) => boolean) {
    this.#goesBefore = goesBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The item that goes first. @returns `undefined` when there is none. */
  get first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#rise(item, this.#items.length);
  }

  /** Takes an item out. @returns Whether it was in. */
  delete(item: T): boolean {
    const place = this.#places.get(item);
    if (place === undefined) return false;
    this.#places.delete(item);
    const last = this.#items.pop();
    if (last !== undefined && last !== item) this.#sink(last, this.#rise(last, place));
    return true;
  }

  /** Puts an item at a place or, past all that must follow it, above. @returns Where it ended. */
  #rise(item: T, from: number): number {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#items[above];
      if (parent === undefined || !this.#goesBefore(item, parent)) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(item, place);
    return place;
  }

  #sink(item: T, from: number): void {
    let place = from;
    for (;;) {
      const left = this.#items[2 * place + 1];
      const right = this.#items[2 * place + 2];
      const rightFirst = left !== undefined && right !== undefined && this.#goesBefore(right, left);
      const child = rightFirst ? right : left;
      if (child === undefined || !this.#goesBefore(child, item)) break;
      this.#put(child, place);
      place = 2 * place + (rightFirst ? 2 : 1);
    }
    this.#put(item, place);
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    this.#places.set(item, place);
  }
}
