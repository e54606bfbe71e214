import { inspect } from "./inspect.ts";
import { numberText } from "./inspect-text.ts";
import {
  append,
  bigIntToString,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  hasOwn,
  newList,
  NumberCtor,
  parseFloatOf,
  parseIntOf,
  StringCtor,
  stringify,
  stringIndexOf,
  stringSlice,
  TypeErrorCtor,
} from "./primordials.ts";

const DIRECTIVES = "sdifjoOc";
/** Prototypes that are looked through: a proxy may tell another one for ever. */
const MAX_PROTOTYPES = 100;

/**
 * Text of console arguments as Node's `util.format` gives it: the directives `%s %d %i %f %j %o %O %c %%` of a first text
 * filled in, other texts as they are, everything else inspected, joined by spaces. Never throws.
 */
export function format(args: readonly unknown[]): string {
  const first = args[0];
  const parts: string[] = newList();
  let index = 0;
  if (typeof first === "string") {
    const filled = args.length > 1 ? fill(first, args) : { text: first, used: 1 };
    append(parts, filled.text);
    index = filled.used;
  }
  for (; index < args.length; index++) {
    const part = args[index];
    append(parts, typeof part === "string" ? part : inspect(part));
  }
  let text = parts.length === 0 ? "" : (parts[0] as string);
  for (let i = 1; i < parts.length; i++) text += ` ${parts[i] as string}`;
  return text;
}

function fill(template: string, args: readonly unknown[]): { readonly text: string; readonly used: number } {
  let text = "";
  let used = 1;
  let from = 0;
  for (let at = stringIndexOf(template, "%"); at >= 0 && at < template.length - 1;) {
    const letter = stringSlice(template, at + 1, at + 2);
    if (letter === "%") {
      text += `${stringSlice(template, from, at)}%`;
      from = at + 2;
    } else if (used < args.length && stringIndexOf(DIRECTIVES, letter) >= 0) {
      text += stringSlice(template, from, at) + directive(letter, args[used++]);
      from = at + 2;
    }
    at = stringIndexOf(template, "%", at + 2);
  }
  return { text: text + stringSlice(template, from), used };
}

function directive(letter: string, value: unknown): string {
  switch (letter) {
    case "s":
      return attempt(() => asString(value));
    case "d":
      return attempt(() => asNumber(value, NumberCtor));
    case "i":
      return attempt(() => asNumber(value, (given) => parseIntOf(given as string)));
    case "f":
      return attempt(() => (typeof value === "symbol" ? "NaN" : numberText(parseFloatOf(value as string))));
    case "j":
      return attempt(() => json(value));
    case "o":
      return inspect(value, { showHidden: true, depth: 4 });
    case "c":
      return "";
    default:
      return inspect(value);
  }
}

function asNumber(value: unknown, convert: (value: unknown) => number): string {
  if (typeof value === "bigint") return `${bigIntToString(value)}n`;
  return typeof value === "symbol" ? "NaN" : numberText(convert(value));
}

/** Objects that say themselves how they are written as text are taken at their word; others are inspected. */
function asString(value: unknown): string {
  if (typeof value === "number") return numberText(value);
  if (typeof value === "bigint") return `${bigIntToString(value)}n`;
  if (typeof value !== "object" || value === null || saysItsText(value)) return StringCtor(value);
  return inspect(value, { depth: 0 });
}

const BUILT_IN =
  " Object Array Map Set Date RegExp Error TypeError RangeError SyntaxError ReferenceError EvalError URIError AggregateError Promise WeakMap WeakSet WeakRef ArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float16Array Float32Array Float64Array BigInt64Array BigUint64Array Number String Boolean BigInt Symbol Function URL URLSearchParams ";

/** Whether `toString` of an object comes from a class that is not the language's own. */
function saysItsText(value: object): boolean {
  if (typeof (value as { readonly toString?: unknown }).toString !== "function") return false;
  let holder: object | null = value;
  for (let i = 0; i < MAX_PROTOTYPES && holder !== null && !hasOwn(holder, "toString"); i++)
    holder = getPrototypeOf(holder);
  if (holder === null || holder === value) return true;
  const maker: unknown = getOwnPropertyDescriptor(holder, "constructor")?.value;
  const name: unknown = typeof maker === "function" ? getOwnPropertyDescriptor(maker, "name")?.value : undefined;
  return typeof name !== "string" || stringIndexOf(BUILT_IN, ` ${name} `) < 0;
}

function json(value: unknown): string {
  try {
    return StringCtor(stringify(value));
  } catch (thrown) {
    if (thrown instanceof TypeErrorCtor && stringIndexOf(StringCtor(thrown.message), "circular structure") >= 0)
      return "[Circular]";
    throw thrown;
  }
}

function attempt(write: () => string): string {
  try {
    return write();
  } catch {
    return "[value that throws]";
  }
}
