import { isIdentifier } from "./identifier.ts";
import type { Scene } from "./scene.ts";
import {
  append,
  arrayJoin,
  bigIntToString,
  charCodeAt,
  codePointAt,
  newList,
  NumberCtor,
  objectIs,
  StringCtor,
  stringIndexOf,
  stringRepeat,
  stringSlice,
  symbolToString,
} from "./primordials.ts";

const UPPER = "0123456789ABCDEF";
const LOWER = "0123456789abcdef";
const BACKSLASH = 92;
const QUOTE = 39;
/** Characters with an escape of their own. */
const LETTERS: readonly (readonly [unit: number, escape: string])[] = [
  [8, "\\b"],
  [9, "\\t"],
  [10, "\\n"],
  [12, "\\f"],
  [13, "\\r"],
  [BACKSLASH, "\\\\"],
  [QUOTE, "\\'"],
];

/** A text in quotes: single ones, unless it holds such and none of another kind. */
export function quote(text: string): string {
  if (stringIndexOf(text, "'") < 0) return `'${escape(text, true)}'`;
  if (stringIndexOf(text, '"') < 0) return `"${escape(text, false)}"`;
  if (stringIndexOf(text, "`") < 0 && stringIndexOf(text, "${") < 0) return `\`${escape(text, false)}\``;
  return `'${escape(text, true)}'`;
}

function escape(text: string, quotes: boolean): string {
  let result = "";
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = charCodeAt(text, i);
    if (unit > 159 && (unit < 0xd800 || unit > 0xdfff)) continue;
    if (unit >= 0xd800 && unit <= 0xdbff && isLow(text, i + 1)) {
      i++;
      continue;
    }
    const escaped = escapeOf(unit, quotes);
    if (escaped === "") continue;
    result += stringSlice(text, from, i) + escaped;
    from = i + 1;
  }
  return from === 0 ? text : result + stringSlice(text, from);
}

function isLow(text: string, at: number): boolean {
  if (at >= text.length) return false;
  const unit = charCodeAt(text, at);
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function escapeOf(unit: number, quotes: boolean): string {
  if (unit >= 0xd800) return `\\u${hexOf(unit >> 8, LOWER)}${hexOf(unit & 255, LOWER)}`;
  if (unit > 126) return `\\x${hexOf(unit, UPPER)}`;
  if (unit >= 32 && unit !== BACKSLASH && (unit !== QUOTE || !quotes)) return "";
  for (let i = 0; i < LETTERS.length; i++) {
    const letter = LETTERS[i];
    if (letter !== undefined && letter[0] === unit) return letter[1];
  }
  return `\\x${hexOf(unit, UPPER)}`;
}

/** A byte as two digits. */
function hexOf(byte: number, digits: string): string {
  return stringSlice(digits, byte >> 4, (byte >> 4) + 1) + stringSlice(digits, byte & 15, (byte & 15) + 1);
}

/** Bytes as pairs of digits, as far as `max`. */
export function hexBytes(bytes: Uint8Array, length: number, max: number): string {
  const parts: string[] = newList();
  for (let i = 0; i < length && i < max; i++) append(parts, hexOf(bytes[i] ?? 0, LOWER));
  const more = length - max;
  return arrayJoin(parts, " ") + (more > 0 ? ` ... ${more} more byte${more > 1 ? "s" : ""}` : "");
}

const MAX_STRING = 10_000;
/** Shortest text that may be broken at its line breaks. */
const MIN_LINE = 16;

/** A primitive as source text; a long text with line breaks on lines of its own. */
export function primitiveText(value: unknown, { breakLength, indent }: Scene): string {
  switch (typeof value) {
    case "string":
      break;
    case "number":
      return numberText(value);
    case "bigint":
      return `${bigIntToString(value)}n`;
    case "symbol":
      return symbolToString(value);
    default:
      return StringCtor(value);
  }
  const more = value.length - MAX_STRING;
  const text = more > 0 ? stringSlice(value, 0, MAX_STRING) : value;
  const trailer = more > 0 ? `... ${more} more character${more > 1 ? "s" : ""}` : "";
  if (text.length <= MIN_LINE || text.length <= breakLength - indent - 4) return quote(text) + trailer;
  const parts = lines(text);
  for (let i = 0; i < parts.length; i++) parts[i] = quote(parts[i] as string);
  return arrayJoin(parts, ` +\n${stringRepeat(" ", indent + 2)}`) + trailer;
}

/** Whether a key is the index of an item. @source ECMA-262, "array index" */
export function isIndex(key: PropertyKey): boolean {
  if (typeof key !== "string") return false;
  const index = NumberCtor(key);
  return index >= 0 && index < 2 ** 32 - 1 && StringCtor(index) === key;
}

/** A number as source text. */
export function numberText(value: number): string {
  return objectIs(value, -0) ? "-0" : StringCtor(value);
}

/** A key of an object as source text. */
export function keyText(key: PropertyKey): string {
  if (typeof key === "symbol") return escape(symbolToString(key), true);
  const name = StringCtor(key);
  if (name === "__proto__") return "['__proto__']";
  return isIdentifier(name, false) ? name : quote(name);
}

/** The parts of a text between line breaks, each with its break. */
export function lines(text: string): string[] {
  const parts: string[] = newList();
  for (let from = 0; from < text.length;) {
    const at = stringIndexOf(text, "\n", from);
    const to = at < 0 ? text.length : at + 1;
    append(parts, stringSlice(text, from, to));
    from = to;
  }
  return parts;
}

/** A text with spaces before each of its further lines. */
export function indented(text: string, by: number): string {
  if (by === 0 || stringIndexOf(text, "\n") < 0) return text;
  const parts = lines(text);
  const space = stringRepeat(" ", by);
  let result = parts[0] as string;
  for (let i = 1; i < parts.length; i++) result += space + (parts[i] as string);
  return result;
}

/** Ranges of characters that take two columns. @source Unicode, East Asian Width W and F, as far as it is in common use */
const WIDE: readonly (readonly [from: number, to: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

/** Columns a text takes in a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = charCodeAt(text, i);
    if (unit >= 32 && unit < 127) width++;
    else {
      const point = codePointAt(text, i);
      if (point > 0xffff) i++;
      width += columnsOf(point);
    }
  }
  return width;
}

function columnsOf(point: number): number {
  if (point < 32 || (point >= 0x7f && point < 0xa0)) return 0;
  if ((point >= 0x300 && point <= 0x36f) || (point >= 0x200b && point <= 0x200f)) return 0;
  if ((point >= 0x20d0 && point <= 0x20ff) || (point >= 0xfe00 && point <= 0xfe2f)) return 0;
  for (let i = 0; i < WIDE.length; i++) {
    const range = WIDE[i];
    if (range !== undefined && point >= range[0] && point <= range[1]) return 2;
  }
  return 1;
}
