import { installDateFormat } from "./clock.ts";
import type { SeededClock } from "./clock.ts";
import { replaceMember } from "./harden.ts";
import {
  apply,
  ArrayCtor,
  ceil,
  construct,
  define,
  deleteProperty,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  iteratorSymbol,
  objectKeys,
  ownKeys,
  ownSymbols,
  passes,
  ProxyCtor,
  RangeErrorCtor,
  StringCtor,
} from "./primordials.ts";

type Method = (this: unknown, ...args: readonly unknown[]) => unknown;
type Class = (new (...args: readonly unknown[]) => object) & { readonly prototype: object };

const KIB = 1024;
/** Bytes of an element of a list. */
const ELEMENT_BYTES = 8;

/**
 * Memory outside the heap that an object of each class holds, in bytes.
 *
 * @source measured: resident memory of an executor process, by live object, after the object was used; rounded up
 */
const BYTES: Readonly<Record<string, number>> = {
  Collator: 1.5 * KIB,
  DateTimeFormat: 27 * KIB,
  DisplayNames: 3 * KIB,
  DurationFormat: 2 * KIB,
  ListFormat: 0.5 * KIB,
  Locale: 0.5 * KIB,
  NumberFormat: 10 * KIB,
  PluralRules: 4 * KIB,
  RelativeTimeFormat: 8 * KIB,
  Segmenter: 5 * KIB,
};
/** What the first range adds to a formatter. */
const RANGE_BYTES = { DateTimeFormat: 54 * KIB, NumberFormat: 30 * KIB } as const;
/** The segments of a text, and an iterator over them; a text is held as UTF-16 beside itself. */
const SEGMENTS_BYTES = 3 * KIB;
const BYTES_PER_UNIT = 4;

/** What hangs weight onto objects, once onto each. */
interface Ballast {
  /** Whatever is no object, or has its weight, stays as it is. */
  hang(object: unknown, bytes: number): void;
}

const Given = function (object: object) {
  return object;
} as unknown as new (object: object) => object;

/** Weight is a list in a private member: out of every script's sight, it lives for as long as its object does. */
function createBallast(): Ballast {
  class Weight extends Given {
    readonly #list: unknown;

    constructor(object: object, bytes: number) {
      super(object);
      this.#list = new ArrayCtor(ceil(bytes / ELEMENT_BYTES));
    }

    static of(object: object): unknown {
      return #list in object ? object.#list : undefined;
    }
  }
  return {
    hang(object, bytes) {
      if (typeof object !== "object" || object === null || Weight.of(object) !== undefined) return;
      void new Weight(object, bytes);
    },
  };
}

const weights = createBallast();
/** Of the ranges of formatters that have a weight of their own. */
const rangeWeights = createBallast();

function weigh<T>(object: T, bytes: number): T {
  weights.hang(object, bytes);
  return object;
}

/**
 * The global `Intl`, whose objects weigh in the heap what they hold outside of it: the heap limit then bounds both, each
 * object counts for as long as it lives, and the garbage collector sees what there is to collect. Call once.
 *
 * @param plain The language's own. @param clock What dates are formatted with when none is given. @default the machine's
 */
export function createIntl(plain: object, clock: SeededClock | undefined): unknown {
  const intl = plain as Readonly<Record<string, unknown>>;
  const names = objectKeys(BYTES);
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const Plain = intl[name] as Class | undefined;
    if (Plain !== undefined) define(intl, name, weighing(Plain, BYTES[name] as number), false);
  }
  // Of V8 alone, and weightless.
  deleteProperty(intl, "v8BreakIterator");
  weighRanges((intl["DateTimeFormat"] as Class).prototype, RANGE_BYTES.DateTimeFormat);
  weighRanges((intl["NumberFormat"] as Class).prototype, RANGE_BYTES.NumberFormat);
  if (clock !== undefined) installDateFormat(clock, (intl["DateTimeFormat"] as Class).prototype);
  const { prototype: locales } = intl["Locale"] as Class;
  weighReturned(locales, "maximize", BYTES["Locale"] as number);
  weighReturned(locales, "minimize", BYTES["Locale"] as number);
  boundLists((intl["ListFormat"] as Class).prototype);
  weighSegments((intl["Segmenter"] as Class).prototype);
  return intl;
}

function weighing(Plain: Class, bytes: number): unknown {
  // Without a prototype: a trap that a script puts on Object.prototype would be handed the constructor behind the proxy.
  const handler = {
    __proto__: null,
    apply(target: Method, self: unknown, args: readonly unknown[]) {
      const made = apply(target, self, args) as object;
      // An older form hides what was made under a symbol of the object it was called on.
      const symbols = made === self ? ownSymbols(made) : [];
      for (let i = 0; i < symbols.length; i++)
        weigh(getOwnPropertyDescriptor(made, symbols[i] as symbol)?.value as unknown, bytes);
      return weigh(made, bytes);
    },
    construct: (target: Class, args: readonly unknown[], newTarget: () => void) =>
      weigh(construct(target, args, newTarget) as object, bytes),
  } as unknown as ProxyHandler<Class>;
  const Weighing = new ProxyCtor(Plain, handler);
  define(Plain.prototype, "constructor", Weighing, false);
  return Weighing;
}

function methodOf(prototype: object, name: PropertyKey): Method {
  return getOwnPropertyDescriptor(prototype, name)?.value as Method;
}

/** Puts methods in the place of those of their names. */
function replace(prototype: object, methods: object): void {
  const keys = ownKeys(methods);
  for (let i = 0; i < keys.length; i++) replaceMember(prototype, keys[i] as PropertyKey, methods);
}

function weighReturned(prototype: object, name: "maximize" | "minimize", bytes: number): void {
  const plain = methodOf(prototype, name);
  replace(prototype, {
    [name](this: unknown) {
      return weigh(apply(plain, this, []), bytes);
    },
  });
}

function weighRanges(prototype: object, bytes: number): void {
  const toText = methodOf(prototype, "formatRange");
  const toParts = methodOf(prototype, "formatRangeToParts");
  const weighed = (plain: Method, self: unknown, start: unknown, end: unknown): unknown => {
    const made = apply(plain, self, [start, end]);
    rangeWeights.hang(self, bytes);
    return made;
  };
  replace(prototype, {
    formatRange(this: unknown, start: unknown, end: unknown) {
      return weighed(toText, this, start, end);
    },
    formatRangeToParts(this: unknown, start: unknown, end: unknown) {
      return weighed(toParts, this, start, end);
    },
  });
}

/** Items of a list that is formatted. @source measured: each takes 200 bytes outside the heap meanwhile */
const MAX_ITEMS = 100_000;

function boundLists(prototype: object): void {
  const toText = methodOf(prototype, "format");
  const toParts = methodOf(prototype, "formatToParts");
  replace(prototype, {
    format(this: unknown, list: unknown) {
      return apply(toText, this, [list === undefined ? list : counted(list)]);
    },
    formatToParts(this: unknown, list: unknown) {
      return apply(toParts, this, [list === undefined ? list : counted(list)]);
    },
  });
}

/** The items of a list, as long as there are not too many. */
function* counted(list: unknown): Generator {
  let items = 0;
  for (const item of list as Iterable<unknown>) {
    if (++items > MAX_ITEMS)
      throw new RangeErrorCtor(`Cannot format the list as it may have ${MAX_ITEMS} items: it has more`);
    yield item;
  }
}

function weighSegments(prototype: object): void {
  const plain = methodOf(prototype, "segment");
  const options = methodOf(prototype, "resolvedOptions");
  let iterates = false;
  replace(prototype, {
    segment(this: unknown, input: unknown) {
      // What is no segmenter is told before the text is read; what is no text, by the engine too.
      const isRead = typeof input !== "symbol" && passes((self) => apply(options, self, []), this);
      const text = isRead ? StringCtor(input) : "";
      const segments = apply(plain, this, [isRead ? text : input]) as object;
      if (!iterates) weighIterators(getPrototypeOf(segments) as object);
      iterates = true;
      return weigh(segments, SEGMENTS_BYTES + text.length * BYTES_PER_UNIT);
    },
  });
}

function weighIterators(prototype: object): void {
  const plain = methodOf(prototype, iteratorSymbol);
  replace(prototype, {
    [iteratorSymbol](this: unknown) {
      return weigh(apply(plain, this, []), SEGMENTS_BYTES);
    },
  });
}
