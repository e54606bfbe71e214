import { boundText, byteLength } from "../lib/bounded-text.ts";
import type { JsonValue } from "../lib/guards.ts";

/** Smallest place a value is squeezed into: any number and any note of a cut fits. */
const MIN_BYTES = 32;
/** Smallest place in which a list or an object still shows a part of itself. */
const MIN_CONTAINER_BYTES = 96;
/** Place kept for the note that ends a cut list or object, its comma and quotes included. */
const NOTE_BYTES = 48;

type JsonObject = Readonly<Record<string, JsonValue>>;
type Sizes = Map<object, number>;

/** Size of a JSON value as text in UTF-8 bytes. */
export function jsonBytes(value: JsonValue): number {
  return byteLength(JSON.stringify(value));
}

/**
 * Cuts a JSON value to at most `maxBytes` of JSON text, as a value that is still JSON and says what was cut: the tail of
 * texts and lists, and of objects the larger members first.
 *
 * @param maxBytes At least 32; less counts as 32.
 * @returns The value itself when it fits.
 */
export function boundJson(value: JsonValue, maxBytes: number): { readonly value: JsonValue; readonly cut: boolean } {
  const budget = Math.max(MIN_BYTES, maxBytes);
  const sizes: Sizes = new Map();
  if (measure(value, sizes) <= budget) return { value, cut: false };
  return { value: shrink(value, budget, sizes), cut: true };
}

function measure(value: JsonValue, sizes: Sizes): number {
  if (typeof value !== "object" || value === null) return jsonBytes(value);
  const known = sizes.get(value);
  if (known !== undefined) return known;
  let size = 2;
  if (isList(value)) {
    for (const item of value) size += measure(item, sizes) + 1;
    if (value.length > 0) size -= 1;
  } else {
    const entries = Object.entries(value);
    for (const [key, member] of entries) size += keyBytes(key) + measure(member, sizes);
    if (entries.length > 0) size -= 1;
  }
  sizes.set(value, size);
  return size;
}

function shrink(value: JsonValue, budget: number, sizes: Sizes): JsonValue {
  if (measure(value, sizes) <= budget) return value;
  if (typeof value === "string") return shrinkText(value, budget);
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) {
    return budget < MIN_CONTAINER_BYTES ? `… [${value.length} items cut]` : shrinkList(value, budget, sizes);
  }
  return budget < MIN_CONTAINER_BYTES
    ? `… [${Object.keys(value).length} members cut]`
    : shrinkObject(value, budget, sizes);
}

/** Escapes make the JSON text longer than the text, so the kept part is tried smaller until it fits. */
function shrinkText(value: string, budget: number): string {
  for (let keep = budget - MIN_BYTES + 2; keep > 0; keep = Math.floor(keep * 0.8)) {
    const kept = boundText(value, keep);
    if (jsonBytes(kept) <= budget) return kept;
  }
  return boundText(value, 0);
}

/** The head of a list; an item that is too large gets half of what is left, so that others are seen too. */
function shrinkList(items: readonly JsonValue[], budget: number, sizes: Sizes): JsonValue {
  const kept: JsonValue[] = [];
  let left = budget - 2 - NOTE_BYTES;
  for (const item of items) {
    const whole = measure(item, sizes) + 1;
    if (whole <= left) {
      kept.push(item);
      left -= whole;
      continue;
    }
    const share = Math.floor(left / 2) - 1;
    if (share < MIN_BYTES) break;
    const part = shrink(item, share, sizes);
    kept.push(part);
    left -= jsonBytes(part) + 1;
  }
  const dropped = items.length - kept.length;
  return dropped === 0 ? kept : [...kept, `… [${dropped} more items cut]`];
}

/** Members in their order; small ones stay whole, large ones share evenly what those leave. */
function shrinkObject(value: JsonObject, budget: number, sizes: Sizes): JsonValue {
  const all = Object.entries(value);
  let left = budget - 2 - NOTE_BYTES;
  const entries: [string, JsonValue][] = [];
  for (const entry of all) {
    const cost = keyBytes(entry[0]) + MIN_BYTES;
    if (cost > left) break;
    left -= cost;
    entries.push(entry);
  }
  left += entries.length * MIN_BYTES;
  const shares = new Map<string, JsonValue>();
  const bySize = entries.toSorted((a, b) => measure(a[1], sizes) - measure(b[1], sizes));
  for (const [index, [key, member]] of bySize.entries()) {
    const part = shrink(member, Math.floor(left / (bySize.length - index)), sizes);
    shares.set(key, part);
    left -= part === member ? measure(member, sizes) : jsonBytes(part);
  }
  const kept = entries.map(([key]): [string, JsonValue] => [key, shares.get(key) ?? null]);
  const dropped = all.length - kept.length;
  return Object.fromEntries(dropped === 0 ? kept : [...kept, ["…", `[${dropped} more members cut]`]]);
}

/** Bytes of `"key":` and a comma. */
function keyBytes(key: string): number {
  return jsonBytes(key) + 2;
}

function isList(value: readonly JsonValue[] | JsonObject): value is readonly JsonValue[] {
  return Array.isArray(value);
}
