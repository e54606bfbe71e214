import {
  arrayBufferByteLength,
  charCodeAt,
  define,
  fromCharCode,
  isView,
  passes,
  RangeErrorCtor,
  StringCtor,
  stringIndexOf,
  stringSlice,
  stringToLowerCase,
  stringToWellFormed,
  TypeErrorCtor,
  typedArrayLength,
  typedArrayTag,
  Uint8ArrayCtor,
} from "./primordials.ts";
import { bytesOf } from "./codec.ts";
import { REPLACEMENT, unfinishedLength, utf8Decode, utf8Encode, viewPart } from "./web-utf8.ts";

type Encoding = "utf-8" | "utf-16le";

/** Labels an encoding goes by. @source WHATWG Encoding, names and labels */
function encodingOf(label: unknown): Encoding {
  const asked = StringCtor(label);
  switch (stringToLowerCase(trimSpaces(asked))) {
    case "unicode-1-1-utf-8":
    case "unicode11utf8":
    case "unicode20utf8":
    case "utf-8":
    case "utf8":
    case "x-unicode20utf8":
      return "utf-8";
    case "csunicode":
    case "iso-10646-ucs-2":
    case "ucs-2":
    case "unicode":
    case "unicodefeff":
    case "utf-16":
    case "utf-16le":
      return "utf-16le";
    default:
      throw new RangeErrorCtor(`Cannot decode "${asked}": the encodings here are utf-8 and utf-16le`);
  }
}

/** @source WHATWG Encoding, TextEncoder */
export class TextEncoder {
  get encoding(): string {
    return "utf-8";
  }

  encode(input: unknown = ""): Uint8Array {
    return utf8Encode(StringCtor(input));
  }

  encodeInto(source: unknown, destination: unknown): { read: number; written: number } {
    if (!isView(destination) || typedArrayTag(destination) !== "Uint8Array")
      throw new TypeErrorCtor("Cannot encode into the second argument: it must be a Uint8Array");
    const text = stringToWellFormed(StringCtor(source));
    const room = typedArrayLength(destination);
    const bytes = destination as Uint8Array;
    let read = 0;
    let written = 0;
    while (read < text.length) {
      const units = isHighSurrogate(charCodeAt(text, read)) ? 2 : 1;
      const encoded = utf8Encode(stringSlice(text, read, read + units));
      const size = typedArrayLength(encoded);
      if (written + size > room) break;
      for (let i = 0; i < size; i++) bytes[written + i] = encoded[i] ?? 0;
      read += units;
      written += size;
    }
    return { read, written };
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** @source WHATWG Encoding, TextDecoder */
export class TextDecoder {
  readonly #encoding: Encoding;
  readonly #fatal: boolean;
  readonly #ignoreBom: boolean;
  /** Bytes of a character that is not complete yet. */
  #held: Uint8Array | undefined;
  /** A part of the stream has been decoded: what looks like a byte order mark now is none. */
  #started = false;

  constructor(label: unknown = "utf-8", options?: { readonly fatal?: unknown; readonly ignoreBOM?: unknown } | null) {
    this.#encoding = encodingOf(label);
    this.#fatal = !!options?.fatal;
    this.#ignoreBom = !!options?.ignoreBOM;
  }

  get encoding(): string {
    return this.#encoding;
  }

  get fatal(): boolean {
    return this.#fatal;
  }

  get ignoreBOM(): boolean {
    return this.#ignoreBom;
  }

  decode(input?: unknown, options?: { readonly stream?: unknown } | null): string {
    const streams = !!options?.stream;
    let bytes = joined(this.#held, viewOf(input));
    this.#held = undefined;
    if (streams) {
      const length = typedArrayLength(bytes);
      const kept = this.#encoding === "utf-8" ? unfinishedLength(bytes) : unfinishedUnits(bytes);
      this.#held = new Uint8ArrayCtor(viewPart(bytes, length - kept, length));
      bytes = viewPart(bytes, 0, length - kept);
    }
    const decoded = this.#encoding === "utf-8" ? utf8Decode(bytes, this.#fatal) : utf16Decode(bytes, this.#fatal);
    if (decoded === undefined) {
      this.#started = false;
      this.#held = undefined;
      throw malformed(this.#encoding);
    }
    const skips = !this.#ignoreBom && !this.#started && decoded[0] === "\uFEFF";
    this.#started = streams && (this.#started || decoded !== "");
    return skips ? stringSlice(decoded, 1) : decoded;
  }
}

function malformed(encoding: Encoding): Error {
  const error = new TypeErrorCtor(`Cannot decode the bytes as they must be ${encoding}: they are not`);
  define(error, "code", "ERR_ENCODING_INVALID_ENCODED_DATA", true);
  return error;
}

/** The bytes of an argument, not copied. */
function viewOf(input: unknown): Uint8Array {
  if (input === undefined) return new Uint8ArrayCtor(0);
  if (isView(input)) return bytesOf(input, typedArrayTag(input) === undefined ? "dataView" : "bytes");
  if (passes(arrayBufferByteLength, input)) return bytesOf(input as object, "arrayBuffer");
  throw new TypeErrorCtor("Cannot decode the argument: it must be an ArrayBuffer or a view of one");
}

function joined(held: Uint8Array | undefined, bytes: Uint8Array): Uint8Array {
  if (held === undefined) return bytes;
  const heldLength = typedArrayLength(held);
  const length = typedArrayLength(bytes);
  const all = new Uint8ArrayCtor(heldLength + length);
  for (let i = 0; i < heldLength; i++) all[i] = held[i] ?? 0;
  for (let i = 0; i < length; i++) all[heldLength + i] = bytes[i] ?? 0;
  return all;
}

/** @source WHATWG Encoding, shared UTF-16 decoder */
function utf16Decode(bytes: Uint8Array, fatal: boolean): string | undefined {
  const length = typedArrayLength(bytes);
  let binary = "";
  for (let at = 0; at + 1 < length; at += 2) binary += fromCharCode((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
  let text = stringToWellFormed(binary);
  const isOdd = length % 2 === 1;
  if (fatal) return isOdd || text !== binary ? undefined : text;
  const endsOpen = isOdd && length > 1 && isHighSurrogate((bytes[length - 2] ?? 0) << 8);
  // An incomplete character is one error, whether its half or only a byte of it is there.
  if (isOdd && !endsOpen) text += REPLACEMENT;
  return text;
}

/** How many bytes at the end are half a unit, or half a pair. */
function unfinishedUnits(bytes: Uint8Array): number {
  const length = typedArrayLength(bytes);
  const odd = length % 2;
  return length - odd >= 2 && isHighSurrogate((bytes[length - odd - 1] ?? 0) << 8) ? odd + 2 : odd;
}

/** The text without ASCII white space around it. */
function trimSpaces(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && stringIndexOf("\t\n\f\r ", text[from] as string) >= 0) from++;
  while (to > from && stringIndexOf("\t\n\f\r ", text[to - 1] as string) >= 0) to--;
  return stringSlice(text, from, to);
}
