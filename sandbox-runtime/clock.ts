import { replaceMember } from "./harden.ts";
import {
  apply,
  construct,
  DateCtor,
  define,
  getOwnPropertyDescriptor,
  isInteger,
  ProxyCtor,
  WeakMapCtor,
  weakMapGet,
  weakMapSet,
} from "./primordials.ts";

/** The clock of a seeded run: it stands still while the script computes, and what the script itself does moves it on. */
export interface SeededClock {
  /** Milliseconds since the epoch, a whole number that never goes back. Nothing a script sees. */
  readonly atMs: () => number;
  /** Moves the clock on; an instant that has passed leaves it as it is. */
  advanceTo(atMs: number): void;
  /** What a script reads. Every hundredth reading is a millisecond later, so that a loop that waits for a time ends. */
  read(): number;
}

type Format = (this: unknown, ...args: readonly unknown[]) => unknown;

const READINGS_PER_MS = 100;

/** Makes a clock. @param startMs What it reads first, in ms since the epoch. */
export function createSeededClock(startMs: number): SeededClock {
  let now = isInteger(startMs) ? startMs : 0;
  let readings = 0;
  return {
    atMs: () => now,
    advanceTo(atMs) {
      if (atMs > now) now = atMs;
    },
    read() {
      if (++readings % READINGS_PER_MS === 0) now++;
      return now;
    },
  };
}

/**
 * Puts a clock behind `Date`. It stays the language's own in all but the time it reads: the same prototype, members and
 * length, and subclasses work. Call before any script runs.
 */
export function installDate(clock: SeededClock): void {
  const toString = getOwnPropertyDescriptor(DateCtor.prototype, "toString")?.value as Format;
  const at = (instant: number, newTarget?: unknown): Date =>
    construct(DateCtor, [instant], (newTarget ?? DateCtor) as () => void) as Date;
  // Without a prototype: a trap that a script puts on Object.prototype would be handed the constructor behind the proxy.
  const handler = {
    __proto__: null,
    apply: () => apply(toString, at(clock.read()), []),
    construct: (target: DateConstructor, args: readonly unknown[], newTarget: () => void) =>
      args.length === 0 ? at(clock.read(), newTarget) : (construct(target, args, newTarget) as Date),
  } as unknown as ProxyHandler<DateConstructor>;
  const Seeded = new ProxyCtor(DateCtor, handler);
  replaceMember(DateCtor, "now", { now: () => clock.read() });
  define(DateCtor.prototype, "constructor", Seeded, false);
  define(globalThis, "Date", Seeded, false);
}

/** Puts a clock behind what formats the current time when it is given none. @param prototype Of `Intl.DateTimeFormat`. */
export function installDateFormat(clock: SeededClock, prototype: object): void {
  const getFormat = getOwnPropertyDescriptor(prototype, "format")?.get as Format;
  const toParts = getOwnPropertyDescriptor(prototype, "formatToParts")?.value as Format;
  const instantOf = (date: unknown): unknown => (date === undefined ? clock.read() : date);
  /** By the engine's own bound function, which is one for each formatter. */
  const made = new WeakMapCtor();
  const members = {
    get format(): unknown {
      const bound = apply(getFormat, this, []) as Format;
      const known = weakMapGet(made, bound);
      if (known !== undefined) return known;
      const format = (date: unknown): unknown => apply(bound, undefined, [instantOf(date)]);
      define(format, "name", "", false);
      weakMapSet(made, bound, format);
      return format;
    },
    formatToParts(date: unknown): unknown {
      return apply(toParts, this, [instantOf(date)]);
    },
  };
  replaceMember(prototype, "format", members);
  replaceMember(prototype, "formatToParts", members);
}
