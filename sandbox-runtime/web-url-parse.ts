import { append, NumberCtor, stringIndexOf, stringSlice, newList } from "./primordials.ts";
import { ENCODE, isDigit, percentEncode } from "./web-percent.ts";
import { parseHost } from "./web-url-host.ts";
import {
  copyPath,
  defaultPort,
  dotsOf,
  driveOf,
  emptyRecord,
  isSpecial,
  schemeOf,
  shortenPath,
  startsWithDrive,
} from "./web-url-record.ts";
import type { UrlRecord } from "./web-url-record.ts";

/**
 * Parses a URL.
 *
 * The standard's state machine, told as functions: each takes the text and the place where its part begins, and calls the
 * next; there is no state between them but the record.
 *
 * @param input Without lone surrogates.
 * @returns `undefined` for what is no URL.
 * @source WHATWG URL, basic URL parser
 */
export function parseUrl(input: string, base: UrlRecord | undefined): UrlRecord | undefined {
  const text = withoutBreaks(trimControls(input));
  const scheme = schemeOf(text);
  if (scheme === undefined) return base === undefined ? undefined : parseWithoutScheme(text, base);
  const at = scheme.length + 1;
  const url = emptyRecord(scheme);
  if (scheme === "file") return parseFile(url, text, at, base?.scheme === "file" ? base : undefined);
  if (isSpecial(scheme)) {
    const isRelative = base?.scheme === scheme && !(text[at] === "/" && text[at + 1] === "/");
    return isRelative ? parseRelative(text, at, base) : parseAuthority(url, text, skipSlashes(text, at));
  }
  if (text[at] === "/") {
    return text[at + 1] === "/" ? parseAuthority(url, text, at + 2) : parsePath(url, text, at + 1);
  }
  return parseOpaquePath(url, text, at);
}

function trimControls(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && (text[from] as string) <= " ") from++;
  while (to > from && (text[to - 1] as string) <= " ") to--;
  return stringSlice(text, from, to);
}

/** The text without tabs and line breaks. */
export function withoutBreaks(text: string): string {
  let out = "";
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "\t" && text[i] !== "\n" && text[i] !== "\r") continue;
    out += stringSlice(text, from, i);
    from = i + 1;
  }
  return from === 0 ? text : out + stringSlice(text, from);
}

function isSlash(letter: string | undefined, special: boolean): boolean {
  return letter === "/" || (special && letter === "\\");
}

function skipSlashes(text: string, from: number): number {
  let at = from;
  while (isSlash(text[at], true)) at++;
  return at;
}

function parseWithoutScheme(text: string, base: UrlRecord): UrlRecord | undefined {
  if (typeof base.path === "string") {
    if (text[0] !== "#") return undefined;
    const url = copyOf(base);
    url.path = base.path;
    return parseTail(url, text, 0);
  }
  return base.scheme === "file" ? parseFile(emptyRecord("file"), text, 0, base) : parseRelative(text, 0, base);
}

/** Everything of the base but the fragment. */
function copyOf(base: UrlRecord): UrlRecord {
  return { ...base, path: copyPath(base.path), fragment: undefined };
}

function parseRelative(text: string, at: number, base: UrlRecord): UrlRecord | undefined {
  const special = isSpecial(base.scheme);
  const url = copyOf(base);
  if (isSlash(text[at], special)) {
    if (isSlash(text[at + 1], special)) {
      return parseAuthority(emptyRecord(base.scheme), text, special ? skipSlashes(text, at + 2) : at + 2);
    }
    url.path = newList();
    url.query = undefined;
    return parsePath(url, text, at + 1);
  }
  return continueFrom(url, text, at);
}

/** The rest of a reference whose path goes on where the base's ends. */
function continueFrom(url: UrlRecord, text: string, at: number): UrlRecord {
  if (at < text.length && text[at] !== "?" && text[at] !== "#") {
    url.query = undefined;
    shortenPath(url);
    return parsePath(url, text, at);
  }
  return parseTail(url, text, at);
}

function parseFile(url: UrlRecord, text: string, at: number, base: UrlRecord | undefined): UrlRecord | undefined {
  url.host = "";
  if (!isSlash(text[at], true)) {
    if (base === undefined) return parsePath(url, text, at);
    const copy = copyOf(base);
    if (startsWithDrive(text, at)) copy.path = newList();
    else return continueFrom(copy, text, at);
    copy.query = undefined;
    return parsePath(copy, text, at);
  }
  if (isSlash(text[at + 1], true)) return parseFileHost(url, text, at + 2);
  if (base !== undefined) {
    url.host = base.host;
    const drive = driveOf(base);
    if (drive !== undefined && !startsWithDrive(text, at + 1)) append(url.path as string[], drive);
  }
  return parsePath(url, text, at + 1);
}

function parseFileHost(url: UrlRecord, text: string, from: number): UrlRecord | undefined {
  let to = from;
  while (to < text.length && stringIndexOf("/\\?#", text[to] as string) < 0) to++;
  // What looks like a host is a drive: the path begins here.
  if (to - from === 2 && startsWithDrive(text, from)) return parsePath(url, text, from);
  if (!setFileHost(url, stringSlice(text, from, to))) return undefined;
  return parsePathStart(url, text, to);
}

/** Sets the host of a `file` URL. @returns Whether it is one. */
export function setFileHost(url: UrlRecord, text: string): boolean {
  if (text === "") url.host = "";
  else {
    const host = parseHost(text, false);
    if (host === undefined) return false;
    url.host = host === "localhost" ? "" : host;
  }
  return true;
}

/** Place where the authority, and so the host, ends at the latest. */
export function authorityEnd(text: string, from: number, special: boolean): number {
  let at = from;
  while (at < text.length && text[at] !== "?" && text[at] !== "#" && !isSlash(text[at], special)) at++;
  return at;
}

function parseAuthority(url: UrlRecord, text: string, from: number): UrlRecord | undefined {
  const special = isSpecial(url.scheme);
  const to = authorityEnd(text, from, special);
  let hostAt = from;
  for (let i = from; i < to; i++) if (text[i] === "@") hostAt = i + 1;
  if (hostAt > from) {
    if (hostAt === to) return undefined;
    setCredentials(url, stringSlice(text, from, hostAt - 1));
  }
  const colon = portColon(text, hostAt, to);
  const hostname = stringSlice(text, hostAt, colon);
  if (hostname === "" && (special || colon < to)) return undefined;
  url.host = parseHost(hostname, !special);
  if (url.host === undefined) return undefined;
  if (colon < to) {
    for (let i = colon + 1; i < to; i++) if (!isDigit(text[i])) return undefined;
    if (!setPort(url, stringSlice(text, colon + 1, to))) return undefined;
  }
  return parsePathStart(url, text, to);
}

function setCredentials(url: UrlRecord, text: string): void {
  const colon = stringIndexOf(text, ":");
  url.username = percentEncode(colon < 0 ? text : stringSlice(text, 0, colon), ENCODE.userinfo);
  if (colon >= 0) url.password = percentEncode(stringSlice(text, colon + 1), ENCODE.userinfo);
}

/** Place of the colon before the port, outside brackets; `to` when there is none. */
export function portColon(text: string, from: number, to: number): number {
  let inBrackets = false;
  for (let i = from; i < to; i++) {
    if (text[i] === "[") inBrackets = true;
    else if (text[i] === "]") inBrackets = false;
    else if (text[i] === ":" && !inBrackets) return i;
  }
  return to;
}

/** Sets the port. @param digits Decimal digits only. @returns Whether it is a port. */
export function setPort(url: UrlRecord, digits: string): boolean {
  if (digits === "") return true;
  const port = NumberCtor(digits);
  if (port > 65_535) return false;
  url.port = port === defaultPort(url.scheme) ? undefined : port;
  return true;
}

/** The path after an authority: one that is not empty begins with a slash. */
function parsePathStart(url: UrlRecord, text: string, at: number): UrlRecord {
  const special = isSpecial(url.scheme);
  if (isSlash(text[at], special)) return parsePath(url, text, at + 1);
  if (special) return parsePath(url, text, at);
  return parseTail(url, text, at);
}

function parsePath(url: UrlRecord, text: string, at: number): UrlRecord {
  let to = at;
  while (to < text.length && text[to] !== "?" && text[to] !== "#") to++;
  addSegments(url, stringSlice(text, at, to));
  return parseTail(url, text, to);
}

/** Appends the segments of a path to the URL's, which is not opaque. @param text Without the leading slash. */
export function addSegments(url: UrlRecord, text: string): void {
  const special = isSpecial(url.scheme);
  const path = url.path as string[];
  for (let at = 0; at <= text.length; at++) {
    let to = at;
    while (to < text.length && !isSlash(text[to], special)) to++;
    const isLast = to === text.length;
    const segment = stringSlice(text, at, to);
    const dots = dotsOf(segment);
    if (dots === 2) shortenPath(url);
    if (dots > 0) {
      if (isLast) append(path, "");
    } else if (url.scheme === "file" && path.length === 0 && segment.length === 2 && startsWithDrive(segment, 0))
      append(path, `${segment[0]}:`);
    else append(path, percentEncode(segment, ENCODE.path));
    at = to;
  }
}

function parseOpaquePath(url: UrlRecord, text: string, at: number): UrlRecord {
  let to = at;
  while (to < text.length && text[to] !== "?" && text[to] !== "#") to++;
  const path = percentEncode(stringSlice(text, at, to), ENCODE.opaque);
  // A space at the end would be trimmed when the URL is parsed again.
  url.path = to < text.length && path[path.length - 1] === " " ? `${stringSlice(path, 0, -1)}%20` : path;
  return parseTail(url, text, to);
}

/** Query and fragment, at whose sign the text stands if there are any. */
function parseTail(url: UrlRecord, text: string, at: number): UrlRecord {
  const hash = stringIndexOf(text, "#", at);
  const to = hash < 0 ? text.length : hash;
  if (text[at] === "?") url.query = encodeQuery(url, stringSlice(text, at + 1, to));
  if (hash >= 0) url.fragment = percentEncode(stringSlice(text, hash + 1), ENCODE.fragment);
  return url;
}

/** A query as it stands in the URL. */
export function encodeQuery(url: UrlRecord, text: string): string {
  return percentEncode(text, isSpecial(url.scheme) ? ENCODE.specialQuery : ENCODE.query);
}
