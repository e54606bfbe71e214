import type { Clock } from "../lib/clock.ts";

/** How far the time of a timer that asks may be ahead: two processes count it, each in whole milliseconds now and then. */
const MAX_AHEAD_MS = 1_000;

/** One answer's place in what the script is told. */
export interface Turn {
  /** From 1, as it is journaled. */
  readonly order: number;
  /** What the script's clock reads then. */
  readonly atMs: number;
  /** Says that the answer can be given; it is, once all before it were. */
  ready(give: () => void): void;
}

/** An answer that an earlier attempt gave. */
export interface GivenAnswer {
  readonly order: number;
  readonly atMs: number;
}

interface Entry {
  /** Set for a timer that asked. */
  readonly dueMs?: number;
  give: (() => void) | undefined;
}

/**
 * The one order in which a script is told what happened, across its attempts: what an earlier attempt gave is given again in
 * the same order with the same times; then answers in the order in which they took their turns. Times never go back. The rule
 * that the script's side keeps is that timers due by the time of an answer go before it; so a timer that asks here goes once
 * all answers of an earlier time were given, and before those of its own time or later.
 */
export class ReplyOrder {
  readonly #clock: Pick<Clock, "now">;
  /** Those to be given again, in order; what is before `#next` was. */
  readonly #given: readonly GivenAnswer[];
  readonly #again = new Map<number, () => void>();
  #next = 0;
  readonly #line: Entry[] = [];
  #order: number;
  #lastMs: number;

  /** @param given What earlier attempts gave, in any order. */
  constructor(clock: Pick<Clock, "now">, given: readonly GivenAnswer[] = []) {
    this.#clock = clock;
    this.#given = given.toSorted((a, b) => a.order - b.order);
    const last = this.#given.at(-1);
    this.#order = last?.order ?? 0;
    this.#lastMs = last?.atMs ?? 0;
  }

  /** The answer has come: takes the next place. */
  take(): Turn {
    const entry: Entry = { give: undefined };
    this.#line.push(entry);
    this.#lastMs = Math.max(this.#lastMs, this.#clock.now());
    return {
      order: ++this.#order,
      atMs: this.#lastMs,
      ready: (give) => {
        entry.give = give;
        this.#advance();
      },
    };
  }

  /** An answer that an earlier attempt gave can be given again. @param order Its place then. */
  again(order: number, give: () => void): void {
    this.#again.set(order, give);
    this.#advance();
  }

  /** A timer wants to fire. @param dueMs On the script's clock. */
  tick(dueMs: number, fire: () => void): void {
    this.#line.push({ dueMs, give: fire });
    this.#lastMs = Math.max(this.#lastMs, Math.min(dueMs, this.#clock.now() + MAX_AHEAD_MS));
    this.#advance();
  }

  #advance(): void {
    for (let head = this.#given[this.#next]; head !== undefined; head = this.#given[this.#next]) {
      this.#fireDueBy(head.atMs);
      const give = this.#again.get(head.order);
      if (give === undefined) return;
      this.#again.delete(head.order);
      this.#next++;
      give();
    }
    for (let first = this.#line[0]; first?.give !== undefined; first = this.#line[0]) {
      this.#line.shift();
      first.give();
    }
  }

  #fireDueBy(atMs: number): void {
    for (let i = 0; i < this.#line.length;) {
      const { dueMs = Infinity, give } = this.#line[i] ?? {};
      if (dueMs > atMs) i++;
      else {
        this.#line.splice(i, 1);
        give?.();
      }
    }
  }
}
