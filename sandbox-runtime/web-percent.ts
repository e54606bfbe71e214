import {
  charCodeAt,
  decodeUri,
  encodeUri,
  NumberCtor,
  stringIndexOf,
  stringSlice,
  stringToWellFormed,
  Uint8ArrayCtor,
} from "./primordials.ts";
import { utf8Decode, viewPart } from "./web-utf8.ts";

/**
 * Printable ASCII characters that each part of a URL encodes besides all controls and everything above ASCII.
 *
 * @source WHATWG URL, percent-encode sets
 */
export const ENCODE = {
  opaque: "",
  fragment: ' "<>`',
  query: ' "#<>',
  specialQuery: ` "#<>'`,
  path: ' "#<>?^`{}',
  userinfo: ' "#<>?^`{}/:;=@[\\]|',
} as const;

/** Percent-encodes as UTF-8 the characters above ASCII, the controls, and those of `set`. */
export function percentEncode(text: string, set: string): string {
  let out = "";
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = charCodeAt(text, i);
    if (unit > 0x1f && unit < 0x7f && stringIndexOf(set, text[i] as string) < 0) continue;
    const start = i;
    // What is above ASCII goes through the native encoder in runs, so that surrogate pairs stay whole.
    if (unit > 0x7f) while (i + 1 < text.length && charCodeAt(text, i + 1) > 0x7f) i++;
    const run = stringSlice(text, start, i + 1);
    out += stringSlice(text, from, start) + (unit > 0x7f ? encodeUri(stringToWellFormed(run)) : byteEncode(unit));
    from = i + 1;
  }
  return from === 0 ? text : out + stringSlice(text, from);
}

const HEX = "0123456789ABCDEF";

function byteEncode(byte: number): string {
  return `%${HEX[byte >> 4]}${HEX[byte & 15]}`;
}

/** Decodes `%XX` as UTF-8; malformed bytes become U+FFFD, other percent signs stay. */
export function percentDecode(text: string): string {
  if (stringIndexOf(text, "%") < 0) return text;
  try {
    return decodeUri(text);
  } catch {
    return decodeLeniently(text); // A URIError: not every percent sign begins a well-formed character.
  }
}

function decodeLeniently(text: string): string {
  let out = "";
  for (let i = 0; i < text.length;) {
    if (hexByte(text, i) === undefined) {
      out += text[i++];
      continue;
    }
    const bytes = new Uint8ArrayCtor((text.length - i) / 3);
    let length = 0;
    for (let byte = hexByte(text, i); byte !== undefined; byte = hexByte(text, i)) {
      bytes[length++] = byte;
      i += 3;
    }
    out += utf8Decode(viewPart(bytes, 0, length), false) ?? "";
  }
  return out;
}

function hexByte(text: string, at: number): number | undefined {
  if (text[at] !== "%" || !isHex(text[at + 1]) || !isHex(text[at + 2])) return undefined;
  return NumberCtor(`0x${stringSlice(text, at + 1, at + 3)}`);
}

/** Whether a letter is a hexadecimal digit. */
export function isHex(letter: string | undefined): boolean {
  return (
    isDigit(letter) || (letter !== undefined && ((letter >= "a" && letter <= "f") || (letter >= "A" && letter <= "F")))
  );
}

/** Whether a letter is a decimal digit. */
export function isDigit(letter: string | undefined): boolean {
  return letter !== undefined && letter >= "0" && letter <= "9";
}

/** Whether a letter is one of ASCII. */
export function isAlpha(letter: string | undefined): boolean {
  return letter !== undefined && ((letter >= "a" && letter <= "z") || (letter >= "A" && letter <= "Z"));
}
