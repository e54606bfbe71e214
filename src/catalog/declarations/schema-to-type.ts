import { isRecord } from "../../lib/guards.ts";
import type { JsonSchema } from "../../upstream/upstream.ts";
import { breakAliasCycles } from "./alias-cycles.ts";
import { firstSentence, saysOnly, toPlainLine } from "../doc-text.ts";
import { resolveRef } from "./schema-refs.ts";
import { stringLiteral } from "../tool-names.ts";
import { ANY_OBJECT, NEVER, UNKNOWN, intersectionOf, isKeyword, unionOf } from "./type-node.ts";
import type { TypeMember, TypeNode } from "./type-node.ts";

/** A schema as a type. */
export interface SchemaType {
  readonly root: TypeNode;
  /** What `ref` nodes mean, by JSON pointer. May refer to each other and to themselves. */
  readonly definitions: ReadonlyMap<string, TypeNode>;
}

type Schema = Readonly<Record<string, unknown>>;

const MAX_NODES = 5_000;
const MAX_NESTING = 64;
const MAX_LITERALS = 100;
const MAX_LITERAL_CHARS = 200;
const MAX_COMMENT = 60;
const MAX_DEFAULT = 40;

/**
 * Reads a JSON Schema (2020-12 or draft-07, told apart keyword by keyword) as a TypeScript type.
 *
 * Total: whatever the schema is, there is a type, and what TypeScript cannot say (`not`, `if`, patterns, ranges) only makes it
 * wider. Work is bounded by 5,000 nodes and 64 levels, beyond which everything is `unknown`. References stay inside the
 * document.
 */
export function schemaToType(schema: JsonSchema): SchemaType {
  const definitions = new Map<string, TypeNode>();
  const reader = new SchemaReader(schema, definitions);
  const root = reader.read(schema, 0);
  breakAliasCycles(definitions);
  return { root, definitions };
}

class SchemaReader {
  readonly #root: unknown;
  readonly #definitions: Map<string, TypeNode>;
  #nodes = 0;

  constructor(root: unknown, definitions: Map<string, TypeNode>) {
    this.#root = root;
    this.#definitions = definitions;
  }

  read(schema: unknown, nesting: number): TypeNode {
    if (schema === false) return NEVER;
    if (!isRecord(schema) || nesting > MAX_NESTING || ++this.#nodes > MAX_NODES) return UNKNOWN;
    const parts: TypeNode[] = [this.#ref(schema, nesting), this.#own(schema, nesting)];
    for (const part of asArray(schema["allOf"])) parts.push(this.read(part, nesting + 1));
    for (const keyword of ["anyOf", "oneOf"]) {
      const choices = asArray(schema[keyword]);
      if (choices.length > 0) parts.push(unionOf(choices.map((choice) => this.read(choice, nesting + 1))));
    }
    const type = intersectionOf(parts);
    return schema["nullable"] === true && !isKeyword(type, "unknown") ? unionOf([type, NULL]) : type;
  }

  #ref(schema: Schema, nesting: number): TypeNode {
    const ref = schema["$ref"] ?? schema["$dynamicRef"];
    const target = typeof ref === "string" ? resolveRef(this.#root, ref) : undefined;
    if (target === undefined) return UNKNOWN;
    const { pointer } = target;
    if (!this.#definitions.has(pointer)) {
      // Known before it is read, so that a recursive schema finds itself.
      this.#definitions.set(pointer, UNKNOWN);
      this.#definitions.set(pointer, this.read(target.schema, nesting + 1));
    }
    return { kind: "ref", key: pointer };
  }

  /** What the schema says without its references and combinations. */
  #own(schema: Schema, nesting: number): TypeNode {
    if (Object.hasOwn(schema, "const")) return literalType(schema["const"], 0);
    const { type } = schema;
    if (Array.isArray(schema["enum"])) return enumType(schema["enum"] as unknown[], type);
    if (Array.isArray(type)) return unionOf(type.map((one: unknown) => this.#typed(schema, one, nesting)));
    if (type !== undefined) return this.#typed(schema, type, nesting);
    if (OBJECT_KEYWORDS.some((keyword) => isRecord(schema[keyword]))) return this.#object(schema, nesting);
    return ARRAY_KEYWORDS.some((keyword) => Object.hasOwn(schema, keyword)) ? this.#array(schema, nesting) : UNKNOWN;
  }

  #typed(schema: Schema, type: unknown, nesting: number): TypeNode {
    if (type === "object") return this.#object(schema, nesting);
    if (type === "array") return this.#array(schema, nesting);
    return (typeof type === "string" ? KEYWORDS.get(type) : undefined) ?? UNKNOWN;
  }

  #array(schema: Schema, nesting: number): TypeNode {
    const { items } = schema;
    const fixed = asArray(schema["prefixItems"] ?? items);
    if (fixed.length === 0)
      return { kind: "array", item: items === undefined ? UNKNOWN : this.read(items, nesting + 1) };
    const least = typeof schema["minItems"] === "number" ? schema["minItems"] : fixed.length;
    // Only what a schema says of further items makes room for them: most authors of tuples mean exactly these.
    const further = Array.isArray(items) ? schema["additionalItems"] : items;
    const rest = further === undefined || further === false ? undefined : this.read(further, nesting + 1);
    return {
      kind: "tuple",
      items: fixed.map((item, at) => ({ type: this.read(item, nesting + 1), optional: at >= least })),
      rest,
    };
  }

  #object(schema: Schema, nesting: number): TypeNode {
    const properties = isRecord(schema["properties"]) ? schema["properties"] : {};
    const required = new Set(asArray(schema["required"]).filter((name) => typeof name === "string"));
    const members = Object.entries(properties).map(([name, value]): TypeMember => {
      const optional = !required.delete(name);
      const type = optional && INHERITED.has(name) ? UNKNOWN : this.read(value, nesting + 1);
      return { name, optional, type, ...memberDoc(name, value) };
    });
    for (const name of required) members.push({ name, optional: false, type: UNKNOWN, comment: "", notes: "" });
    const index = this.#index(schema, members.length > 0, nesting);
    return index !== undefined && members.length === 0 && isKeyword(index, "unknown")
      ? ANY_OBJECT
      : { kind: "object", members, index, isClosed: index === undefined && schema["additionalProperties"] === false };
  }

  /** Type of the properties that are not listed. Beside listed ones it can only be `unknown`: TypeScript checks those against it. */
  #index(schema: Schema, hasMembers: boolean, nesting: number): TypeNode | undefined {
    const { additionalProperties: further } = schema;
    const patterns = isRecord(schema["patternProperties"]) ? Object.values(schema["patternProperties"]) : [];
    const open = further !== undefined && further !== false;
    if (hasMembers) return open || patterns.length > 0 ? UNKNOWN : undefined;
    if (patterns.length === 0 && !open) return further === false ? undefined : UNKNOWN;
    const told = open ? [...patterns, further] : patterns;
    return unionOf(told.map((value) => this.read(value, nesting + 1)));
  }
}

/** The compiler sees these in each object, even one that leaves them out. */
const INHERITED: ReadonlySet<string> = new Set(
  Object.getOwnPropertyNames(Object.prototype).filter((name) => !name.startsWith("__")),
);
const NULL: TypeNode = { kind: "text", text: "null" };
const OBJECT_KEYWORDS = ["properties", "patternProperties", "additionalProperties"];
const ARRAY_KEYWORDS = ["items", "prefixItems"];
const KEYWORDS: ReadonlyMap<string, TypeNode> = new Map([
  ["string", { kind: "text", text: "string" }],
  ["number", { kind: "text", text: "number" }],
  ["integer", { kind: "text", text: "number" }],
  ["boolean", { kind: "text", text: "boolean" }],
  ["null", NULL],
]);

/** The listed values; of a very long list the first ones and, so that none is refused, the type of the rest. */
function enumType(values: readonly unknown[], type: unknown): TypeNode {
  const literals = values.slice(0, MAX_LITERALS).map((value) => literalType(value, 0));
  if (values.length <= MAX_LITERALS) return unionOf(literals);
  return unionOf([...literals, (typeof type === "string" ? KEYWORDS.get(type) : undefined) ?? UNKNOWN]);
}

function literalType(value: unknown, nesting: number): TypeNode {
  if (typeof value === "string") {
    return { kind: "text", text: value.length <= MAX_LITERAL_CHARS ? stringLiteral(value) : "string" };
  }
  if (typeof value === "number") return { kind: "text", text: Number.isFinite(value) ? String(value) : "number" };
  if (value === null || typeof value === "boolean") return { kind: "text", text: String(value) };
  if (nesting > 4) return UNKNOWN;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => ({ type: literalType(item, nesting + 1), optional: false }));
    return items.length > MAX_LITERALS ? { kind: "array", item: UNKNOWN } : { kind: "tuple", items, rest: undefined };
  }
  if (!isRecord(value)) return UNKNOWN;
  const members = Object.entries(value).map(([name, member]): TypeMember => ({
    name,
    optional: false,
    type: literalType(member, nesting + 1),
    comment: "",
    notes: "",
  }));
  return members.length > MAX_LITERALS ? ANY_OBJECT : { kind: "object", members, index: undefined, isClosed: true };
}

/** What a caller should know of a property that its type does not say: purpose, format, default. */
function memberDoc(name: string, schema: unknown): Pick<TypeMember, "comment" | "notes"> {
  if (!isRecord(schema)) return { comment: "", notes: "" };
  const { description, title, format } = schema;
  const text = typeof description === "string" && description.trim() !== "" ? description : title;
  const sentence = typeof text === "string" ? firstSentence(text, MAX_COMMENT) : "";
  const notes: string[] = [];
  if (schema["deprecated"] === true) notes.push("deprecated");
  if (typeof format === "string" && format !== "") notes.push(firstSentence(format, MAX_DEFAULT));
  if (Object.hasOwn(schema, "default")) notes.push(`default ${defaultText(schema["default"])}`);
  return {
    comment: saysOnly(sentence, name) ? "" : sentence,
    notes: notes.length > 0 ? `(${notes.join(", ")})` : "",
  };
}

function defaultText(value: unknown): string {
  const text = toPlainLine(JSON.stringify(value) ?? "undefined");
  return text.length <= MAX_DEFAULT ? text : `${text.slice(0, MAX_DEFAULT - 1)}…`;
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
