import { toBase64 } from "./codec.ts";
import { append, charCodeAt, StringCtor, Uint8ArrayCtor } from "./primordials.ts";
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
  const sextets: number[] = [];
  let padding = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = charCodeAt(text, i);
    if (unit === 32 || unit === 9 || unit === 10 || unit === 12 || unit === 13) continue;
    if (unit === 61) padding++;
    else if (padding > 0) throw malformed(i);
    else append(sextets, sextet(unit) ?? throwMalformed(i));
  }
  const rest = sextets.length % 4;
  if (rest === 1 || padding > 2 || (padding > 0 && rest + padding !== 4)) throw malformed(text.length);
  const bytes = new Uint8ArrayCtor((sextets.length * 3) >> 2);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < sextets.length; i++) {
    held = ((held << 6) | (sextets[i] ?? 0)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >> bits;
  }
  return binaryText(bytes, 0, at);
}

function sextet(unit: number): number | undefined {
  if (unit >= 65 && unit <= 90) return unit - 65;
  if (unit >= 97 && unit <= 122) return unit - 71;
  if (unit >= 48 && unit <= 57) return unit + 4;
  return unit === 43 ? 62 : unit === 47 ? 63 : undefined;
}

function throwMalformed(at: number): never {
  throw malformed(at);
}

function malformed(at: number): Error {
  return domException(
    `Cannot decode the text as it must be base 64: it goes wrong at character ${at}`,
    "InvalidCharacterError",
  );
}
