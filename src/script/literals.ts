import type { Expression, Literal, Property, SpreadElement } from "acorn";

/** A value that is written out in full. */
export interface LiteralValue {
  readonly value: unknown;
}

/** An object whose members' names are written out, and some of their values. */
export interface OpenObject {
  /** With `null` for each value that is decided at run time. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Names of these; any may turn out not to be there, as `undefined` is not in JSON. */
  readonly open: ReadonlySet<string>;
}

/**
 * Reads an expression that is JSON written as JavaScript: strings, numbers, booleans, `null`, templates without
 * substitutions, and arrays and objects of these.
 *
 * @returns `undefined` when any part is decided at run time or is no JSON.
 */
export function readLiteral(node: Expression | SpreadElement | null): LiteralValue | undefined {
  switch (node?.type) {
    case "Literal":
      return isJson(node) ? { value: node.value } : undefined;
    case "TemplateLiteral": {
      const text = staticTemplate(node);
      return text === undefined ? undefined : { value: text };
    }
    case "UnaryExpression": {
      const operand = node.operator === "-" ? readLiteral(node.argument) : undefined;
      return typeof operand?.value === "number" ? { value: -operand.value } : undefined;
    }
    case "ArrayExpression": {
      const items = node.elements.map((element) => readLiteral(element));
      return items.every((item) => item !== undefined) ? { value: items.map((item) => item.value) } : undefined;
    }
    case "ObjectExpression": {
      const entries = node.properties.map((property) => readEntry(property));
      return entries.every((entry) => entry !== undefined) ? { value: Object.fromEntries(entries) } : undefined;
    }
    default:
      return undefined;
  }
}

/**
 * Reads an object literal with members that are decided at run time.
 *
 * @returns `undefined` for what is no object literal, and where the names of the members may be others: spread and computed
 *   ones, `__proto__`, and `toJSON`, which makes another value of the object.
 */
export function readOpenObject(node: Expression | SpreadElement | undefined): OpenObject | undefined {
  if (node?.type !== "ObjectExpression") return undefined;
  const value = new Map<string, unknown>();
  const open = new Set<string>();
  for (const property of node.properties) {
    const name = property.type === "SpreadElement" || property.computed ? undefined : memberName(property);
    if (name === undefined || name === "toJSON" || property.type === "SpreadElement") return undefined;
    const literal = property.kind === "init" ? readLiteral(property.value) : undefined;
    value.set(name, literal === undefined ? null : literal.value);
    if (literal === undefined) open.add(name);
    else open.delete(name);
  }
  return { value: Object.fromEntries(value), open };
}

/** Whether a literal stays what it is in JSON: regular expressions, big integers and numbers too large do not. */
function isJson({ regex, value }: Literal): boolean {
  return regex === undefined && typeof value !== "bigint" && (typeof value !== "number" || Number.isFinite(value));
}

/** The name of a property as it is written: `.a`, `["a"]` or `` [`a`] ``. */
export function staticName(
  property: { readonly type: string } & (Expression | { readonly type: "PrivateIdentifier" }),
  computed: boolean,
): string | undefined {
  if (property.type === "Identifier") return computed ? undefined : property.name;
  if (property.type === "Literal") return typeof property.value === "string" ? property.value : undefined;
  return property.type === "TemplateLiteral" ? staticTemplate(property) : undefined;
}

function readEntry(property: Property | SpreadElement): readonly [string, unknown] | undefined {
  if (property.type === "SpreadElement" || property.kind !== "init" || property.computed) return undefined;
  const name = memberName(property);
  const literal = name === undefined ? undefined : readLiteral(property.value);
  return name === undefined || literal === undefined ? undefined : [name, literal.value];
}

/** The name of a member that is not computed. `__proto__: x` sets no member. */
function memberName({ key, computed }: Property): string | undefined {
  const isNumber = key.type === "Literal" && typeof key.value === "number";
  const name = isNumber ? String(key.value) : staticName(key, computed);
  return name === "__proto__" ? undefined : name;
}

function staticTemplate(node: Extract<Expression, { type: "TemplateLiteral" }>): string | undefined {
  return node.expressions.length === 0 ? (node.quasis[0]?.value.cooked ?? undefined) : undefined;
}
