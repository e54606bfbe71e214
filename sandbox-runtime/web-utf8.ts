import {
  append,
  apply,
  charCodeAt,
  decodeUri,
  encodeUri,
  escapeUnits,
  fromCharCode,
  fromCodePoint,
  stringToWellFormed,
  typedArrayBuffer,
  typedArrayLength,
  typedArrayOffset,
  Uint8ArrayCtor,
  unescapeUnits,
  newList,
} from "./primordials.ts";

/** Bytes that go into one native call. */
const CHUNK = 8_192;
/** Stands for what cannot be decoded. */
export const REPLACEMENT = "\uFFFD";

/** UTF-8 bytes of a text; lone surrogates become U+FFFD. */
export function utf8Encode(text: string): Uint8Array<ArrayBuffer> {
  const binary = unescapeUnits(encodeUri(stringToWellFormed(text)));
  const { length } = binary;
  const bytes = new Uint8ArrayCtor(length);
  for (let i = 0; i < length; i++) bytes[i] = charCodeAt(binary, i);
  return bytes;
}

/** The bytes from one place to another, not copied. */
export function viewPart(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8ArrayCtor(typedArrayBuffer(bytes), typedArrayOffset(bytes) + from, to - from);
}

/** The text in which each byte is the character of that number. */
export function binaryText(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at += CHUNK) {
    const part: unknown = viewPart(bytes, at, to - at < CHUNK ? to : at + CHUNK);
    text += apply(fromCharCode, undefined, part as number[]);
  }
  return text;
}

/**
 * Text of UTF-8 bytes, byte order mark included.
 *
 * @param fatal Whether malformed bytes make it `undefined`, and not U+FFFD.
 */
export function utf8Decode(bytes: Uint8Array, fatal: boolean): string | undefined {
  const length = typedArrayLength(bytes);
  let text = "";
  for (let at = 0; at < length;) {
    let end = at + CHUNK < length ? at + CHUNK : length;
    // A character is not cut in two, unless what is there is none.
    if (end < length) for (let back = 0; back < 3 && ((bytes[end] ?? 0) & 0xc0) === 0x80; back++) end--;
    const part = decodeStrictly(bytes, at, end);
    if (part === undefined && fatal) return undefined;
    text += part ?? decodeLossily(bytes, at, end);
    at = end;
  }
  return text;
}

function decodeStrictly(bytes: Uint8Array, from: number, to: number): string | undefined {
  try {
    return decodeUri(escapeUnits(binaryText(bytes, from, to)));
  } catch {
    return undefined; // A URIError: the bytes are not UTF-8.
  }
}

/** @source WHATWG Encoding, UTF-8 decoder */
function decodeLossily(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to;) {
    const lead = bytes[i] ?? 0;
    i++;
    const needed = trailLength(lead);
    let point = lead & (needed === 0 ? 0x7f : 0x3f >> needed);
    let ok = needed >= 0;
    for (let k = 0; ok && k < needed; k++) {
      const next = i < to ? (bytes[i] ?? 0) : 0;
      const lowest = k > 0 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      const highest = k > 0 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      ok = next >= lowest && next <= highest;
      if (ok) {
        point = (point << 6) | (next & 0x3f);
        i++;
      }
    }
    text += ok ? fromCodePoint(point) : REPLACEMENT;
  }
  return text;
}

/** Bytes that follow a lead byte; -1 when no character begins with it. */
function trailLength(lead: number): number {
  if (lead < 0x80) return 0;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  return lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
}

/** How many bytes at the end begin a character that is not complete yet. */
export function unfinishedLength(bytes: Uint8Array): number {
  const length = typedArrayLength(bytes);
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    if (trailLength(byte) < back) return 0;
    const start = length - back;
    const probe: number[] = newList();
    for (let i = start; i < length; i++) append(probe, bytes[i] ?? 0);
    return isPrefix(probe) ? back : 0;
  }
  return 0;
}

/** Whether more bytes could still make one character of these. */
function isPrefix(probe: readonly number[]): boolean {
  if (probe.length < 2) return true;
  const lead = probe[0] ?? 0;
  const second = probe[1] ?? 0;
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second <= 0x9f;
  if (lead === 0xf0) return second >= 0x90;
  if (lead === 0xf4) return second <= 0x8f;
  return true;
}
