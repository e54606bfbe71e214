import { isRecord } from "./guards.ts";

/**
 * JSON text that is the same for equal values: object keys sorted by code unit, no spaces. `undefined` members are left out
 * as `JSON.stringify` does.
 *
 * @param value Any JSON value; must not hold cycles.
 * @source RFC 8785 (JSON Canonicalization Scheme), whose number and string forms are those of `JSON.stringify`.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sortKeys(value)) ?? "null";
}

/** A value whose keys are sorted all the way down is given as it is: most are, and nothing is made for them. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) {
    const sorted = value.map(sortKeys);
    return sorted.every((item, at) => item === value[at]) ? value : sorted;
  }
  if (!isRecord(value)) return value;
  const keys = Object.keys(value);
  let changed: Map<string, unknown> | undefined;
  let inOrder = true;
  let last = "";
  for (const key of keys) {
    if (key < last) inOrder = false;
    last = key;
    const member = value[key];
    if (typeof member !== "object" || member === null) continue;
    const sorted = sortKeys(member);
    if (sorted !== member) (changed ??= new Map()).set(key, sorted);
  }
  if (inOrder && changed === undefined) return value;
  return Object.fromEntries(keys.sort().map((key) => [key, changed?.get(key) ?? value[key]]));
}

/** Parses JSON text from outside. @returns `undefined` when it is not JSON. */
export function parseJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/** One step of a JSON pointer: a key with its slash. @source RFC 6901 § 3 */
export function pointerStep(key: string): string {
  return `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The keys a JSON pointer steps through. @source RFC 6901 § 4 */
export function pointerKeys(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/**
 * Whether a JSON value is nested deeper than `max` levels: writing such a value as text may exhaust the stack.
 *
 * @param max Levels of arrays and objects; 0 takes only values without members. Bounds the recursion too.
 */
export function isDeeperThan(value: unknown, max: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (max <= 0) return true;
  return Object.values(value).some((member) => isDeeperThan(member, max - 1));
}
