import { bytesOf } from "./codec.ts";
import { formOf } from "./inspect-form.ts";
import type { Form } from "./inspect-form.ts";
import { layout } from "./inspect-layout.ts";
import { hexBytes, isIndex, keyText, primitiveText } from "./inspect-text.ts";
import {
  append,
  dataViewBuffer,
  dataViewByteLength,
  dataViewOffset,
  getOwnPropertyDescriptor,
  MapCtor,
  mapForEach,
  mapGet,
  mapSet,
  mapSize,
  newList,
  NumberCtor,
  objectKeys,
  setForEach,
  setSize,
  StringCtor,
  typedArrayLength,
} from "./primordials.ts";
import { watchedAs } from "./promises.ts";
import type { Scene } from "./scene.ts";
import { shownAs } from "./shown.ts";

/** @source nodejs/node doc/api/util.md, the defaults of `util.inspect` */
const DEPTH = 2;
const MAX_ITEMS = 100;
const BREAK_LENGTH = 80;
/** Values one text may tell of: more than any log line has room for. */
const MAX_VALUES = 20_000;

/** Text of one value, as a log line shows it. Never throws. */
export type Inspect = (value: unknown) => string;

/** What is shown of a value. */
export interface InspectOptions {
  /** Levels of objects. @default 2 */
  readonly depth?: number | undefined;
  /** Also what is not enumerable. @default false */
  readonly showHidden?: boolean;
  /** Items of a list. @default 100 */
  readonly maxItems?: number;
  /** @default 80 */
  readonly breakLength?: number;
}

/**
 * Text of a value as Node's `util.inspect` gives it with its defaults. Never throws.
 *
 * Not the same: promises tell no state, proxies are shown as they behave and not by their target, and map and set iterators
 * tell no items, as nothing inside of an isolate can see these without side effects; `Symbol.for("nodejs.util.inspect.custom")`
 * is not called; objects of the web's classes and `mcp` have short forms; repeated stack frames are not collapsed; and what
 * tells of more than 20,000 values ends in `…`.
 */
export function inspect(value: unknown, options: InspectOptions = {}): string {
  const { depth = DEPTH, showHidden = false, maxItems = MAX_ITEMS, breakLength = BREAK_LENGTH } = options;
  const scene: Scene = {
    depth,
    showHidden,
    maxItems,
    breakLength,
    seen: newList(),
    circular: new MapCtor(),
    indent: 0,
    currentDepth: 0,
    left: MAX_VALUES,
  };
  try {
    return write(value, scene, 0);
  } catch {
    return "[value that throws]";
  }
}

function write(value: unknown, scene: Scene, level: number): string {
  if (--scene.left < 0) return "…";
  if ((typeof value === "object" && value !== null) || typeof value === "function")
    return writeObject(value, scene, level);
  return primitiveText(value, scene);
}

function writeObject(value: object, scene: Scene, level: number): string {
  const shown = shownAs(value);
  if (shown !== undefined) return shown.text();
  for (let i = 0; i < scene.seen.length; i++) {
    if (scene.seen[i] !== value) continue;
    const known = mapGet(scene.circular, value);
    if (known === undefined) mapSet(scene.circular, value, mapSize(scene.circular) + 1);
    return `[Circular *${StringCtor(mapGet(scene.circular, value))}]`;
  }
  const form = formOf(value, scene);
  if (form.content === undefined && form.keys.length === 0) return form.empty;
  if (level > scene.depth) return form.beyond;
  return writeMembers(value, form, scene, level + 1);
}

function writeMembers(value: object, form: Form, scene: Scene, level: number): string {
  scene.seen[scene.seen.length] = value;
  scene.currentDepth = level;
  const parts = contentOf(value, form, scene, level);
  for (let i = 0; i < form.keys.length; i++) {
    const key = form.keys[i] as PropertyKey;
    const descriptor = getOwnPropertyDescriptor(value, key);
    if (descriptor === undefined) continue;
    const name = descriptor.enumerable === true ? keyText(key) : `[${keyText(key)}]`;
    append(parts, `${name}: ${writeProperty(descriptor, scene, level)}`);
  }
  scene.seen.length--;
  const number = mapGet(scene.circular, value);
  const reference = number === undefined ? "" : `<ref *${StringCtor(number)}>`;
  const base = reference === "" || form.base === "" ? reference + form.base : `${reference} ${form.base}`;
  const list = form.close === "]" ? (value as readonly unknown[]) : undefined;
  return layout(scene, { parts, base, open: form.open, close: form.close, level, list });
}

/** What an object holds that is not among its keys. */
function contentOf(value: object, { content, name }: Form, scene: Scene, level: number): string[] {
  switch (content) {
    case undefined:
      return newList();
    case "array":
      return items(value as readonly unknown[], scene, level);
    case "numbers":
      return numbers(value as readonly (number | bigint)[], scene);
    case "map":
    case "set":
      return entries(value, content, scene, level);
    case "arrayBuffer":
    case "dataView":
    case "promise":
    case "weak":
      return innerParts(value, content, name, scene, level);
    default:
      return content satisfies never;
  }
}

function innerParts(
  value: object,
  content: "arrayBuffer" | "dataView" | "promise" | "weak",
  name: string | undefined,
  scene: Scene,
  level: number,
): string[] {
  const parts: string[] = newList();
  if (content === "arrayBuffer") {
    const bytes = bytesOf(value, content);
    const length = typedArrayLength(bytes);
    append(parts, `[Uint8Contents]: <${hexBytes(bytes, length, scene.maxItems)}>`);
    append(parts, `[byteLength]: ${length}`);
  } else if (content === "dataView") {
    append(parts, `[byteLength]: ${dataViewByteLength(value)}`);
    append(parts, `[byteOffset]: ${dataViewOffset(value)}`);
    append(parts, `[buffer]: ${inner(dataViewBuffer(value), scene, level)}`);
  } else if (content === "promise") {
    const tool = watchedAs(value)?.tool;
    append(parts, tool === undefined ? "<pending or settled: not awaited>" : `<answer of ${tool}: not awaited>`);
  } else append(parts, name === "WeakRef" ? "<ref>" : "<items unknown>");
  return parts;
}

function writeProperty(descriptor: PropertyDescriptor, scene: Scene, level: number): string {
  if (descriptor.get !== undefined) return descriptor.set === undefined ? "[Getter]" : "[Getter/Setter]";
  if (descriptor.set !== undefined) return "[Setter]";
  return inner(descriptor.value, scene, level);
}

function inner(value: unknown, scene: Scene, level: number): string {
  scene.indent += 2;
  const text = write(value, scene, level);
  scene.indent -= 2;
  return text;
}

function remaining(count: number): string {
  return `... ${count} more item${count > 1 ? "s" : ""}`;
}

function items(list: readonly unknown[], scene: Scene, level: number): string[] {
  const { length } = list;
  const parts: string[] = newList();
  let index = 0;
  while (index < length && parts.length < scene.maxItems) {
    const descriptor = getOwnPropertyDescriptor(list, index);
    if (descriptor === undefined) {
      const next = nextItem(list, index, length);
      append(parts, `<${next - index} empty item${next - index > 1 ? "s" : ""}>`);
      index = next;
    } else {
      append(parts, writeProperty(descriptor, scene, level));
      index++;
    }
  }
  if (index < length) append(parts, remaining(length - index));
  return parts;
}

/** Index of the first item after a hole. */
function nextItem(list: readonly unknown[], from: number, length: number): number {
  // A few steps find most; the keys of a list that is nearly empty are few.
  for (let i = from; i < length && i < from + 100; i++) if (getOwnPropertyDescriptor(list, i) !== undefined) return i;
  const keys = objectKeys(list);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    if (!isIndex(key)) break;
    if (NumberCtor(key) >= from) return NumberCtor(key);
  }
  return length;
}

function numbers(list: readonly (number | bigint)[], scene: Scene): string[] {
  const length = typedArrayLength(list);
  const parts: string[] = newList();
  for (let i = 0; i < length && i < scene.maxItems; i++) append(parts, write(list[i], scene, 0));
  if (length > scene.maxItems) append(parts, remaining(length - scene.maxItems));
  return parts;
}

function entries(value: object, kind: "map" | "set", scene: Scene, level: number): string[] {
  const size = kind === "map" ? mapSize(value) : setSize(value);
  const parts: string[] = newList();
  scene.indent += 2;
  if (kind === "map")
    mapForEach(value as Map<unknown, unknown>, (item, key) => {
      if (parts.length < scene.maxItems) append(parts, `${write(key, scene, level)} => ${write(item, scene, level)}`);
    });
  else
    setForEach(value as Set<unknown>, (item) => {
      if (parts.length < scene.maxItems) append(parts, write(item, scene, level));
    });
  scene.indent -= 2;
  if (size > scene.maxItems) append(parts, remaining(size - scene.maxItems));
  return parts;
}
