import {
  defineProperty,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  hasOwn,
  PromiseCtor,
  promiseThen,
  prototypes,
  speciesGetter,
  speciesSymbol,
  define,
  WeakMapCtor,
  weakMapGet,
  weakMapSet,
} from "./primordials.ts";

/** What is known of a promise that a script may have dropped. */
export interface Watched {
  /** Whether anything has asked for its outcome since it was watched. */
  looked: boolean;
  /** The tool whose answer it is, as a script writes it; `undefined` for other promises. */
  readonly tool: string | undefined;
}

/** Watched promises and what is known of them. */
const watched = new WeakMapCtor();

/**
 * `await`, `then`, `catch`, `finally`, `Promise.all` and its like all read `constructor` of the promise they are given, and
 * nothing else does: an accessor of its own tells that the outcome of a promise is wanted.
 *
 * @source ECMA-262, PromiseResolve and SpeciesConstructor; V8 takes a short cut only where no promise has such a property
 */
const accessor = {
  __proto__: null,
  get(this: object): unknown {
    const known = watchedAs(this);
    if (known !== undefined) known.looked = true;
    return PromiseCtor;
  },
  set(this: object, value: unknown): void {
    define(this, "constructor", value, false);
  },
  enumerable: false,
  configurable: true,
} as PropertyDescriptor & { __proto__: null };

/** Watches a promise: one made by the runtime, or one that `isOrdinary`. */
export function watch(promise: Promise<unknown>, known: Watched): void {
  weakMapSet(watched, promise, known);
  defineProperty(promise, "constructor", accessor);
}

/** What is known of a promise that is watched. */
export function watchedAs(value: object): Watched | undefined {
  return weakMapGet(watched, value) as Watched | undefined;
}

function ignore(): void {
  // A promise that is looked at is not awaited: its value is of no interest here.
}

/**
 * Whether the value is a promise, by its brand. On one that is not watched this reads `constructor`, as `then` does, and
 * counts as a handler of its rejection; a watched one is not touched.
 *
 * @throws TypeError when it is none.
 */
export function checkPromise(value: unknown): void {
  if (typeof value === "object" && value !== null && watchedAs(value) !== undefined) return;
  void promiseThen(value as Promise<unknown>, ignore, ignore);
}

/**
 * Whether the object looks like a promise that behaves as the language has it, so that `then` on it runs none of the
 * script's code. A proxy may run its traps, and throw what they throw.
 */
export function isOrdinary(value: object): value is Promise<unknown> {
  return (
    getPrototypeOf(value) === prototypes.promise &&
    !hasOwn(value, "constructor") &&
    getOwnPropertyDescriptor(prototypes.promise, "constructor")?.value === PromiseCtor &&
    getOwnPropertyDescriptor(PromiseCtor, speciesSymbol)?.get === speciesGetter
  );
}
