import { append, charCodeAt, floor, stringIndexOf, stringSlice, newList } from "./primordials.ts";
import { domainToAscii } from "./web-idna.ts";
import { ENCODE, isDigit, isHex, percentDecode, percentEncode } from "./web-percent.ts";

const FORBIDDEN_IN_HOST = "\0\t\n\r #/:<>?@[\\]^|";

/**
 * The serialised host of a URL.
 *
 * @param isOpaque The scheme is none of the special ones: the host is then kept as it is, encoded.
 * @returns `undefined` for what is no host.
 * @source WHATWG URL, host parser
 */
export function parseHost(text: string, isOpaque: boolean): string | undefined {
  if (text[0] === "[") {
    const pieces = text[text.length - 1] === "]" ? parseIpv6(stringSlice(text, 1, -1)) : undefined;
    return pieces === undefined ? undefined : `[${serialiseIpv6(pieces)}]`;
  }
  if (isOpaque) return hasForbidden(text, false) ? undefined : percentEncode(text, ENCODE.opaque);
  const domain = domainToAscii(percentDecode(text));
  if (domain === undefined || domain === "" || hasForbidden(domain, true)) return undefined;
  return endsInNumber(domain) ? parseIpv4(domain) : domain;
}

function hasForbidden(text: string, isDomain: boolean): boolean {
  for (let i = 0; i < text.length; i++) {
    const letter = text[i] as string;
    if (stringIndexOf(FORBIDDEN_IN_HOST, letter) >= 0) return true;
    if (isDomain && (letter <= "\x1f" || letter === "%" || letter === "\x7f")) return true;
  }
  return false;
}

/** The dot-separated parts; an empty one at the end is left out when others are there. */
function ipv4Parts(domain: string): string[] {
  const parts: string[] = newList();
  let from = 0;
  for (let at = stringIndexOf(domain, "."); at >= 0; at = stringIndexOf(domain, ".", from)) {
    append(parts, stringSlice(domain, from, at));
    from = at + 1;
  }
  if (from < domain.length || parts.length === 0) append(parts, stringSlice(domain, from));
  return parts;
}

function endsInNumber(domain: string): boolean {
  const parts = ipv4Parts(domain);
  const last = parts[parts.length - 1] ?? "";
  return last !== "" && (isAll(last, isDigit) || (isHexPrefix(last) && isAll(stringSlice(last, 2), isHex)));
}

function isAll(text: string, is: (letter: string) => boolean): boolean {
  for (let i = 0; i < text.length; i++) if (!is(text[i] as string)) return false;
  return true;
}

function isHexPrefix(text: string): boolean {
  return text[0] === "0" && (text[1] === "x" || text[1] === "X");
}

function parseIpv4(domain: string): string | undefined {
  const parts = ipv4Parts(domain);
  const { length } = parts;
  if (length > 4) return undefined;
  let address = 0;
  for (let i = 0; i < length; i++) {
    const value = ipv4Number(parts[i] as string);
    const isLast = i === length - 1;
    if (value === undefined || value >= (isLast ? 256 ** (5 - length) : 256)) return undefined;
    address += isLast ? value : value * 256 ** (3 - i);
  }
  let text = "";
  for (let i = 3; i >= 0; i--) text += `${floor(address / 256 ** i) % 256}${i > 0 ? "." : ""}`;
  return text;
}

/** A number in decimal, octal or hexadecimal. */
function ipv4Number(part: string): number | undefined {
  if (part === "") return undefined;
  const radix = isHexPrefix(part) ? 16 : part.length > 1 && part[0] === "0" ? 8 : 10;
  let value = 0;
  for (let i = radix === 16 ? 2 : radix === 8 ? 1 : 0; i < part.length; i++) {
    const digit = hexValue(part[i]);
    if (digit === undefined || digit >= radix) return undefined;
    value = value * radix + digit;
  }
  return value;
}

function hexValue(letter: string | undefined): number | undefined {
  if (letter === undefined || !isHex(letter)) return undefined;
  const unit = charCodeAt(letter, 0);
  return unit <= 57 ? unit - 48 : (unit | 32) - 87;
}

/** @source WHATWG URL, IPv6 parser */
function parseIpv6(text: string): readonly number[] | undefined {
  const pieces: number[] = newList();
  let compressedAt: number | undefined;
  let at = 0;
  if (text[0] === ":") {
    if (text[1] !== ":") return undefined;
    at = 2;
    compressedAt = 0;
  }
  while (at < text.length) {
    // Two colons stand for one piece at least.
    const used = pieces.length + (compressedAt === undefined ? 0 : 1);
    if (used === 8) return undefined;
    if (text[at] === ":") {
      if (compressedAt !== undefined) return undefined;
      at++;
      compressedAt = pieces.length;
      continue;
    }
    const start = at;
    let value = 0;
    for (let digit = hexValue(text[at]); digit !== undefined && at - start < 4; digit = hexValue(text[++at]))
      value = value * 16 + digit;
    if (text[at] === ".") {
      if (at === start || used > 6 || !appendIpv4(pieces, stringSlice(text, start))) return undefined;
      break;
    }
    if (text[at] === ":") {
      if (++at === text.length) return undefined;
    } else if (at < text.length) return undefined;
    append(pieces, value);
  }
  return expand(pieces, compressedAt);
}

/** Puts zeros where `::` was. */
function expand(pieces: readonly number[], compressedAt: number | undefined): readonly number[] | undefined {
  if (compressedAt === undefined) return pieces.length === 8 ? pieces : undefined;
  const all: number[] = newList();
  for (let i = 0; i < compressedAt; i++) append(all, pieces[i] ?? 0);
  for (let i = pieces.length; i < 8; i++) append(all, 0);
  for (let i = compressedAt; i < pieces.length; i++) append(all, pieces[i] ?? 0);
  return all;
}

/** Four decimal numbers at the end of an IPv6 address. @returns Whether they are well formed. */
function appendIpv4(pieces: number[], text: string): boolean {
  const bytes: number[] = newList();
  let at = 0;
  for (let i = 0; i < 4; i++) {
    if (i > 0 && text[at++] !== ".") return false;
    if (!isDigit(text[at])) return false;
    let value = 0;
    for (const start = at; isDigit(text[at]); at++) {
      if (value === 0 && at > start) return false;
      value = value * 10 + (hexValue(text[at]) ?? 0);
      if (value > 255) return false;
    }
    append(bytes, value);
  }
  append(pieces, (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0));
  append(pieces, (bytes[2] ?? 0) * 256 + (bytes[3] ?? 0));
  return at === text.length;
}

/** @source WHATWG URL, IPv6 serializer */
function serialiseIpv6(pieces: readonly number[]): string {
  let zerosAt = -1;
  let zeros = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (pieces[i + length] === 0) length++;
    if (length > zeros) {
      zerosAt = i;
      zeros = length;
    }
    i += length;
  }
  let text = "";
  for (let i = 0; i < 8; i++) {
    if (i === zerosAt) {
      text += i === 0 ? "::" : ":";
      i += zeros - 1;
      continue;
    }
    text += hexText(pieces[i] ?? 0) + (i < 7 ? ":" : "");
  }
  return text;
}

function hexText(value: number): string {
  let text = "";
  for (let rest = value; rest > 0 || text === ""; rest >>= 4) text = `${"0123456789abcdef"[rest & 15]}${text}`;
  return text;
}
