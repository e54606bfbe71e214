import { fromBase64 } from "./base64.ts";
import { MAX_DEPTH } from "./codec.ts";
import { define, hasOwn, isArray, objectKeys, parse, stringIndexOf } from "./primordials.ts";

const BYTES = "$bytes";
const BYTES_QUOTED = `"${BYTES}"`;

/**
 * The value of a JSON text from outside: of `input`, or of a tool's answer. An object whose only member is `$bytes` with
 * valid base 64 becomes the `Uint8Array` that `toJson` writes so; everything else is what `JSON.parse` makes of it, a member
 * `__proto__` being one like all others. A text without the word costs one search more.
 */
export function fromJson(json: string): unknown {
  const value: unknown = parse(json);
  return stringIndexOf(json, BYTES_QUOTED) < 0 ? value : revive(value, 0);
}

/** Replaces in place: the value was made here and nobody has it yet. What is nested deeper than a result may be is left. */
function revive(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return value;
  if (isArray(value)) {
    for (let i = 0; i < value.length; i++) reviveMember(value, i, depth);
    return value;
  }
  const bytes = bytesOf(value);
  if (bytes !== undefined) return bytes;
  const keys = objectKeys(value);
  for (let i = 0; i < keys.length; i++) reviveMember(value, keys[i] as string, depth);
  return value;
}

function reviveMember(holder: object, key: string | number, depth: number): void {
  const member = (holder as Record<string | number, unknown>)[key];
  if (typeof member !== "object" || member === null) return;
  const revived = revive(member, depth + 1);
  if (revived !== member) define(holder, key, revived, true);
}

function bytesOf(value: object): Uint8Array | undefined {
  if (!hasOwn(value, BYTES)) return undefined;
  const text = (value as Record<string, unknown>)[BYTES];
  return typeof text === "string" && objectKeys(value).length === 1 ? fromBase64(text) : undefined;
}
