import type { Expression, Property, SpreadElement } from "acorn";

/** A value that is written out in full. */
export interface LiteralValue {
  readonly value: unknown;
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
      return node.regex === undefined && typeof node.value !== "bigint" ? { value: node.value } : undefined;
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
  const { key } = property;
  const name =
    key.type === "Literal" && typeof key.value === "number" ? String(key.value) : staticName(key, property.computed);
  // `__proto__: x` sets no property.
  if (name === undefined || name === "__proto__") return undefined;
  const literal = readLiteral(property.value);
  return literal === undefined ? undefined : [name, literal.value];
}

function staticTemplate(node: Extract<Expression, { type: "TemplateLiteral" }>): string | undefined {
  return node.expressions.length === 0 ? (node.quasis[0]?.value.cooked ?? undefined) : undefined;
}
