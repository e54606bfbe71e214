import { className, functionText, prefix, tagOf } from "./inspect-class.ts";
import { errorText } from "./inspect-error.ts";
import { indented, isIndex, primitiveText } from "./inspect-text.ts";
import { kindOf } from "./kinds.ts";
import type { ObjectKind } from "./kinds.ts";
import {
  append,
  dateGetTime,
  dateToIso,
  getOwnPropertyDescriptor,
  isFinite,
  mapSize,
  newList,
  objectKeys,
  objectToString,
  ownKeys,
  ownSymbols,
  regExpToString,
  setSize,
  stringSlice,
  typedArrayLength,
  unbox,
} from "./primordials.ts";
import type { Scene } from "./scene.ts";

/** Items above which a list is not searched for members that are no items. */
const MAX_SEARCHED = 10_000;

/** How an object is written: what stands around its members, and which those are. */
export interface Form {
  readonly name: string | undefined;
  /** Before the brace, such as the text of a date that has members too. */
  readonly base: string;
  readonly open: string;
  readonly close: string;
  readonly keys: readonly PropertyKey[];
  /** What it holds that is not among the keys; `undefined` when there is nothing of that sort. */
  readonly content: "array" | "numbers" | "map" | "set" | "arrayBuffer" | "dataView" | "promise" | "weak" | undefined;
  /** The whole text when there is nothing inside. */
  readonly empty: string;
  /** The whole text when the object is too deep inside of others. */
  readonly beyond: string;
}

/** What is known of an object before its members are looked at. */
interface Subject {
  readonly value: object;
  readonly kind: ObjectKind | "function";
  readonly name: string | undefined;
  readonly tag: string;
}

/** How an object is written. May run getters and traps of the object; throws what they throw. */
export function formOf(value: object, scene: Scene): Form {
  const kind = typeof value === "function" ? "function" : kindOf(value);
  const subject: Subject = { value, kind, name: className(value), tag: tagOf(value) };
  switch (kind) {
    case "array":
    case "bytes":
    case "numbers":
      return listForm(subject, scene);
    case "map":
    case "set":
      return collectionForm(subject, scene);
    case "function":
    case "regExp":
    case "date":
    case "error":
    case "boxed":
      return textForm(subject, scene);
    case "arrayBuffer":
    case "dataView":
    case "promise":
    case "weak":
      return { ...braces(subject, prefixOf(subject), keysOf(value, scene)), content: kind };
    case "plain":
    case "other":
      return plainForm(subject, scene);
    default:
      return kind satisfies never;
  }
}

const FALLBACKS = {
  map: "Map",
  set: "Set",
  arrayBuffer: "ArrayBuffer",
  dataView: "DataView",
  promise: "Promise",
  weak: "WeakMap",
};

function prefixOf({ kind, name, tag }: Subject, size = ""): string {
  return prefix(name, tag, FALLBACKS[kind as keyof typeof FALLBACKS], size);
}

function braces(subject: Subject, before: string, keys: readonly PropertyKey[]): Form {
  const { name } = subject;
  const open = `${before}{`;
  return { name, base: "", open, close: "}", keys, content: undefined, empty: `${open}}`, beyond: beyondText(subject) };
}

function beyondText({ name, tag }: Subject): string {
  const text = stringSlice(prefix(name, tag, "Object"), 0, -1);
  return name === undefined ? text : `[${text}]`;
}

/** An object whose text says it all, unless it has members too. */
function textForm(subject: Subject, scene: Scene): Form {
  const { value, kind, name, tag } = subject;
  const keys = keysOf(value, scene);
  const form = braces(subject, "", keys);
  switch (kind) {
    case "function":
      return withBase(form, functionText(value, name, tag));
    case "date":
      return withBase(
        form,
        prefixed(subject, "Date", isFinite(dateGetTime(value)) ? dateToIso(value) : "Invalid Date"),
      );
    case "error": {
      const { text, keys: shown } = errorText(value as Error, name, tag, keys);
      return { ...withBase(form, indented(text, scene.indent)), keys: shown };
    }
    case "boxed":
      return boxedForm(subject, scene, form);
    default: {
      const text = prefixed(subject, "RegExp", regExpToString(value));
      return { ...withBase(form, text), beyond: text };
    }
  }
}

function withBase(form: Form, base: string): Form {
  return { ...form, base, empty: base };
}

function prefixed({ name, tag }: Subject, kind: string, text: string): string {
  const before = prefix(name, tag, kind);
  return before === `${kind} ` ? text : before + text;
}

const BOXES = { string: "String", number: "Number", boolean: "Boolean", symbol: "Symbol", bigint: "BigInt" };

function boxedForm({ value, name, tag }: Subject, scene: Scene, form: Form): Form {
  const held = unbox(value);
  const type = BOXES[typeof held as keyof typeof BOXES];
  const kind = type === name ? "" : ` (${name ?? "null prototype"})`;
  const tagged = tag !== "" && tag !== name ? ` [${tag}]` : "";
  const keys = typeof held === "string" ? keysOf(value, scene, true) : form.keys;
  return { ...withBase(form, `[${type}${kind}: ${primitiveText(held, scene)}]${tagged}`), keys };
}

function listForm(subject: Subject, scene: Scene): Form {
  const { value, kind, name, tag } = subject;
  const isArray = kind === "array";
  const length = isArray ? (value as readonly unknown[]).length : typedArrayLength(value);
  const isPlain = isArray && name === "Array" && tag === "";
  const open = `${isPlain ? "" : prefix(name, tag, isArray ? "Array" : "TypedArray", `(${length})`)}[`;
  const keys = length > MAX_SEARCHED ? newList<PropertyKey>() : keysOf(value, scene, true);
  const content = length === 0 ? undefined : isArray ? "array" : "numbers";
  return { name, base: "", open, close: "]", keys, content, empty: `${open}]`, beyond: beyondText(subject) };
}

function collectionForm(subject: Subject, scene: Scene): Form {
  const { value, kind } = subject;
  const size = kind === "map" ? mapSize(value) : setSize(value);
  const form = braces(subject, prefixOf(subject, `(${size})`), keysOf(value, scene));
  return size === 0 ? form : { ...form, content: kind === "map" ? "map" : "set" };
}

function plainForm(subject: Subject, scene: Scene): Form {
  const { value, name, tag } = subject;
  const isObject = name === "Object" && tag === "";
  const isArguments = isObject && objectToString(value) === "[object Arguments]";
  const before = isArguments ? "[Arguments] " : isObject ? "" : prefix(name, tag, "Object");
  return braces(subject, before, keysOf(value, scene));
}

/** Keys of the members that are shown. @param noIndices Whether those of items are left out. */
function keysOf(value: object, scene: Scene, noIndices = false): readonly PropertyKey[] {
  // Most objects have no symbols: their enumerable names are all.
  const named = !scene.showHidden && ownSymbols(value).length === 0;
  const all: readonly PropertyKey[] = named ? objectKeys(value) : ownKeys(value);
  if (named && !noIndices) return all;
  const keys: PropertyKey[] = newList();
  for (let i = 0; i < all.length; i++) {
    const key = all[i] as PropertyKey;
    if (noIndices && isIndex(key)) continue;
    if (named || scene.showHidden || getOwnPropertyDescriptor(value, key)?.enumerable === true) append(keys, key);
  }
  return keys;
}
