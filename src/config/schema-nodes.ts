import { formatBytes, formatDuration } from "./units.ts";

/** Range of a number that may also be written as text with a unit. */
export interface Quantity {
  readonly unit: "duration" | "bytes" | "count";
  readonly min: number;
  readonly max: number;
}

/**
 * One key of the configuration: JSON Schema, and beside it what the loader needs to know. Only the keywords that the
 * loader understands are used, so that every fault can be said in plain words.
 */
export interface SchemaNode {
  readonly description: string;
  readonly type: string | readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode;
  readonly items?: SchemaNode;
  readonly required?: readonly string[];
  readonly default?: string | number | boolean;
  readonly quantity?: Quantity;
  /** What the pattern stands for, in words. */
  readonly expects?: string;
  /** The value is never shown. */
  readonly secret?: boolean;
  /** An unknown key inside is an error: a misspelt access rule must not open what it was to close. */
  readonly strictKeys?: boolean;
  /** Environment variable that sets the key. */
  readonly environment?: string;
  /** Command-line flag that sets the key, without the dashes. */
  readonly flag?: string;
}

/**
 * The longest duration: whole days that a timer of the platform can wait.
 *
 * @source HTML, section Timers: the delay is a signed 32-bit number of ms.
 */
export const MAX_DURATION_MS = 24 * 86_400_000;

/** A duration with a default in milliseconds. */
export function duration<D extends number>(description: string, ms: D, range: { min?: number; max?: number } = {}) {
  const quantity: Quantity = { unit: "duration", min: range.min ?? 1, max: range.max ?? MAX_DURATION_MS };
  return { description, type: ["number", "string"], quantity, default: ms } as const satisfies SchemaNode;
}

/** A size with a default in bytes. */
export function bytes<D extends number>(description: string, size: D, range: { min: number; max: number }) {
  return {
    description,
    type: ["number", "string"],
    quantity: { unit: "bytes", ...range },
    default: size,
  } as const satisfies SchemaNode;
}

/** Free text, or text of a list of words. */
export function text<const O extends Partial<SchemaNode>>(description: string, more: O) {
  return { description, type: "string", ...more } as const satisfies SchemaNode;
}

/** A whole number. */
export function integer<const O extends Partial<SchemaNode>>(
  description: string,
  minimum: number,
  maximum: number,
  more: O,
) {
  return { description, type: "integer", minimum, maximum, ...more } as const satisfies SchemaNode;
}

/** Yes or no. */
export function toggle<const O extends Partial<SchemaNode>>(description: string, value: boolean, more: O) {
  return { description, type: "boolean", default: value, ...more } as const satisfies SchemaNode;
}

/** A list. */
export function listOf(description: string, items: SchemaNode): SchemaNode {
  return { description, type: "array", items };
}

/** An object with known keys. */
export function section<const P extends Readonly<Record<string, SchemaNode>>, const O extends Partial<SchemaNode>>(
  description: string,
  properties: P,
  more: O,
) {
  return { description, type: "object", properties, ...more } as const satisfies SchemaNode;
}

/** An object whose keys people choose. */
export function mapOf(description: string, additionalProperties: SchemaNode): SchemaNode {
  return { description, type: "object", additionalProperties };
}

/** The node that describes a path, or `undefined` when no key of the table is there. */
export function nodeAt(root: SchemaNode, path: readonly (string | number)[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = root;
  for (const step of path) {
    if (node === undefined) return undefined;
    const { properties } = node;
    if (typeof step === "number") node = node.items;
    else if (properties !== undefined && Object.hasOwn(properties, step)) node = properties[step];
    else node = node.additionalProperties;
  }
  return node;
}

/** What a node takes, in words that follow "must be". */
export function expectation(node: SchemaNode): string {
  if (node.expects !== undefined) return node.expects;
  if (node.enum !== undefined) return `one of ${node.enum.join(", ")}`;
  if (node.quantity !== undefined) {
    const others = [
      hasType(node, "boolean") ? ", or true or false" : "",
      hasType(node, "object") ? ", or an object" : "",
    ];
    return quantityWords(node.quantity) + others.join("");
  }
  const words = [...types(node)].map((type) => typeWords(type, node));
  return words.join(" or ");
}

/** Whether a node takes values of a JSON type. */
export function hasType(node: SchemaNode, type: string): boolean {
  return types(node).includes(type);
}

function types(node: SchemaNode): readonly string[] {
  return typeof node.type === "string" ? [node.type] : node.type;
}

function typeWords(type: string, node: SchemaNode): string {
  const range = node.minimum === undefined ? "" : ` from ${node.minimum} to ${node.maximum ?? "any"}`;
  switch (type) {
    case "integer":
      return `a whole number${range}`;
    case "number":
      return `a number${range}`;
    case "boolean":
      return "true or false";
    case "array":
      return `a list${node.items === undefined ? "" : `, each ${expectation(node.items)}`}`;
    case "object":
      return node.properties === undefined ? "an object" : `an object with ${Object.keys(node.properties).join(", ")}`;
    default:
      return node.minLength === undefined ? "text" : "text that is not empty";
  }
}

function quantityWords({ unit, min, max }: Quantity): string {
  switch (unit) {
    case "duration":
      return `a duration from ${formatDuration(min)} to ${formatDuration(max)}, in ms or as text such as "30s"`;
    case "bytes":
      return `a size from ${formatBytes(min)} to ${formatBytes(max)}, in bytes or as text such as "512k"`;
    case "count":
      return max === Number.MAX_SAFE_INTEGER
        ? `a whole number of at least ${min}`
        : `a whole number from ${min} to ${max}`;
    default:
      return unit satisfies never;
  }
}
