import {
  append,
  define,
  apply,
  iteratorSymbol,
  objectKeys,
  StringCtor,
  stringSlice,
  stringToWellFormed,
  TypeErrorCtor,
  newList,
} from "./primordials.ts";
import { showAs } from "./shown.ts";
import { formText, parseForm } from "./web-form-text.ts";
import type { Pair } from "./web-form-text.ts";

function text(value: unknown): string {
  return stringToWellFormed(StringCtor(value));
}

/** The pairs of a constructor's argument: a text, a list of pairs, or a record. */
function pairsOf(init: unknown): Pair[] {
  if (typeof init !== "object" && typeof init !== "function") {
    const query = text(init);
    return parseForm(query[0] === "?" ? stringSlice(query, 1) : query);
  }
  const pairs: Pair[] = newList();
  if (init === null) return parseForm("null");
  if ((init as { [iteratorSymbol]?: unknown })[iteratorSymbol] === undefined) {
    const keys = objectKeys(init);
    for (let i = 0; i < keys.length; i++) {
      const name = keys[i] as string;
      append(pairs, { name: text(name), value: text((init as Record<string, unknown>)[name]) });
    }
    return pairs;
  }
  for (const entry of init as Iterable<Iterable<unknown>>) {
    const both: unknown[] = newList();
    if (typeof entry === "object" && entry !== null) for (const member of entry) append(both, member);
    if (both.length !== 2)
      throw new TypeErrorCtor("Cannot read query parameters: each must be a pair of name and value");
    append(pairs, { name: text(both[0]), value: text(both[1]) });
  }
  return pairs;
}

/** A stable sort by names, in UTF-16 units. */
function sorted(pairs: readonly Pair[]): Pair[] {
  if (pairs.length < 2) return pairs as Pair[];
  const half = pairs.length >> 1;
  const left: Pair[] = newList();
  const right: Pair[] = newList();
  for (let i = 0; i < pairs.length; i++) append(i < half ? left : right, pairs[i] as Pair);
  const a = sorted(left);
  const b = sorted(right);
  const out: Pair[] = newList();
  for (let i = 0, j = 0; out.length < pairs.length;) {
    const x = a[i];
    const y = b[j];
    const takesLeft = x !== undefined && (y === undefined || x.name <= y.name);
    append(out, (takesLeft ? a[i++] : b[j++]) as Pair);
  }
  return out;
}

/** Keeps the pairs that pass. */
function filtered(pairs: readonly Pair[], keeps: (pair: Pair, index: number) => boolean): Pair[] {
  const kept: Pair[] = newList();
  for (let i = 0; i < pairs.length; i++) if (keeps(pairs[i] as Pair, i)) append(kept, pairs[i] as Pair);
  return kept;
}

function matcher(name: unknown, value: unknown): (pair: Pair) => boolean {
  const wantedName = text(name);
  const wanted = value === undefined ? undefined : text(value);
  return (pair) => pair.name === wantedName && (wanted === undefined || pair.value === wanted);
}

function needs(count: number, given: readonly unknown[]): void {
  if (given.length < count)
    throw new TypeErrorCtor(`Cannot go on as ${count} argument(s) are needed: ${given.length} were given`);
}

/** Parameters of a URL. @param onChange Called after each change with the new query. */
export let paramsOf: (query: string, onChange: (query: string) => void) => URLSearchParams;

/** Reads the parameters of a URL anew, without telling of a change. */
export let resetParams: (params: URLSearchParams, query: string) => void;

/** @source WHATWG URL, URLSearchParams class */
export class URLSearchParams {
  #pairs: Pair[];
  #onChange: ((query: string) => void) | undefined;

  static {
    paramsOf = (query, onChange) => {
      const params = new URLSearchParams(query);
      params.#onChange = onChange;
      return params;
    };
    resetParams = (params, query) => {
      params.#pairs = parseForm(query);
    };
  }

  constructor(init: unknown = "") {
    this.#pairs = pairsOf(init);
    showAs(
      this,
      () => `URLSearchParams { ${formText(this.#pairs)} }`,
      () => formText(this.#pairs),
    );
  }

  #set(pairs: Pair[]): void {
    this.#pairs = pairs;
    this.#onChange?.(formText(pairs));
  }

  get size(): number {
    return this.#pairs.length;
  }

  append(...args: readonly unknown[]): void {
    needs(2, args);
    const pair = { name: text(args[0]), value: text(args[1]) };
    append(this.#pairs, pair);
    this.#set(this.#pairs);
  }

  delete(...args: readonly unknown[]): void {
    needs(1, args);
    const matches = matcher(args[0], args[1]);
    this.#set(filtered(this.#pairs, (pair) => !matches(pair)));
  }

  get(...args: readonly unknown[]): string | null {
    needs(1, args);
    return filtered(this.#pairs, matcher(args[0], undefined))[0]?.value ?? null;
  }

  getAll(...args: readonly unknown[]): string[] {
    needs(1, args);
    const values: string[] = [];
    const found = filtered(this.#pairs, matcher(args[0], undefined));
    for (let i = 0; i < found.length; i++) define(values, i, (found[i] as Pair).value, true);
    return values;
  }

  has(...args: readonly unknown[]): boolean {
    needs(1, args);
    return filtered(this.#pairs, matcher(args[0], args[1])).length > 0;
  }

  set(...args: readonly unknown[]): void {
    needs(2, args);
    const matches = matcher(args[0], undefined);
    const pair = { name: text(args[0]), value: text(args[1]) };
    let first: Pair | undefined;
    const kept = filtered(this.#pairs, (other) => {
      if (!matches(other)) return true;
      first ??= other;
      return first === other;
    });
    if (first === undefined) append(kept, pair);
    else first.value = pair.value;
    this.#set(kept);
  }

  sort(): void {
    this.#set(sorted(this.#pairs));
  }

  forEach(callback: unknown, thisArg?: unknown): void {
    if (typeof callback !== "function") throw new TypeErrorCtor("Cannot iterate: the argument must be a function");
    for (let i = 0; i < this.#pairs.length; i++) {
      const { name, value } = this.#pairs[i] as Pair;
      apply(callback, thisArg, [value, name, this]);
    }
  }

  toString(): string {
    return formText(this.#pairs);
  }

  *entries(): Generator<[string, string]> {
    for (let i = 0; i < this.#pairs.length; i++) {
      const { name, value } = this.#pairs[i] as Pair;
      yield [name, value];
    }
  }

  *keys(): Generator<string> {
    for (let i = 0; i < this.#pairs.length; i++) yield (this.#pairs[i] as Pair).name;
  }

  *values(): Generator<string> {
    for (let i = 0; i < this.#pairs.length; i++) yield (this.#pairs[i] as Pair).value;
  }

  [iteratorSymbol](): Generator<[string, string]> {
    return this.entries();
  }
}
