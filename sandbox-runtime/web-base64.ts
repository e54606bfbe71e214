import { toBase64 } from "./base64.ts";
import { charCodeAt, StringCtor, Uint8ArrayCtor } from "./primordials.ts";
import { domException } from "./web-dom-exception.ts";
import { binaryText } from "./web-utf8.ts";

/** The global `btoa`: base 64 of a text whose characters are bytes. @throws InvalidCharacterError for others. */
export function btoa(data: unknown): string {
  const text = StringCtor(data);
  const { length } = text;
  const bytes = new Uint8ArrayCtor(length);
  for (let i = 0; i < length; i++) {
    const unit = charCodeAt(text, i);
    if (unit > 255) {
      throw domException(
        `Cannot encode the text as its characters must be below U+0100: one at ${i} is not; use TextEncoder for Unicode`,
        "InvalidCharacterError",
      );
    }
    bytes[i] = unit;
  }
  return toBase64(bytes, length);
}

/** The global `atob`: forgiving decoding. @source WHATWG Infra, forgiving-base64 decode */
export function atob(data: unknown): string {
  const text = StringCtor(data);
  const bytes = new Uint8ArrayCtor(((text.length + 3) >> 2) * 3);
  let digits = 0;
  let padding = 0;
  let held = 0;
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = charCodeAt(text, i);
    const value = unit < 128 ? (VALUES[unit] ?? NONE) : NONE;
    if (value < 64) {
      if (padding > 0) throw malformed(i);
      held = ((held << 6) | value) & 0xffff;
      const bits = (++digits & 3) * 6;
      if (bits !== 6) bytes[length++] = held >> (bits === 0 ? 0 : bits === 12 ? 4 : 2);
    } else if (value === PADDING) padding++;
    else if (value === NONE) throw malformed(i);
  }
  const rest = digits & 3;
  if (rest === 1 || padding > 2 || (padding > 0 && rest + padding !== 4)) throw malformed(text.length);
  return binaryText(bytes, 0, length);
}

const SPACE = 64;
const PADDING = 65;
const NONE = 66;
/** What each ASCII character stands for. */
const VALUES = new Uint8ArrayCtor(128);
for (let unit = 0; unit < 128; unit++) VALUES[unit] = valueOf(unit);

function valueOf(unit: number): number {
  if (unit >= 65 && unit <= 90) return unit - 65;
  if (unit >= 97 && unit <= 122) return unit - 71;
  if (unit >= 48 && unit <= 57) return unit + 4;
  if (unit === 43) return 62;
  if (unit === 47) return 63;
  if (unit === 61) return PADDING;
  return unit === 32 || unit === 9 || unit === 10 || unit === 12 || unit === 13 ? SPACE : NONE;
}

function malformed(at: number): Error {
  return domException(
    `Cannot decode the text as it must be base 64: it goes wrong at character ${at}`,
    "InvalidCharacterError",
  );
}
