import { StringCtor, stringSlice, stringToWellFormed, TypeErrorCtor } from "./primordials.ts";
import { showAs } from "./shown.ts";
import { paramsOf, resetParams } from "./web-search-params.ts";
import type { URLSearchParams } from "./web-search-params.ts";
import {
  setFragment,
  setHost,
  setPassword,
  setPathname,
  setPortText,
  setProtocol,
  setSearch,
  setUsername,
} from "./web-url-set.ts";
import { parseUrl } from "./web-url-parse.ts";
import { hostText, isSpecial, pathText, recordText } from "./web-url-record.ts";
import type { UrlRecord } from "./web-url-record.ts";

const MAX_SHOWN = 200;

function text(value: unknown): string {
  return stringToWellFormed(StringCtor(value));
}

/** Parses a reference against a base, both as a script gave them. @returns `undefined` when one of them is no URL. */
function resolve(url: unknown, base: unknown): UrlRecord | undefined {
  const input = text(url);
  const from = base === undefined ? undefined : parseUrl(text(base), undefined);
  return base !== undefined && from === undefined ? undefined : parseUrl(input, from);
}

function parseOrThrow(url: unknown, base: unknown): UrlRecord {
  const record = resolve(url, base);
  if (record !== undefined) return record;
  const shown = `"${stringSlice(text(url), 0, MAX_SHOWN)}"`;
  const against = base === undefined ? "" : ` with the base "${stringSlice(text(base), 0, MAX_SHOWN)}"`;
  throw new TypeErrorCtor(`Invalid URL: cannot parse ${shown}${against}`);
}

/** Origin of a URL; opaque ones are the text `null`. @source WHATWG URL, origin */
function originOf(url: UrlRecord): string {
  if (url.scheme === "blob") {
    const inner = typeof url.path === "string" ? parseUrl(url.path, undefined) : undefined;
    return inner !== undefined && (inner.scheme === "http" || inner.scheme === "https") ? originOf(inner) : "null";
  }
  return isSpecial(url.scheme) && url.scheme !== "file" ? `${url.scheme}://${hostText(url)}` : "null";
}

/** @source WHATWG URL, URL class */
export class URL {
  #record: UrlRecord;
  #params: URLSearchParams | undefined;

  constructor(url: unknown, base?: unknown) {
    this.#record = parseOrThrow(url, base);
    showAs(this, () => `URL { ${recordText(this.#record)} }`);
  }

  static canParse(url: unknown, base?: unknown): boolean {
    return resolve(url, base) !== undefined;
  }

  static parse(url: unknown, base?: unknown): URL | null {
    return resolve(url, base) === undefined ? null : new URL(url, base);
  }

  #readParams(): void {
    if (this.#params !== undefined) resetParams(this.#params, this.#record.query ?? "");
  }

  get href(): string {
    return recordText(this.#record);
  }
  set href(value: unknown) {
    this.#record = parseOrThrow(value, undefined);
    this.#readParams();
  }

  get origin(): string {
    return originOf(this.#record);
  }

  get protocol(): string {
    return `${this.#record.scheme}:`;
  }
  set protocol(value: unknown) {
    setProtocol(this.#record, text(value));
  }

  get username(): string {
    return this.#record.username;
  }
  set username(value: unknown) {
    setUsername(this.#record, text(value));
  }

  get password(): string {
    return this.#record.password;
  }
  set password(value: unknown) {
    setPassword(this.#record, text(value));
  }

  get host(): string {
    return hostText(this.#record);
  }
  set host(value: unknown) {
    setHost(this.#record, text(value), true);
  }

  get hostname(): string {
    return this.#record.host ?? "";
  }
  set hostname(value: unknown) {
    setHost(this.#record, text(value), false);
  }

  get port(): string {
    return this.#record.port === undefined ? "" : `${this.#record.port}`;
  }
  set port(value: unknown) {
    setPortText(this.#record, text(value));
  }

  get pathname(): string {
    return pathText(this.#record);
  }
  set pathname(value: unknown) {
    setPathname(this.#record, text(value));
  }

  get search(): string {
    const { query } = this.#record;
    return query === undefined || query === "" ? "" : `?${query}`;
  }
  set search(value: unknown) {
    setSearch(this.#record, text(value));
    this.#readParams();
  }

  get searchParams(): URLSearchParams {
    this.#params ??= paramsOf(this.#record.query ?? "", (query) => {
      this.#record.query = query === "" ? undefined : query;
    });
    return this.#params;
  }

  get hash(): string {
    const { fragment } = this.#record;
    return fragment === undefined || fragment === "" ? "" : `#${fragment}`;
  }
  set hash(value: unknown) {
    setFragment(this.#record, text(value));
  }

  toString(): string {
    return recordText(this.#record);
  }

  toJSON(): string {
    return recordText(this.#record);
  }
}
