import { isRecord } from "../lib/guards.ts";

const MAX_SHAPE = 200;
const MAX_PROPERTIES = 8;
const MAX_CHOICES = 8;
const MAX_DEPTH = 2;

/**
 * What a schema expects, in a few words that read like a type: `string`, `"asc" | "desc"`, `{ path: string, head?: number }`.
 *
 * @returns At most 200 characters.
 */
export function describeShape(schema: unknown): string {
  const text = shape(schema, 0);
  return text.length <= MAX_SHAPE ? text : `${text.slice(0, MAX_SHAPE)}…`;
}

function shape(schema: unknown, depth: number): string {
  if (!isRecord(schema)) return schema === false ? "nothing" : "any";
  if (Object.hasOwn(schema, "const")) return literal(schema["const"]);
  if (Array.isArray(schema["enum"])) return choice(schema["enum"].map(literal));
  const branches = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(branches)) return choice(branches.map((branch) => shape(branch, depth + 1)));
  const { type } = schema;
  if (Array.isArray(type)) return choice(type.map((each) => shape({ ...schema, type: each as unknown }, depth)));
  if (typeof schema["$ref"] === "string") return refName(schema["$ref"]);
  if (type === "array") return arrayShape(schema["items"], depth);
  if (type === "object" || isRecord(schema["properties"])) return objectShape(schema, depth);
  if (typeof type !== "string") return "any";
  return typeof schema["format"] === "string" ? `${type} (${schema["format"]})` : type;
}

function refName(ref: string): string {
  const name = ref.split("/").at(-1) ?? "";
  return /^\w+$/u.test(name) ? name : "object";
}

function arrayShape(items: unknown, depth: number): string {
  const item = shape(items, depth + 1);
  return /^[\w"]+$/u.test(item) ? `${item}[]` : `Array<${item}>`;
}

function objectShape(schema: Record<string, unknown>, depth: number): string {
  const { properties, required } = schema;
  if (!isRecord(properties) || depth >= MAX_DEPTH) return "object";
  const needed = new Set(Array.isArray(required) ? required : []);
  const names = Object.keys(properties);
  const shown = names
    .slice(0, MAX_PROPERTIES)
    .map((name) => `${name}${needed.has(name) ? "" : "?"}: ${shape(properties[name], depth + 1)}`);
  if (names.length > MAX_PROPERTIES) shown.push("…");
  return shown.length === 0 ? "{}" : `{ ${shown.join(", ")} }`;
}

function choice(texts: readonly string[]): string {
  const distinct = [...new Set(texts)];
  const shown = distinct.slice(0, MAX_CHOICES);
  if (distinct.length > MAX_CHOICES) shown.push("…");
  return shown.join(" | ");
}

function literal(value: unknown): string {
  return JSON.stringify(value) ?? "undefined";
}
