import { isRecord } from "../../src/lib/guards.ts";

const MAX_DEPTH = 12;
const TEXTS = ["a", "1", "sample", "2026-11-23T10:00:00Z", "2026-11-23", "https://example.com/a", "a@example.com"];
const FORMATS: Readonly<Record<string, string>> = {
  "date-time": "2026-11-23T10:00:00Z",
  date: "2026-11-23",
  uri: "https://example.com/a",
  email: "a@example.com",
  uuid: "0b9a1d0e-5c5c-4d9e-8f5a-2f3b1c4d5e6f",
};

/** How a value is made. */
export interface SampleOptions {
  /** Whether an optional property is left out. */
  readonly omits: (name: string, depth: number) => boolean;
  /** Which of several values or schemas is taken: a number from 0 up to, not including, `count`. */
  readonly choose: (count: number) => number;
}

/** A value that a schema is likely to accept. Meant for schemas as people write them: it must be checked with a validator. */
export function sampleOf(schema: unknown, options: SampleOptions, root: unknown = schema, depth = 0): unknown {
  if (!isRecord(schema) || depth > MAX_DEPTH) return "anything";
  const next = (inner: unknown): unknown => sampleOf(inner, options, root, depth + 1);
  if (typeof schema["$ref"] === "string") return next(follow(root, schema["$ref"]));
  if (Object.hasOwn(schema, "const")) return schema["const"];
  const choices = [schema["enum"], schema["anyOf"], schema["oneOf"]].find((list) => Array.isArray(list)) as
    | unknown[]
    | undefined;
  if (choices !== undefined) {
    // Deep inside, the last choice: recursive schemas end there.
    const choice = choices[depth > MAX_DEPTH / 2 ? choices.length - 1 : options.choose(choices.length)];
    return choices === schema["enum"] ? choice : merge(objectOf(schema, options, root, depth), next(choice));
  }
  const parts = Array.isArray(schema["allOf"]) ? schema["allOf"].map(next) : [];
  const types = Array.isArray(schema["type"]) ? (schema["type"] as unknown[]) : [schema["type"]];
  const type =
    types[options.choose(types.length)] ??
    (isRecord(schema["properties"]) ? "object" : Array.isArray(schema["prefixItems"]) ? "array" : undefined);
  switch (type) {
    case "object":
      return parts.reduce(merge, objectOf(schema, options, root, depth));
    case "array":
      return arrayOf(schema, next);
    case "string":
      return textOf(schema);
    case "number":
    case "integer":
      return numberOf(schema);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return parts.length > 0 ? parts.reduce(merge) : "anything";
  }
}

function objectOf(
  schema: Readonly<Record<string, unknown>>,
  options: SampleOptions,
  root: unknown,
  depth: number,
): unknown {
  const required = Array.isArray(schema["required"]) ? (schema["required"] as unknown[]) : [];
  const properties = isRecord(schema["properties"]) ? Object.entries(schema["properties"]) : [];
  const kept = properties.filter(
    ([name, inner]) =>
      inner !== false && (required.includes(name) || (depth < MAX_DEPTH / 2 && !options.omits(name, depth))),
  );
  const listed = kept.map(([name, inner]): [string, unknown] => [name, sampleOf(inner, options, root, depth + 1)]);
  const further = schema["additionalProperties"];
  const hasMore = (isRecord(further) || further === true) && depth < MAX_DEPTH / 2 && !options.omits("further", depth);
  const more = hasMore ? [["further", sampleOf(further, options, root, depth + 1)]] : [];
  return Object.fromEntries([...listed, ...more]);
}

function arrayOf(schema: Readonly<Record<string, unknown>>, next: (inner: unknown) => unknown): unknown {
  const tuple = schema["prefixItems"] ?? schema["items"];
  if (Array.isArray(tuple)) return tuple.map(next);
  const least = typeof schema["minItems"] === "number" ? schema["minItems"] : 1;
  return Array.from({ length: Math.max(1, least) }, () => next(schema["items"]));
}

function textOf({ format, pattern, minLength }: Readonly<Record<string, unknown>>): string {
  const formatted = typeof format === "string" ? FORMATS[format] : undefined;
  const expression = typeof pattern === "string" ? new RegExp(pattern, "u") : undefined;
  const text = formatted ?? TEXTS.find((one) => expression?.test(one) ?? true) ?? "a";
  return typeof minLength === "number" ? text.padEnd(minLength, "a") : text;
}

function numberOf({ minimum, exclusiveMinimum, maximum }: Readonly<Record<string, unknown>>): number {
  if (typeof minimum === "number") return minimum;
  if (typeof exclusiveMinimum === "number") return exclusiveMinimum + 1;
  return typeof maximum === "number" ? Math.min(1, maximum) : 1;
}

function merge(left: unknown, right: unknown): unknown {
  return isRecord(left) && isRecord(right)
    ? Object.fromEntries([...Object.entries(left), ...Object.entries(right)])
    : right;
}

function follow(root: unknown, ref: string): unknown {
  return ref
    .split("/")
    .slice(1)
    .reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), root);
}
