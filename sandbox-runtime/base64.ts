import { apply, charCodeAt, fromCharCode, typedArrayBuffer, Uint8ArrayCtor, Uint16ArrayCtor } from "./primordials.ts";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD = 61;
/** Bytes that are written at once: a multiple of three. */
const CHUNK = 12_288;
const NONE = 128;

/** Two digits for each number of 12 bits, as the two bytes of one number; made when they are first needed. */
let pairs: Uint16Array | undefined;
/** What each UTF-16 unit stands for; `NONE` for what is no digit. */
let values: Uint8Array | undefined;

function makePairs(): Uint16Array {
  const bytes = new Uint8ArrayCtor(2 * 4_096);
  for (let i = 0; i < 4_096; i++) {
    bytes[2 * i] = charCodeAt(DIGITS, i >> 6);
    bytes[2 * i + 1] = charCodeAt(DIGITS, i & 63);
  }
  return new Uint16ArrayCtor(typedArrayBuffer(bytes));
}

function makeValues(): Uint8Array {
  const table = new Uint8ArrayCtor(65_536);
  for (let i = 0; i < 65_536; i++) table[i] = NONE;
  for (let i = 0; i < 64; i++) table[charCodeAt(DIGITS, i)] = i;
  return table;
}

/** Base 64 of bytes. @source RFC 4648 §4 */
export function toBase64(bytes: Uint8Array, length: number): string {
  pairs ??= makePairs();
  const whole = length - (length % 3);
  let text = "";
  for (let from = 0; from < whole; from += CHUNK) {
    const to = from + CHUNK < whole ? from + CHUNK : whole;
    const units = new Uint16ArrayCtor(((to - from) / 3) * 2);
    let at = 0;
    for (let i = from; i < to; i += 3) {
      const three = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number);
      units[at++] = pairs[three >> 12] as number;
      units[at++] = pairs[three & 4_095] as number;
    }
    text += apply(fromCharCode, undefined, new Uint8ArrayCtor(typedArrayBuffer(units)) as unknown as number[]);
  }
  if (whole === length) return text;
  const first = bytes[whole] as number;
  if (whole + 1 === length) return `${text}${DIGITS[first >> 2]}${DIGITS[(first & 3) << 4]}==`;
  const second = bytes[whole + 1] as number;
  const middle = DIGITS[((first & 3) << 4) | (second >> 4)];
  return `${text}${DIGITS[first >> 2]}${middle}${DIGITS[(second & 15) << 2]}=`;
}

/**
 * The bytes of a base 64 text, with its padding and without spaces.
 *
 * @returns `undefined` for every other text. @source RFC 4648 §4
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const { length } = text;
  if (length % 4 !== 0) return undefined;
  if (length === 0) return new Uint8ArrayCtor(0);
  values ??= makeValues();
  const padding = charCodeAt(text, length - 1) !== PAD ? 0 : charCodeAt(text, length - 2) !== PAD ? 1 : 2;
  const bytes = new Uint8ArrayCtor((length / 4) * 3 - padding);
  const whole = padding === 0 ? length : length - 4;
  let seen = 0;
  let at = 0;
  for (let i = 0; i < whole; i += 4) {
    const a = values[charCodeAt(text, i)] as number;
    const b = values[charCodeAt(text, i + 1)] as number;
    const c = values[charCodeAt(text, i + 2)] as number;
    const d = values[charCodeAt(text, i + 3)] as number;
    seen |= a | b | c | d;
    bytes[at++] = (a << 2) | (b >> 4);
    bytes[at++] = (b << 4) | (c >> 2);
    bytes[at++] = (c << 6) | d;
  }
  if (padding > 0) {
    const a = values[charCodeAt(text, whole)] as number;
    const b = values[charCodeAt(text, whole + 1)] as number;
    const c = padding === 2 ? 0 : (values[charCodeAt(text, whole + 2)] as number);
    seen |= a | b | c;
    bytes[at++] = (a << 2) | (b >> 4);
    if (padding === 1) bytes[at] = (b << 4) | (c >> 2);
  }
  return (seen & NONE) === 0 ? bytes : undefined;
}
