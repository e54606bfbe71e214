import { byteLength } from "./bounded-text.ts";
import { cutJson, MIN_JSON_BYTES } from "./cut-json.ts";
import { RunletError } from "./errors.ts";
import type { JsonValue } from "./guards.ts";
import { scanJson } from "./json-scan.ts";

/** Deepest nesting that can be cut: about what the stack allows. Values that come from outside are at most half as deep. */
const MAX_DEPTH = 1_000;

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
  const text = Buffer.from(JSON.stringify(value));
  if (text.byteLength <= Math.max(MIN_JSON_BYTES, maxBytes)) return { value, cut: false };
  const index = scanJson(text, MAX_DEPTH);
  if (typeof index === "string")
    throw new RunletError("INTERNAL", `Cannot cut a value as it must be JSON: current value has the fault "${index}"`);
  return { value: JSON.parse(cutJson(text, maxBytes, index)) as JsonValue, cut: true };
}
