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
  SetCtor,
  setAdd,
  setDelete,
  setForEach,
  setHas,
  stringify,
  regExpToString,
  typedArrayBuffer,
  typedArrayByteLength,
  typedArrayLength,
  typedArrayOffset,
  Uint8ArrayCtor,
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

interface Walk {
  /** Characters that may still be written. */
  left: number;
  readonly ancestors: Set<unknown>;
  /** Called for each promise that was not awaited. */
  readonly onPromise: (() => void) | undefined;
}

/**
 * JSON text of any value a script can make, as `JSON.stringify` has it, and where that would lose or refuse something:
 * bigint → decimal string; `Map` → object when all keys are strings, else list of pairs; `Set`, typed array → list; bytes
 * (`Uint8Array`, `ArrayBuffer`, `DataView`) → `{"$bytes": base64}`; error → `{name, message, …}`; regular expression →
 * its source; cycle → `"[Circular]"`; promise → `"[Promise]"`; weak collection → `"[WeakMap]"` or its like.
 *
 * @param maxLength Longest text, in UTF-16 units; counted while walking, so that nothing large is ever built.
 * @returns `undefined` for what has no JSON: `undefined`, functions, symbols.
 * @throws CodecError, and whatever getters and `toJSON` of the value throw.
 */
export function toJson(value: unknown, maxLength: number, onPromise?: () => void): string | undefined {
  const walk: Walk = { left: maxLength, ancestors: new SetCtor(), onPromise };
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
  if (setHas(walk.ancestors, value)) {
    spend(walk, 12);
    return "[Circular]";
  }
  setAdd(walk.ancestors, value);
  const result = byKind(value, kind, walk, depth, key);
  setDelete(walk.ancestors, value);
  return result;
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
      return toPlain("[weak collection]", walk, depth, key);
    case "promise":
      walk.onPromise?.();
      return toPlain("[Promise]", walk, depth, key);
    case "plain":
    case "error":
    case "other":
      return fromMembers(value, kind, walk, depth, key);
    default:
      return kind satisfies never;
  }
}

function fromMembers(value: object, kind: ObjectKind, walk: Walk, depth: number, key: string): unknown {
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === "function")
    return toPlain((value as { toJSON(key: string): unknown }).toJSON(key), walk, depth + 1, key);
  if (kind === "error") return fromError(value as Error, walk, depth);
  const json = kind === "other" ? shownAs(value)?.json : undefined;
  if (json !== undefined) return toPlain(json(), walk, depth, key);
  const keys = objectKeys(value);
  let copy: Record<string, unknown> | undefined;
  for (let i = 0; i < keys.length; i++) {
    const name = keys[i] as string;
    const member = (value as Record<string, unknown>)[name];
    const plain = toPlain(member, walk, depth + 1, name);
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

/** An error's own words, which are not enumerable, and whatever was added to it. */
function fromError(error: Error, walk: Walk, depth: number): unknown {
  const members: Record<string, unknown> = {};
  setMember(members, "name", error.name, walk, depth);
  setMember(members, "message", error.message, walk, depth);
  if (error.cause !== undefined) setMember(members, "cause", error.cause, walk, depth);
  const keys = objectKeys(error);
  for (let i = 0; i < keys.length; i++) {
    const name = keys[i] as string;
    setMember(members, name, (error as unknown as Record<string, unknown>)[name], walk, depth);
  }
  return members;
}

function setMember(target: object, key: string, value: unknown, walk: Walk, depth: number): void {
  const plain = toPlain(value, walk, depth + 1, key);
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
    const plain = toPlain(item, walk, depth + 1, "");
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
    else append(pairs, [toPlain(key, walk, depth + 1, "") ?? null, toPlain(value, walk, depth + 1, "") ?? null]);
  });
  return named ? members : pairs;
}

function fromSet(set: Set<unknown>, walk: Walk, depth: number): unknown[] {
  const out: unknown[] = newList();
  setForEach(set, (item) => {
    append(out, toPlain(item, walk, depth + 1, "") ?? null);
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

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Base 64 of bytes. @source RFC 4648 §4 */
export function toBase64(bytes: Uint8Array, length: number): string {
  let text = "";
  for (let i = 0; i < length; i += 3) {
    const a = bytes[i] ?? 0;
    const b = bytes[i + 1] ?? 0;
    const c = bytes[i + 2] ?? 0;
    const last = i + 2 < length ? DIGITS[c & 63] : "=";
    const third = i + 1 < length ? DIGITS[((b & 15) << 2) | (c >> 6)] : "=";
    text += `${DIGITS[a >> 2]}${DIGITS[((a & 3) << 4) | (b >> 4)]}${third}${last}`;
  }
  return text;
}
