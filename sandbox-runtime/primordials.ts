/**
 * The language as it was before any script ran. The runtime uses these and plain syntax only, so that a script that
 * replaces a builtin changes its own world and not ours.
 */

type Method<Self, Args extends readonly unknown[], Result> = (this: Self, ...args: Args) => Result;

const { apply: reflectApply } = Reflect;

/** Turns a method into a function whose first argument is `this`. */
function uncurry<Self, Args extends readonly unknown[], Result>(
  method: Method<Self, Args, Result>,
): (self: Self, ...args: Args) => Result {
  return (self, ...args) => reflectApply(method, self, args) as Result;
}

/** The getter of an accessor property, as a function of its object. */
function getterOf(holder: object, key: PropertyKey): (self: unknown) => unknown {
  const getter = Reflect.getOwnPropertyDescriptor(holder, key)?.get;
  if (getter === undefined) throw new TypeError(`no getter ${String(key)}`);
  return (self) => reflectApply(getter, self, []) as unknown;
}

export const apply = Reflect.apply;
export const construct = Reflect.construct;
export const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys, deleteProperty } = Reflect;
export const { keys: objectKeys, freeze, create: objectCreate, is: objectIs, prototype: objectPrototype } = Object;
export const objectToString = uncurry(Object.prototype.toString as Method<unknown, [], string>);
export const hasOwn = Object.hasOwn;

export const { isArray, prototype: arrayPrototype } = Array;
export const arrayJoin = uncurry(Array.prototype.join as Method<readonly string[], [string], string>);
export const stringify = JSON.stringify;
export const parse = JSON.parse;

export const StringCtor = String;
export const stringSlice = uncurry(String.prototype.slice as Method<string, [number, number?], string>);
export const stringIndexOf = uncurry(String.prototype.indexOf as Method<string, [string, number?], number>);
export const stringSplit = uncurry(String.prototype.split as Method<string, [string], string[]>);
export const stringRepeat = uncurry(String.prototype.repeat as Method<string, [number], string>);
export const charCodeAt = uncurry(String.prototype.charCodeAt as Method<string, [number], number>);
export const stringReplaceAll = uncurry(String.prototype.replaceAll as Method<string, [string, string], string>);
export const fromCharCode = String.fromCharCode;
export const symbolToString = uncurry(Symbol.prototype.toString as Method<symbol, [], string>);
export const functionToString = uncurry(Function.prototype.toString as Method<unknown, [], string>);
export const regExpToString = uncurry(RegExp.prototype.toString as Method<unknown, [], string>);
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
export const setDelete = uncurry(Set.prototype.delete as Method<Set<unknown>, [unknown], boolean>);
export const setForEach = uncurry(Set.prototype.forEach as Method<Set<unknown>, [(value: unknown) => void], void>);
export const setSize = getterOf(Set.prototype, "size") as (self: unknown) => number;
export const WeakMapCtor = WeakMap;
export const weakMapGet = uncurry(WeakMap.prototype.get as Method<WeakMap<object, unknown>, [object], unknown>);
export const weakMapSet = uncurry(
  WeakMap.prototype.set as Method<WeakMap<object, unknown>, [object, unknown], unknown>,
);
export const weakMapHas = uncurry(WeakMap.prototype.has as Method<WeakMap<object, unknown>, [object], boolean>);

export const PromiseCtor = Promise;
export const promiseThen = uncurry(
  Promise.prototype.then as Method<
    Promise<unknown>,
    [((value: unknown) => unknown)?, ((reason: unknown) => unknown)?],
    Promise<unknown>
  >,
);
export const promiseResolve = (value: unknown): Promise<unknown> => apply(Promise.resolve, PromiseCtor, [value]);

export const ErrorCtor = Error;
export const TypeErrorCtor = TypeError;
export const RangeErrorCtor = RangeError;
export const DateCtor = Date;
export const dateGetTime = uncurry(Date.prototype.getTime as Method<unknown, [], number>);
export const dateToIso = uncurry(Date.prototype.toISOString as Method<unknown, [], string>);
export const ProxyCtor = Proxy;
export const Uint8ArrayCtor = Uint8Array;
export const Uint32ArrayCtor = Uint32Array;
export const isView = ArrayBuffer.isView;
export const arrayBufferByteLength = getterOf(ArrayBuffer.prototype, "byteLength") as (self: unknown) => number;
const typedArrayPrototype = getPrototypeOf(Uint8Array.prototype) as object;
export const typedArrayTag = getterOf(typedArrayPrototype, Symbol.toStringTag) as (self: unknown) => string | undefined;
export const typedArrayLength = getterOf(typedArrayPrototype, "length") as (self: unknown) => number;
export const typedArrayBuffer = getterOf(typedArrayPrototype, "buffer") as (self: unknown) => ArrayBuffer;
export const typedArrayOffset = getterOf(typedArrayPrototype, "byteOffset") as (self: unknown) => number;
export const typedArrayByteLength = getterOf(typedArrayPrototype, "byteLength") as (self: unknown) => number;
export const dataViewBuffer = getterOf(DataView.prototype, "buffer") as (self: unknown) => ArrayBuffer;
export const dataViewOffset = getterOf(DataView.prototype, "byteOffset") as (self: unknown) => number;
export const dataViewByteLength = getterOf(DataView.prototype, "byteLength") as (self: unknown) => number;

export const { floor, min, imul, trunc } = Math;
export const NumberCtor = Number;
export const isFinite = Number.isFinite;
export const isInteger = Number.isInteger;

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

/** Appends to a list of our own without reading anything a script can change. */
export function append<T>(list: T[], item: T): void {
  defineProperty(list, list.length, {
    __proto__: null,
    value: item,
    writable: true,
    enumerable: true,
    configurable: true,
  } as PropertyDescriptor);
}
