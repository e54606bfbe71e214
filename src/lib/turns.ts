/**
 * What waits for several owners who take turns: next is the first item of the owner whose last turn is the longest ago. For
 * short lines: taking looks at each item.
 */
export class Turns<Item extends { readonly owner: string }> {
  readonly #waiting: Item[] = [];
  /** When each owner had its last turn, in turns. */
  readonly #last = new Map<string, number>();
  #turn = 0;

  /** How many items of an owner wait. */
  count(owner: string): number {
    return this.#waiting.filter((item) => item.owner === owner).length;
  }

  add(item: Item): void {
    this.#waiting.push(item);
  }

  /** Takes an item out that waits no longer; nothing happens when it does not. */
  remove(item: Item): void {
    const at = this.#waiting.indexOf(item);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  /** Takes out all items, in the order they came. */
  clear(): readonly Item[] {
    return this.#waiting.splice(0);
  }

  /** The item that `take` takes out. @param isReady Whether its owner may have a turn now. @returns `undefined` when none may. */
  next(isReady: (item: Item) => boolean = () => true): Item | undefined {
    const lastOf = ({ owner }: Item): number => this.#last.get(owner) ?? 0;
    return this.#waiting
      .filter(isReady)
      .reduce<Item | undefined>((a, b) => (a === undefined || lastOf(b) < lastOf(a) ? b : a), undefined);
  }

  /** Takes out the next item. @param isReady Whether its owner may have a turn now. @returns `undefined` when none may. */
  take(isReady: (item: Item) => boolean = () => true): Item | undefined {
    const next = this.next(isReady);
    if (next === undefined) return undefined;
    this.remove(next);
    this.#last.set(next.owner, ++this.#turn);
    return next;
  }
}
