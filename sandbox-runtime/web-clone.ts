import { kindOf } from "./kinds.ts";
import {
  append,
  arrayBufferByteLength,
  arrayBufferDetached,
  arrayBufferTransfer,
  dataViewBuffer,
  dataViewByteLength,
  dataViewOffset,
  DateCtor,
  dateGetTime,
  define,
  errorCtors,
  ErrorCtor,
  getOwnPropertyDescriptor,
  hasOwn,
  isView,
  MapCtor,
  mapForEach,
  mapGet,
  mapSet,
  objectKeys,
  ObjectCtor,
  passes,
  RegExpCtor,
  regExpFlags,
  regExpSource,
  SetCtor,
  setAdd,
  setForEach,
  setHas,
  StringCtor,
  typedArrayBuffer,
  typedArrayLength,
  typedArrayOffset,
  typedArrayTag,
  Uint8ArrayCtor,
  unbox,
  viewCtors,
  newList,
} from "./primordials.ts";
import { shownAs } from "./shown.ts";
import { domException, domExceptionClass } from "./web-dom-exception.ts";

/** What was copied already, by what it was copied from: keeps cycles and shared references. */
type Memory = Map<unknown, unknown>;

/**
 * The global `structuredClone`.
 *
 * @throws DataCloneError for functions, symbols, promises, weak collections and objects of web classes.
 * @source HTML, StructuredSerializeWithTransfer; the order of work is that of V8
 */
export function structuredClone(value: unknown, options?: { readonly transfer?: unknown } | null): unknown {
  const transferred = transferList(options?.transfer);
  const copy = clone(value, new MapCtor());
  for (let i = 0; i < transferred.length; i++) arrayBufferTransfer(transferred[i]);
  return copy;
}

/** The buffers that are taken away from the caller. They are copied like all others, then emptied. */
function transferList(list: unknown): unknown[] {
  const buffers: unknown[] = newList();
  if (list === undefined) return buffers;
  const seen = new SetCtor<unknown>();
  for (const item of list as Iterable<unknown>) {
    if (!passes(arrayBufferByteLength, item) || arrayBufferDetached(item))
      throw refusal("an item of transfer that is no attached ArrayBuffer");
    if (setHas(seen, item)) throw refusal("an ArrayBuffer that is twice in transfer");
    setAdd(seen, item);
    append(buffers, item);
  }
  return buffers;
}

function refusal(what: string): Error {
  return domException(`Cannot clone the value: it holds ${what}`, "DataCloneError");
}

function clone(value: unknown, memory: Memory): unknown {
  switch (typeof value) {
    case "function":
      throw refusal("a function");
    case "symbol":
      throw refusal("a symbol");
    case "object":
      if (value === null) return value;
      return mapGet(memory, value) ?? cloneObject(value, memory);
    default:
      return value;
  }
}

function cloneObject(value: object, memory: Memory): unknown {
  const kind = kindOf(value);
  switch (kind) {
    case "plain":
      return cloneMembers(value, remember(value, {}, memory), memory);
    case "array": {
      const list: unknown[] = [];
      list.length = (value as readonly unknown[]).length;
      return cloneMembers(value, remember(value, list, memory), memory);
    }
    case "date":
      return remember(value, new DateCtor(dateGetTime(value)), memory);
    case "regExp":
      return remember(value, new RegExpCtor(regExpSource(value), regExpFlags(value)), memory);
    case "map":
      return cloneMap(value as Map<unknown, unknown>, memory);
    case "set":
      return cloneSet(value as Set<unknown>, memory);
    case "error":
      return cloneError(value as Error, memory);
    case "arrayBuffer":
      return cloneBuffer(value as ArrayBuffer, memory);
    case "bytes":
    case "numbers":
    case "dataView":
      return cloneView(value, memory);
    case "promise":
      throw refusal("a promise");
    case "weak":
      throw refusal("a weak reference or collection");
    case "boxed":
      return cloneBoxed(value, memory);
    case "other":
      return cloneOther(value, memory);
    default:
      return kind satisfies never;
  }
}

function remember<T extends object>(value: object, copy: T, memory: Memory): T {
  mapSet(memory, value, copy);
  return copy;
}

/** Copies the own enumerable members whose keys are text. */
function cloneMembers(value: object, copy: object, memory: Memory): object {
  const keys = objectKeys(value);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    // A getter that ran before may have removed it.
    if (hasOwn(value, key)) define(copy, key, clone((value as Record<string, unknown>)[key], memory), true);
  }
  return copy;
}

function cloneBoxed(value: object, memory: Memory): object {
  const primitive = unbox(value);
  if (typeof primitive === "symbol") throw refusal("a boxed symbol");
  return remember(value, ObjectCtor(primitive) as object, memory);
}

/** Objects of a script's own classes become plain ones. */
function cloneOther(value: object, memory: Memory): object {
  if (shownAs(value) !== undefined) throw refusal("an object of a web class");
  return cloneMembers(value, remember(value, {}, memory), memory);
}

function cloneMap(map: Map<unknown, unknown>, memory: Memory): object {
  const copy = remember(map, new MapCtor(), memory);
  const entries: unknown[] = newList();
  mapForEach(map, (value, key) => {
    append(entries, key);
    append(entries, value);
  });
  for (let i = 0; i < entries.length; i += 2) mapSet(copy, clone(entries[i], memory), clone(entries[i + 1], memory));
  return copy;
}

function cloneSet(set: Set<unknown>, memory: Memory): object {
  const copy = remember(set, new SetCtor(), memory);
  const items: unknown[] = newList();
  setForEach(set, (item) => append(items, item));
  for (let i = 0; i < items.length; i++) setAdd(copy, clone(items[i], memory));
  return copy;
}

/** Name, message, stack and cause; what a script added is left out, as the standard has it. */
function cloneError(error: Error, memory: Memory): Error {
  const message = getOwnPropertyDescriptor(error, "message");
  const text = message !== undefined && "value" in message ? StringCtor(message.value) : undefined;
  const name = StringCtor(error.name);
  const Dom = domExceptionClass();
  let copy: Error;
  if (error instanceof Dom) copy = new Dom(text, name);
  else {
    const Ctor = hasOwn(errorCtors, name) ? (errorCtors[name] ?? ErrorCtor) : ErrorCtor;
    copy = new Ctor();
    if (text !== undefined) define(copy, "message", text, false);
  }
  remember(error, copy, memory);
  const { stack } = error;
  define(copy, "stack", typeof stack === "string" ? stack : "", false);
  if (hasOwn(error, "cause")) define(copy, "cause", clone(error.cause, memory), false);
  return copy;
}

function cloneBuffer(buffer: ArrayBuffer, memory: Memory): ArrayBuffer {
  if (arrayBufferDetached(buffer)) throw refusal("an ArrayBuffer that was transferred");
  // Bytes made of bytes get a buffer of their own.
  return remember(buffer, typedArrayBuffer(new Uint8ArrayCtor(new Uint8ArrayCtor(buffer))), memory);
}

function cloneView(view: object, memory: Memory): object {
  const name = isView(view) ? typedArrayTag(view) : undefined;
  const buffer = name === undefined ? dataViewBuffer(view) : typedArrayBuffer(view);
  const offset = name === undefined ? dataViewOffset(view) : typedArrayOffset(view);
  const length = name === undefined ? dataViewByteLength(view) : typedArrayLength(view);
  const Ctor = viewCtors[name ?? "DataView"];
  if (Ctor === undefined) throw refusal(`a view of an unknown kind, ${name}`);
  const copy = (mapGet(memory, buffer) as ArrayBuffer | undefined) ?? cloneBuffer(buffer, memory);
  return remember(view, new Ctor(copy, offset, length), memory);
}
