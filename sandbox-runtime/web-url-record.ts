import { append, stringIndexOf, stringSlice, stringToLowerCase, newList } from "./primordials.ts";
import { isAlpha, isDigit } from "./web-percent.ts";

/** The parts of a URL, each as it is serialised. @source WHATWG URL, URL representation */
export interface UrlRecord {
  /** Without the colon. */
  scheme: string;
  username: string;
  password: string;
  /** Serialised; `undefined` when there is none, which is not the empty host. */
  host: string | undefined;
  /** `undefined` when it is the scheme's own. */
  port: number | undefined;
  /** The segments, or the text of an opaque path. */
  path: string[] | string;
  query: string | undefined;
  fragment: string | undefined;
}

/** A URL of which only the scheme is known. */
export function emptyRecord(scheme: string): UrlRecord {
  return {
    scheme,
    username: "",
    password: "",
    host: undefined,
    port: undefined,
    path: newList(),
    query: undefined,
    fragment: undefined,
  };
}

/** Port of a special scheme; `undefined` for `file` and for schemes that are not special. */
export function defaultPort(scheme: string): number | undefined {
  switch (scheme) {
    case "http":
    case "ws":
      return 80;
    case "https":
    case "wss":
      return 443;
    case "ftp":
      return 21;
    default:
      return undefined;
  }
}

/** Whether a scheme has the web's own rules. */
export function isSpecial(scheme: string): boolean {
  return scheme === "file" || defaultPort(scheme) !== undefined;
}

/** Whether the URL can have no user, password and port. */
export function cannotHaveCredentials(url: UrlRecord): boolean {
  return url.host === undefined || url.host === "" || url.scheme === "file";
}

/** Whether a text begins with a drive letter that is a whole segment. */
export function startsWithDrive(text: string, at: number): boolean {
  if (!isAlpha(text[at]) || (text[at + 1] !== ":" && text[at + 1] !== "|")) return false;
  const next = text[at + 2];
  return next === undefined || stringIndexOf("/\\?#", next) >= 0;
}

function isNormalDrive(segment: string | undefined): boolean {
  return segment !== undefined && segment.length === 2 && isAlpha(segment[0]) && segment[1] === ":";
}

/** The drive letter a `file` URL's path begins with. */
export function driveOf(url: UrlRecord): string | undefined {
  return typeof url.path === "object" && isNormalDrive(url.path[0]) ? url.path[0] : undefined;
}

/** Takes the last segment off, but never a drive letter. */
export function shortenPath(url: UrlRecord): void {
  const { path } = url;
  if (typeof path === "string" || path.length === 0) return;
  if (url.scheme === "file" && path.length === 1 && isNormalDrive(path[0])) return;
  path.length--;
}

/** The segments, copied; none for an opaque path. */
export function copyPath(path: readonly string[] | string): string[] {
  const copy: string[] = newList();
  if (typeof path === "object") for (let i = 0; i < path.length; i++) append(copy, path[i] as string);
  return copy;
}

/** The path as text. */
export function pathText(url: UrlRecord): string {
  const { path } = url;
  if (typeof path === "string") return path;
  let text = "";
  for (let i = 0; i < path.length; i++) text += `/${path[i] as string}`;
  return text;
}

/** Host and port as text. */
export function hostText(url: UrlRecord): string {
  return (url.host ?? "") + (url.port === undefined ? "" : `:${url.port}`);
}

/** The URL as text. @source WHATWG URL, URL serializer */
export function recordText(url: UrlRecord): string {
  let text = `${url.scheme}:`;
  if (url.host !== undefined) {
    text += "//";
    if (url.username !== "" || url.password !== "")
      text += `${url.username}${url.password === "" ? "" : `:${url.password}`}@`;
    text += hostText(url);
  } else if (typeof url.path === "object" && url.path.length > 1 && url.path[0] === "") text += "/.";
  text += pathText(url);
  if (url.query !== undefined) text += `?${url.query}`;
  return url.fragment === undefined ? text : `${text}#${url.fragment}`;
}

/** Whether a segment means this folder (1) or the one above (2); 0 for every other. */
export function dotsOf(segment: string): 0 | 1 | 2 {
  let dots = 0;
  for (let i = 0; i < segment.length; dots++) {
    if (segment[i] === ".") i++;
    else if (stringToLowerCase(stringSlice(segment, i, i + 3)) === "%2e") i += 3;
    else return 0;
    if (dots === 2) return 0;
  }
  return dots as 0 | 1 | 2;
}

/** The scheme a text begins with, in lower case; `undefined` when there is none. */
export function schemeOf(text: string): string | undefined {
  if (!isAlpha(text[0])) return undefined;
  let at = 1;
  while (isAlpha(text[at]) || isDigit(text[at]) || text[at] === "+" || text[at] === "-" || text[at] === ".") at++;
  return text[at] === ":" ? stringToLowerCase(stringSlice(text, 0, at)) : undefined;
}
