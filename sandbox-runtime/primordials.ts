/**
 * The language as it was before any script ran. The runtime uses these and plain syntax only, so that a script that
 * replaces a builtin changes its own world and not ours.
 *
 * Everything here is evaluated in every isolate: what only one part needs and can make itself does not belong here.
 */

type Method<Self, Args extends readonly unknown[], Result> = (this: Self, ...args: Args) => Result;

const { apply: reflectApply } = Reflect;
const { bind, call } = Function.prototype;

/** Turns a method into a function whose first argument is `this`; bound, so that a call runs none of our code. */
function uncurry<Self, Args extends readonly unknown[], Result>(
  method: Method<Self, Args, Result>,
): (self: Self, ...args: Args) => Result {
  return reflectApply(bind, call, [method]) as (self: Self, ...args: Args) => Result;
}

/** The getter of an accessor property, as a function of its object. */
function getterOf(holder: object, key: PropertyKey): (self: unknown) => unknown {
  const getter = Reflect.getOwnPropertyDescriptor(holder, key)?.get;
  if (getter === undefined) throw new TypeError(`no getter ${String(key)}`);
  return uncurry(getter as Method<unknown, [], unknown>);
}

export const apply = Reflect.apply;
export const construct = Reflect.construct;
export const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf, deleteProperty, ownKeys } =
  Reflect;
export const { keys: objectKeys, freeze, is: objectIs, prototype: objectPrototype } = Object;
export const ObjectCtor = Object;
export const objectToString = uncurry(Object.prototype.toString as Method<unknown, [], string>);
export const functionToString = uncurry(Function.prototype.toString as Method<unknown, [], string>);
export const { getOwnPropertySymbols: ownSymbols, hasOwn } = Object;

export const ArrayCtor = Array;
export const { isArray } = Array;
export const arrayJoin = uncurry(Array.prototype.join as Method<readonly string[], [string], string>);
export const stringify = JSON.stringify;
export const parse = JSON.parse;

export const StringCtor = String;
export const stringSlice = uncurry(String.prototype.slice as Method<string, [number, number?], string>);
export const stringIndexOf = uncurry(String.prototype.indexOf as Method<string, [string, number?], number>);
export const stringRepeat = uncurry(String.prototype.repeat as Method<string, [number], string>);
export const charCodeAt = uncurry(String.prototype.charCodeAt as Method<string, [number], number>);
export const codePointAt = uncurry(String.prototype.codePointAt as Method<string, [number], number>);
export const stringReplaceAll = uncurry(String.prototype.replaceAll as Method<string, [string, string], string>);
export const stringToLowerCase = uncurry(String.prototype.toLowerCase as Method<string, [], string>);
export const stringToUpperCase = uncurry(String.prototype.toUpperCase as Method<string, [], string>);
export const stringToWellFormed = uncurry(String.prototype.toWellFormed as Method<string, [], string>);
export const stringNormalize = uncurry(String.prototype.normalize as Method<string, [string], string>);
export const { fromCharCode, fromCodePoint } = String;
export const encodeUri = encodeURIComponent;
export const decodeUri = decodeURIComponent;
/** Annex B's pair that turns code units under 256 into `%XX` and back: with the pair above, UTF-8 at native speed. */
export const { escape: escapeUnits, unescape: unescapeUnits } = globalThis as unknown as Record<
  "escape" | "unescape",
  (text: string) => string
>;
export const { iterator: iteratorSymbol, toStringTag: tagSymbol, toPrimitive: primitiveSymbol } = Symbol;
export const symbolToString = uncurry(Symbol.prototype.toString as Method<symbol, [], string>);
export const regExpToString = uncurry(RegExp.prototype.toString as Method<unknown, [], string>);
export const regExpExec = uncurry(RegExp.prototype.exec as Method<RegExp, [string], RegExpExecArray | null>);
export const regExpSource = getterOf(RegExp.prototype, "source") as (self: unknown) => string;
export const regExpFlags = getterOf(RegExp.prototype, "flags") as (self: unknown) => string;
export const bigIntToString = uncurry(BigInt.prototype.toString as Method<bigint, [], string>);

export const MapCtor = Map;
export const mapGet = uncurry(Map.prototype.get as Method<Map<unknown, unknown>, [unknown], unknown>);
export const mapSet = uncurry(Map.prototype.set as Method<Map<unknown, unknown>, [unknown, unknown], unknown>);
export const mapDelete = uncurry(Map.prototype.delete as Method<Map<unknown, unknown>, [unknown], boolean>);
export const mapForEach = uncurry(
  Map.prototype.forEach as Method<Map<unknown, unknown>, [(value: unknown, key: unknown) => void], void>,
);
export const mapSize = getterOf(Map.prototype, "size") as (self: unknown) => number;
export const SetCtor = Set;
export const setHas = uncurry(Set.prototype.has as Method<Set<unknown>, [unknown], boolean>);
export const setAdd = uncurry(Set.prototype.add as Method<Set<unknown>, [unknown], unknown>);
export const setForEach = uncurry(Set.prototype.forEach as Method<Set<unknown>, [(value: unknown) => void], void>);
export const setSize = getterOf(Set.prototype, "size") as (self: unknown) => number;
export const WeakMapCtor = WeakMap;
export const weakMapGet = uncurry(WeakMap.prototype.get as Method<WeakMap<object, unknown>, [object], unknown>);
export const weakMapSet = uncurry(
  WeakMap.prototype.set as Method<WeakMap<object, unknown>, [object, unknown], unknown>,
);

export const PromiseCtor = Promise;
export const speciesSymbol: symbol = Symbol.species;
export const speciesGetter = Reflect.getOwnPropertyDescriptor(Promise, Symbol.species)?.get;
export const promiseThen = uncurry(
  Promise.prototype.then as Method<
    Promise<unknown>,
    [((value: unknown) => unknown)?, ((reason: unknown) => unknown)?],
    Promise<unknown>
  >,
);

export const ErrorCtor = Error;
export const TypeErrorCtor = TypeError;
export const RangeErrorCtor = RangeError;
/** Whether a value is an error by its brand: no proxy is. @source ECMA-262, Error.isError */
export const isError = (ErrorCtor as unknown as { isError(value: unknown): boolean }).isError;
/** Names of the language's errors by their prototypes. */
export const errorNames = new Map<unknown, unknown>(
  [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError].map((ctor) => [
    ctor.prototype as unknown,
    ctor.name as unknown,
  ]),
);
export const IntlNamespace: object = Intl;
export const DateCtor = Date;
export const dateGetTime = uncurry(Date.prototype.getTime as Method<unknown, [], number>);
export const dateToIso = uncurry(Date.prototype.toISOString as Method<unknown, [], string>);
export const ProxyCtor = Proxy;
export const RegExpCtor = RegExp;
export const Uint8ArrayCtor = Uint8Array;
export const Uint16ArrayCtor = Uint16Array;
export const isView = ArrayBuffer.isView;
export const arrayBufferByteLength = getterOf(ArrayBuffer.prototype, "byteLength") as (self: unknown) => number;
export const arrayBufferDetached = getterOf(ArrayBuffer.prototype, "detached") as (self: unknown) => boolean;
export const arrayBufferTransfer = uncurry(ArrayBuffer.prototype.transfer as Method<unknown, [], ArrayBuffer>);
const typedArrayPrototype = getPrototypeOf(Uint8Array.prototype) as object;
export const typedArrayTag = getterOf(typedArrayPrototype, Symbol.toStringTag) as (self: unknown) => string | undefined;
export const typedArrayLength = getterOf(typedArrayPrototype, "length") as (self: unknown) => number;
export const typedArrayBuffer = getterOf(typedArrayPrototype, "buffer") as (self: unknown) => ArrayBuffer;
export const typedArrayOffset = getterOf(typedArrayPrototype, "byteOffset") as (self: unknown) => number;
export const typedArrayByteLength = getterOf(typedArrayPrototype, "byteLength") as (self: unknown) => number;
export const dataViewBuffer = getterOf(DataView.prototype, "buffer") as (self: unknown) => ArrayBuffer;
export const dataViewOffset = getterOf(DataView.prototype, "byteOffset") as (self: unknown) => number;
export const dataViewByteLength = getterOf(DataView.prototype, "byteLength") as (self: unknown) => number;

/** Constructors of the views on a buffer, by the name their brand tells. */
export const viewCtors: Readonly<Record<string, new (buffer: ArrayBuffer, offset: number, length: number) => object>> =
  {
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
    Float16Array: (globalThis as unknown as Record<"Float16Array", typeof Float32Array>).Float16Array,
    DataView,
  };

/** Constructors of the language's own errors, by name. */
export const errorCtors: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** What gives the value of a boxed primitive, and throws for everything else; by the prototype of such objects. */
export const boxes: readonly { readonly prototype: object; readonly unbox: (self: unknown) => unknown }[] = [
  { prototype: Number.prototype, unbox: uncurry(Number.prototype.valueOf as Method<unknown, [], number>) },
  { prototype: String.prototype, unbox: uncurry(String.prototype.valueOf as Method<unknown, [], string>) },
  { prototype: Boolean.prototype, unbox: uncurry(Boolean.prototype.valueOf as Method<unknown, [], boolean>) },
  { prototype: BigInt.prototype, unbox: uncurry(BigInt.prototype.valueOf as Method<unknown, [], bigint>) },
  { prototype: Symbol.prototype, unbox: uncurry(Symbol.prototype.valueOf as Method<unknown, [], symbol>) },
];

/** The value in a boxed primitive. @throws TypeError for every other object. */
export function unbox(value: object): unknown {
  for (let i = 0; i < boxes.length; i++) {
    const box = boxes[i] as (typeof boxes)[number];
    if (passes(box.unbox, value)) return box.unbox(value);
  }
  throw new TypeErrorCtor("Cannot take the value out of an object that holds none");
}

export const { ceil, floor, round, sqrt, trunc } = Math;
export const NumberCtor = Number;
export const { parseFloat: parseFloatOf, parseInt: parseIntOf } = Number;
export const { isFinite, isInteger } = Number;

/** Prototypes by which a value is guessed before its brand is checked. */
export const prototypes = {
  map: Map.prototype as object,
  set: Set.prototype as object,
  date: Date.prototype as object,
  error: Error.prototype as object,
  promise: Promise.prototype as object,
  regExp: RegExp.prototype as object,
  arrayBuffer: ArrayBuffer.prototype as object,
  weakMap: WeakMap.prototype as object,
  weakSet: WeakSet.prototype as object,
  weakRef: WeakRef.prototype as object,
};

/** Calls a brand-checking method. @returns Whether it did not throw. */
export function passes(check: (self: unknown) => unknown, value: unknown): boolean {
  try {
    check(value);
    return true;
  } catch {
    return false;
  }
}

/** Defines a data property of an object of ours or a script's, whatever `Object.prototype` has become. */
export function define(target: object, key: PropertyKey, value: unknown, enumerable: boolean): void {
  defineProperty(target, key, {
    __proto__: null,
    value,
    writable: true,
    enumerable,
    configurable: true,
  } as PropertyDescriptor);
}

/** A list of our own: without a prototype, so that no index of it is one a script defined. Not to be handed to scripts. */
export function newList<T>(): T[] {
  const list: T[] = [];
  setPrototypeOf(list, null);
  return list;
}

/** Appends to a list made by `newList`. */
export function append<T>(list: T[], item: T): void {
  list[list.length] = item;
}

let report: (thrown: unknown) => void = () => undefined;

/** Tells where goes what callbacks throw. */
export function reportTo(write: (thrown: unknown) => void): void {
  report = write;
}

/** Runs a function of ours, which never throws, as a microtask. */
export function soon(task: () => void): void {
  void thenOwn(new PromiseCtor<unknown>((resolve) => resolve(undefined)), task);
}

/**
 * Runs a function as a microtask; what it throws, or the promise it returns is rejected with, is reported.
 *
 * The promises are ours alone, and they are told not to look for the constructor that scripts may have replaced.
 */
export function later(task: () => unknown): void {
  const ran = thenOwn(new PromiseCtor<unknown>((resolve) => resolve(undefined)), task);
  void thenOwn(ran, () => undefined, report);
}

/** `then` on a promise that no script holds: replaced constructors of promises have no part in it. */
export function thenOwn(
  promise: Promise<unknown>,
  onValue: (value: unknown) => unknown,
  onThrown?: (thrown: unknown) => unknown,
): Promise<unknown> {
  define(promise, "constructor", undefined, false);
  return promiseThen(promise, onValue, onThrown);
}

/** JSON text of a record of ours: no `toJSON` a script put on a prototype has a part in it. */
export function toText(record: Readonly<Record<string, unknown>> | readonly string[]): string {
  setPrototypeOf(record, null);
  return stringify(record);
}
