import { stringSlice, newList } from "./primordials.ts";
import { ENCODE, isDigit, percentEncode } from "./web-percent.ts";
import { parseHost } from "./web-url-host.ts";
import {
  addSegments,
  authorityEnd,
  encodeQuery,
  portColon,
  setFileHost,
  setPort,
  withoutBreaks,
} from "./web-url-parse.ts";
import { cannotHaveCredentials, defaultPort, isSpecial, schemeOf } from "./web-url-record.ts";
import type { UrlRecord } from "./web-url-record.ts";

// What the class URL's setters do, each after the standard's section of its name. A value that does not fit changes nothing.

/** Sets the scheme; special and other schemes do not change into one another. */
export function setProtocol(url: UrlRecord, value: string): void {
  const scheme = schemeOf(`${withoutBreaks(value)}:`);
  if (scheme === undefined || isSpecial(scheme) !== isSpecial(url.scheme)) return;
  if (scheme === "file" && (url.username !== "" || url.password !== "" || url.port !== undefined)) return;
  if (url.scheme === "file" && url.host === "") return;
  url.scheme = scheme;
  if (url.port === defaultPort(scheme)) url.port = undefined;
}

/** Sets the user name, encoded. */
export function setUsername(url: UrlRecord, value: string): void {
  if (!cannotHaveCredentials(url)) url.username = percentEncode(value, ENCODE.userinfo);
}

/** Sets the password, encoded. */
export function setPassword(url: UrlRecord, value: string): void {
  if (!cannotHaveCredentials(url)) url.password = percentEncode(value, ENCODE.userinfo);
}

/** Sets host and port, or the host alone. */
export function setHost(url: UrlRecord, value: string, withPort: boolean): void {
  if (typeof url.path === "string") return;
  const text = withoutBreaks(value);
  const special = isSpecial(url.scheme);
  const to = authorityEnd(text, 0, special);
  if (url.scheme === "file") {
    setFileHost(url, stringSlice(text, 0, to));
    return;
  }
  const colon = portColon(text, 0, to);
  const hostname = stringSlice(text, 0, colon);
  if (colon < to && (hostname === "" || !withPort)) return;
  if (hostname === "" && (special || url.username !== "" || url.password !== "" || url.port !== undefined)) return;
  const host = parseHost(hostname, !special);
  if (host === undefined) return;
  url.host = host;
  if (colon < to) setPort(url, digitsAt(text, colon + 1));
}

function digitsAt(text: string, from: number): string {
  let to = from;
  while (isDigit(text[to])) to++;
  return stringSlice(text, from, to);
}

/** Sets the port from the digits a text begins with; the empty text removes it. */
export function setPortText(url: UrlRecord, value: string): void {
  if (cannotHaveCredentials(url)) return;
  if (value === "") url.port = undefined;
  else setPort(url, digitsAt(withoutBreaks(value), 0));
}

/** Sets the path; opaque ones stay as they are. */
export function setPathname(url: UrlRecord, value: string): void {
  if (typeof url.path === "string") return;
  const text = withoutBreaks(value);
  const special = isSpecial(url.scheme);
  url.path = newList();
  if (text[0] === "/" || (special && text[0] === "\\")) addSegments(url, stringSlice(text, 1));
  else if (special || text !== "" || url.host === undefined) addSegments(url, text);
}

/** Sets the query, with or without its question mark; the empty text removes it. */
export function setSearch(url: UrlRecord, value: string): void {
  if (value === "") url.query = undefined;
  else url.query = encodeQuery(url, withoutBreaks(value[0] === "?" ? stringSlice(value, 1) : value));
}

/** Sets the fragment, with or without its hash; the empty text removes it. */
export function setFragment(url: UrlRecord, value: string): void {
  if (value === "") url.fragment = undefined;
  else url.fragment = percentEncode(withoutBreaks(value[0] === "#" ? stringSlice(value, 1) : value), ENCODE.fragment);
}
