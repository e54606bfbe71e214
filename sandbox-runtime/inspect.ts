import { bytesOf } from "./codec.ts";
import { kindOf } from "./kinds.ts";
import type { ObjectKind } from "./kinds.ts";
import {
  append,
  arrayBufferByteLength,
  arrayJoin,
  bigIntToString,
  dateGetTime,
  dateToIso,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  isFinite,
  mapForEach,
  mapSize,
  NumberCtor,
  objectIs,
  objectKeys,
  regExpToString,
  SetCtor,
  setAdd,
  setDelete,
  setForEach,
  setHas,
  setSize,
  StringCtor,
  stringify,
  stringIndexOf,
  stringRepeat,
  stringReplaceAll,
  stringSlice,
  symbolToString,
  trunc,
  typedArrayByteLength,
  typedArrayLength,
  newList,
} from "./primordials.ts";
import { shownAs } from "./shown.ts";

const MAX_DEPTH = 4;
const MAX_ITEMS = 100;
const MAX_STRING = 8_192;
const LINE_WIDTH = 76;

interface Writer {
  readonly seen: Set<unknown>;
  /** Values that may still be written: keeps the work of one log line bounded whatever it is given. */
  left: number;
}

/**
 * Text of console arguments, after the manner of Node's `util.inspect`: `%s %d %i %f %j %o %O %c` in a first string,
 * strings as they are at the top, everything else inspected, joined by spaces. Never throws.
 */
export function format(args: readonly unknown[]): string {
  let text = "";
  let index = 0;
  const first = args[0];
  if (typeof first === "string" && args.length > 1 && stringIndexOf(first, "%") >= 0) {
    const filled = fill(first, args);
    text = filled.text;
    index = filled.used;
  }
  for (; index < args.length; index++) {
    const part = args[index];
    text += (index > 0 ? " " : "") + (typeof part === "string" ? part : inspect(part));
  }
  return text;
}

function fill(template: string, args: readonly unknown[]): { readonly text: string; readonly used: number } {
  let text = "";
  let used = 1;
  let from = 0;
  for (;;) {
    const at = stringIndexOf(template, "%", from);
    if (at < 0 || at === template.length - 1) break;
    const letter = stringSlice(template, at + 1, at + 2);
    const before = stringSlice(template, from, at);
    if (letter === "%") text += `${before}%`;
    else if (used < args.length && stringIndexOf("sdifjoOc", letter) >= 0)
      text += before + directive(letter, args[used++]);
    else text += `${before}%${letter}`;
    from = at + 2;
  }
  return { text: text + stringSlice(template, from), used };
}

function directive(letter: string, value: unknown): string {
  switch (letter) {
    case "s":
      return typeof value === "string" ? value : inspect(value);
    case "d":
      return number(value, (n) => n);
    case "i":
      return number(value, trunc);
    case "f":
      return number(value, (n) => n);
    case "j":
      return attempt(() => stringify(value) ?? "undefined");
    case "c":
      return "";
    default:
      return inspect(value);
  }
}

function number(value: unknown, convert: (value: number) => number): string {
  if (typeof value === "bigint") return `${bigIntToString(value)}n`;
  if (typeof value === "symbol") return "NaN";
  return attempt(() => StringCtor(convert(typeof value === "object" ? NaN : NumberCtor(value))));
}

function attempt(write: () => string): string {
  try {
    return write();
  } catch {
    return "[value that throws]";
  }
}

/** Text of one value, quoted and indented as a reader of code expects it. Never throws. */
export function inspect(value: unknown): string {
  const writer: Writer = { seen: new SetCtor(), left: 2_000 };
  return attempt(() => write(value, writer, 0));
}

function write(value: unknown, writer: Writer, depth: number): string {
  if (--writer.left < 0) return "…";
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
      return objectIs(value, -0) ? "-0" : StringCtor(value);
    case "bigint":
      return `${bigIntToString(value)}n`;
    case "symbol":
      return symbolToString(value);
    case "function":
      return functionName(value);
    case "object":
      return value === null ? "null" : writeObject(value, writer, depth);
    default:
      return StringCtor(value);
  }
}

function quote(text: string): string {
  const shown = text.length > MAX_STRING ? stringSlice(text, 0, MAX_STRING) : text;
  const rest = text.length > MAX_STRING ? `... ${text.length - MAX_STRING} more characters` : "";
  const body = stringReplaceAll(stringReplaceAll(stringReplaceAll(shown, "\\", "\\\\"), "\n", "\\n"), "\r", "\\r");
  const mark = stringIndexOf(body, "'") < 0 ? "'" : stringIndexOf(body, '"') < 0 ? '"' : "`";
  return mark + (mark === "`" ? stringReplaceAll(body, "`", "\\`") : body) + mark + rest;
}

function functionName(value: object): string {
  const shown = shownAs(value);
  if (shown !== undefined) return shown.text();
  const name = getOwnPropertyDescriptor(value, "name")?.value as unknown;
  return typeof name === "string" && name !== "" ? `[Function: ${name}]` : "[Function (anonymous)]";
}

function writeObject(value: object, writer: Writer, depth: number): string {
  const shown = shownAs(value);
  if (shown !== undefined) return shown.text();
  const kind = kindOf(value);
  if (kind === "date") return isFinite(dateGetTime(value)) ? dateToIso(value) : "Invalid Date";
  if (kind === "regExp") return regExpToString(value);
  if (kind === "promise") return "Promise { <pending or settled: not awaited> }";
  if (setHas(writer.seen, value)) return "[Circular]";
  if (depth > MAX_DEPTH) return kind === "array" ? "[Array]" : `[${className(value) || "Object"}]`;
  setAdd(writer.seen, value);
  const text = writeMembers(value, kind, writer, depth);
  setDelete(writer.seen, value);
  return text;
}

function writeMembers(value: object, kind: ObjectKind, writer: Writer, depth: number): string {
  switch (kind) {
    case "array":
      return writeList(value as readonly unknown[], writer, depth);
    case "map":
      return `Map(${mapSize(value)}) ${writeMap(value as Map<unknown, unknown>, writer, depth)}`;
    case "set":
      return `Set(${setSize(value)}) ${writeSet(value as Set<unknown>, writer, depth)}`;
    case "error":
      return writeError(value as Error, writer, depth);
    case "arrayBuffer":
      return `ArrayBuffer { byteLength: ${arrayBufferByteLength(value)} }`;
    case "bytes":
    case "dataView":
      return `${className(value)}(${typedArrayByteLength(bytesOf(value, kind))}) [bytes]`;
    case "numbers":
      return `${className(value)}(${typedArrayLength(value)}) ${writeList(value as readonly unknown[], writer, depth)}`;
    default: {
      const name = className(value);
      const body = layout(properties(value, writer, depth), "{", "}", depth);
      return name === "" || name === "Object" ? body : `${name} ${body}`;
    }
  }
}

function className(value: object): string {
  const prototype = getPrototypeOf(value);
  if (prototype === null) return "[Object: null prototype]";
  const maker = getOwnPropertyDescriptor(prototype, "constructor")?.value as unknown;
  const name = typeof maker === "function" ? (getOwnPropertyDescriptor(maker, "name")?.value as unknown) : undefined;
  return typeof name === "string" ? name : "";
}

function properties(value: object, writer: Writer, depth: number): string[] {
  const parts: string[] = newList();
  const keys = objectKeys(value);
  for (let i = 0; i < keys.length && i < MAX_ITEMS; i++) {
    const key = keys[i] as string;
    const descriptor = getOwnPropertyDescriptor(value, key);
    const text =
      descriptor !== undefined && "value" in descriptor ? write(descriptor.value, writer, depth + 1) : "[Getter]";
    append(parts, `${isPlainKey(key) ? key : quote(key)}: ${text}`);
  }
  if (keys.length > MAX_ITEMS) append(parts, `... ${keys.length - MAX_ITEMS} more`);
  return parts;
}

function isPlainKey(key: string): boolean {
  if (key === "") return false;
  for (let i = 0; i < key.length; i++) {
    const letter = stringSlice(key, i, i + 1);
    const isLetter =
      (letter >= "a" && letter <= "z") || (letter >= "A" && letter <= "Z") || letter === "_" || letter === "$";
    if (!isLetter && (i === 0 || letter < "0" || letter > "9")) return false;
  }
  return true;
}

function writeList(list: readonly unknown[], writer: Writer, depth: number): string {
  const parts: string[] = newList();
  for (let i = 0; i < list.length && i < MAX_ITEMS; i++) append(parts, write(list[i], writer, depth + 1));
  if (list.length > MAX_ITEMS) append(parts, `... ${list.length - MAX_ITEMS} more items`);
  return layout(parts, "[", "]", depth);
}

function writeMap(map: Map<unknown, unknown>, writer: Writer, depth: number): string {
  const parts: string[] = newList();
  mapForEach(map, (value, key) => {
    if (parts.length < MAX_ITEMS)
      append(parts, `${write(key, writer, depth + 1)} => ${write(value, writer, depth + 1)}`);
  });
  return layout(parts, "{", "}", depth);
}

function writeSet(set: Set<unknown>, writer: Writer, depth: number): string {
  const parts: string[] = newList();
  setForEach(set, (item) => {
    if (parts.length < MAX_ITEMS) append(parts, write(item, writer, depth + 1));
  });
  return layout(parts, "{", "}", depth);
}

function writeError(error: Error, writer: Writer, depth: number): string {
  const { name, message, stack, cause } = error;
  const head = message === "" ? StringCtor(name) : `${StringCtor(name)}: ${StringCtor(message)}`;
  const text = typeof stack === "string" && stack !== "" && depth === 0 ? stack : `[${head}]`;
  const parts = properties(error, writer, depth);
  if (cause !== undefined) append(parts, `[cause]: ${write(cause, writer, depth + 1)}`);
  return parts.length === 0 ? text : `${text} ${layout(parts, "{", "}", depth)}`;
}

/** Parts on one line when they fit, else one a line. */
function layout(parts: readonly string[], open: string, close: string, depth: number): string {
  if (parts.length === 0) return open + close;
  const line = arrayJoin(parts, ", ");
  if (line.length + depth * 2 <= LINE_WIDTH && stringIndexOf(line, "\n") < 0) return `${open} ${line} ${close}`;
  const indent = stringRepeat("  ", depth + 1);
  return `${open}\n${indent}${arrayJoin(parts, `,\n${indent}`)}\n${stringRepeat("  ", depth)}${close}`;
}
