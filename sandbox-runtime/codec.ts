import { toBase64 } from "./base64.ts";
import { kindOf } from "./kinds.ts";
import type { ObjectKind } from "./kinds.ts";
import {
  append,
  bigIntToString,
  dataViewBuffer,
  dataViewByteLength,
  dataViewOffset,
  dateGetTime,
  dateToIso,
  define,
  ErrorCtor,
  isFinite,
  mapForEach,
  objectKeys,
  setForEach,
  stringify,
  regExpToString,
  tagSymbol,
  typedArrayBuffer,
  typedArrayByteLength,
  typedArrayLength,
  typedArrayOffset,
  Uint8ArrayCtor,
  unbox,
  newList,
} from "./primordials.ts";
import { shownAs } from "./shown.ts";

/** Nesting a value may have. */
export const MAX_DEPTH = 500;

/** Why a value has no JSON text; `tooLarge` and `tooDeep` are ours, everything else is thrown by the script's own code. */
export class CodecError extends ErrorCtor {
  readonly #reason: "tooLarge" | "tooDeep";

  constructor(reason: "tooLarge" | "tooDeep") {
    super(reason);
    this.#reason = reason;
  }

  /** The reason of an error of this class; `undefined` for everything else. */
  static reasonOf(thrown: unknown): "tooLarge" | "tooDeep" | undefined {
    return typeof thrown === "object" && thrown !== null && #reason in thrown ? thrown.#reason : undefined;
  }
}

/** Where something is in a value: names of members and indices of items, from the outside. */
export type ValuePath = readonly (string | number)[];

/** Told of what a value holds that JSON cannot say. */
export interface CodecListener {
  /** A promise that was not awaited. */
  promise(promise: object, path: ValuePath): void;
  /** An object of a class, nothing of which is a member of its own. */
  empty(instance: object, path: ValuePath): void;
}

interface Walk {
  /** Characters that may still be written. */
  left: number;
  /** The objects from the outermost to the one that is written, and the names by which each was reached. */
  readonly above: object[];
  readonly path: (string | number)[];
  readonly listener: CodecListener | undefined;
}

/**
 * JSON text of any value a script can make: results, emitted values and arguments are all written so. It is what
 * `JSON.stringify` gives, `toJSON` included, and where that would lose or refuse something:
 *
 * | Value | JSON |
 * | --- | --- |
 * | `NaN`, `Infinity`, `-Infinity` / `-0` | `null` / `0` |
 * | `undefined`, function, symbol | left out of an object, `null` in a list; as the whole: no result |
 * | bigint, boxed or not | its decimal digits as a string |
 * | `Uint8Array`, `Uint8ClampedArray`, `ArrayBuffer`, `DataView` | `{"$bytes": "<base 64>"}`: see `fromJson` for the way back |
 * | other typed array, `Set` | list |
 * | `Map` | object when all keys are strings, else list of `[key, value]` |
 * | `Date` / invalid | ISO text / `null` |
 * | error, `ToolError`, `AggregateError` | `{name, message, cause, errors, …}`: its own words, then what was added to it |
 * | `RegExp`, `URL`, `URLSearchParams` | its text |
 * | boxed string, number, boolean | what it holds |
 * | object of a class, object without prototype, proxy | its own enumerable members; getters among them are read |
 * | holes of a list | `null` |
 * | cycle | `"[Circular]"` |
 * | promise | `"[Promise]"`, and the listener is told |
 * | weak collection, iterator, generator, `Intl` object and others without members | `"[WeakMap]"`, `"[Map Iterator]"` … |
 * | object of a class without own members | `{}`, and the listener is told |
 *
 * @param maxLength Longest text, in UTF-16 units; counted while walking, so that nothing large is ever built.
 * @returns `undefined` for what has no JSON: `undefined`, functions, symbols.
 * @throws CodecError, and whatever getters and `toJSON` of the value throw.
 */
export function toJson(value: unknown, maxLength: number, listener?: CodecListener): string | undefined {
  const walk: Walk = { left: maxLength, above: newList(), path: newList(), listener };
  const plain = toPlain(value, walk, 0, "");
  if (plain === undefined) return undefined;
  const text = stringify(plain);
  if (text !== undefined && text.length > maxLength) throw new CodecError("tooLarge");
  return text;
}

function spend(walk: Walk, amount: number): void {
  walk.left -= amount;
  if (walk.left < 0) throw new CodecError("tooLarge");
}

function toPlain(value: unknown, walk: Walk, depth: number, key: string): unknown {
  switch (typeof value) {
    case "string":
      spend(walk, value.length + 2);
      return value;
    case "number":
      spend(walk, 1);
      return isFinite(value) ? value : null;
    case "boolean":
      spend(walk, 4);
      return value;
    case "bigint": {
      const text = bigIntToString(value);
      spend(walk, text.length + 2);
      return text;
    }
    case "object":
      if (value === null) {
        spend(walk, 4);
        return null;
      }
      return fromObject(value, walk, depth, key);
    default:
      return undefined;
  }
}

function fromObject(value: object, walk: Walk, depth: number, key: string): unknown {
  if (depth > MAX_DEPTH) throw new CodecError("tooDeep");
  spend(walk, 2);
  const kind = kindOf(value);
  for (let i = 0; i < depth; i++) {
    if (walk.above[i] !== value) continue;
    spend(walk, 12);
    return "[Circular]";
  }
  walk.above[depth] = value;
  return byKind(value, kind, walk, depth, key);
}

function byKind(value: object, kind: ObjectKind, walk: Walk, depth: number, key: string): unknown {
  switch (kind) {
    case "array":
      return fromList(value as readonly unknown[], walk, depth);
    case "date":
      return toPlain(isFinite(dateGetTime(value)) ? dateToIso(value) : null, walk, depth, key);
    case "map":
      return fromMap(value as Map<unknown, unknown>, walk, depth);
    case "set":
      return fromSet(value as Set<unknown>, walk, depth);
    case "bytes":
    case "arrayBuffer":
    case "dataView":
      return fromBytes(bytesOf(value, kind), walk);
    case "numbers":
      return fromNumbers(value, walk);
    case "regExp":
      return toPlain(regExpToString(value), walk, depth, key);
    case "weak":
      return toPlain(`[${tagOf(value) ?? "weak collection"}]`, walk, depth, key);
    case "promise":
      walk.listener?.promise(value, pathTo(walk, depth));
      return toPlain("[Promise]", walk, depth, key);
    case "plain":
    case "error":
    case "boxed":
    case "other":
      return fromMembers(value, kind, walk, depth, key);
    default:
      return kind satisfies never;
  }
}

function pathTo(walk: Walk, depth: number): ValuePath {
  const path: (string | number)[] = newList();
  for (let i = 0; i < depth; i++) append(path, walk.path[i] as string | number);
  return path;
}

function fromMembers(value: object, kind: ObjectKind, walk: Walk, depth: number, key: string): unknown {
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === "function")
    return toInner((value as { toJSON(key: string): unknown }).toJSON(key), walk, depth, key);
  if (kind === "error") return fromError(value as Error, walk, depth);
  if (kind === "boxed") return toPlain(unbox(value), walk, depth, key);
  if (kind === "other") {
    const json = shownAs(value)?.json;
    if (json !== undefined) return toPlain(json(), walk, depth, key);
  }
  const keys = objectKeys(value);
  if (keys.length === 0) return fromEmpty(value, kind, walk, depth);
  let copy: Record<string, unknown> | undefined;
  for (let i = 0; i < keys.length; i++) {
    const name = keys[i] as string;
    const member = (value as Record<string, unknown>)[name];
    const plain = toInner(member, walk, depth, name);
    if (plain !== undefined) spend(walk, name.length + 4);
    if (copy === undefined && plain !== member) {
      copy = {};
      for (let j = 0; j < i; j++)
        define(copy, keys[j] as string, (value as Record<string, unknown>)[keys[j] as string], true);
    }
    if (copy !== undefined) define(copy, name, plain, true);
  }
  return copy ?? value;
}

/** A member or an item of what is at `depth`. */
function toInner(member: unknown, walk: Walk, depth: number, key: string | number): unknown {
  walk.path[depth] = key;
  return toPlain(member, walk, depth + 1, typeof key === "string" ? key : "");
}

/** What has no members is told by its tag, if it has one; `{}` is the truth for a plain object alone. */
function fromEmpty(value: object, kind: ObjectKind, walk: Walk, depth: number): unknown {
  const tag = tagOf(value);
  if (tag !== undefined) {
    spend(walk, tag.length + 2);
    return `[${tag}]`;
  }
  if (kind === "other") walk.listener?.empty(value, pathTo(walk, depth));
  return value;
}

function tagOf(value: object): string | undefined {
  const tag = (value as { readonly [tagSymbol]?: unknown })[tagSymbol];
  return typeof tag === "string" ? tag : undefined;
}

/** An error's own words, which are not enumerable, and whatever was added to it. */
function fromError(error: Error, walk: Walk, depth: number): unknown {
  const { errors } = error as { readonly errors?: unknown };
  const members: Record<string, unknown> = {};
  setMember(members, "name", error.name, walk, depth);
  setMember(members, "message", error.message, walk, depth);
  if (error.cause !== undefined) setMember(members, "cause", error.cause, walk, depth);
  if (errors !== undefined) setMember(members, "errors", errors, walk, depth);
  const keys = objectKeys(error);
  for (let i = 0; i < keys.length; i++) {
    const name = keys[i] as string;
    setMember(members, name, (error as unknown as Record<string, unknown>)[name], walk, depth);
  }
  return members;
}

function setMember(target: object, key: string, value: unknown, walk: Walk, depth: number): void {
  const plain = toInner(value, walk, depth, key);
  if (plain === undefined) return;
  spend(walk, key.length + 4);
  define(target, key, plain, true);
}

/** The list itself when all of it is plain already: a large result is then never copied. */
function fromList(list: readonly unknown[], walk: Walk, depth: number): readonly unknown[] {
  const { length } = list;
  spend(walk, length * 2);
  let copy: unknown[] | undefined;
  for (let i = 0; i < length; i++) {
    const item = list[i];
    const plain = toInner(item, walk, depth, i);
    if (copy === undefined && plain !== item) {
      copy = newList();
      for (let j = 0; j < i; j++) append(copy, list[j]);
    }
    if (copy !== undefined) append(copy, plain ?? null);
  }
  return copy ?? list;
}

function fromMap(map: Map<unknown, unknown>, walk: Walk, depth: number): unknown {
  let named = true;
  mapForEach(map, (_, key) => {
    if (typeof key !== "string") named = false;
  });
  const members: Record<string, unknown> = {};
  const pairs: unknown[] = newList();
  mapForEach(map, (value, key) => {
    if (named) setMember(members, key as string, value, walk, depth);
    else {
      const at = pairs.length;
      append(pairs, [toInner(key, walk, depth, at) ?? null, toInner(value, walk, depth, at) ?? null]);
    }
  });
  return named ? members : pairs;
}

function fromSet(set: Set<unknown>, walk: Walk, depth: number): unknown[] {
  const out: unknown[] = newList();
  setForEach(set, (item) => {
    append(out, toInner(item, walk, depth, out.length) ?? null);
    spend(walk, 1);
  });
  return out;
}

function fromNumbers(value: object, walk: Walk): unknown[] {
  const length = typedArrayLength(value);
  spend(walk, length * 2);
  const out: unknown[] = newList();
  for (let i = 0; i < length; i++) {
    const item = (value as { readonly [index: number]: number | bigint | undefined })[i];
    append(out, toPlain(item, walk, 0, "") ?? null);
  }
  return out;
}

/** The bytes an object holds or looks at. */
export function bytesOf(value: object, kind: "bytes" | "arrayBuffer" | "dataView"): Uint8Array {
  if (kind === "arrayBuffer") return new Uint8ArrayCtor(value as ArrayBuffer);
  if (kind === "dataView")
    return new Uint8ArrayCtor(dataViewBuffer(value), dataViewOffset(value), dataViewByteLength(value));
  return new Uint8ArrayCtor(typedArrayBuffer(value), typedArrayOffset(value), typedArrayByteLength(value));
}

function fromBytes(bytes: Uint8Array, walk: Walk): unknown {
  const length = typedArrayLength(bytes);
  spend(walk, (length * 4) / 3 + 16);
  return { $bytes: toBase64(bytes, length) };
}
