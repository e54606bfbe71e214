import { isKeyword, mapChildren, unionOf } from "./type-node.ts";
import type { ObjectNode, TypeNode } from "./type-node.ts";
import { printNode } from "./type-printer.ts";

const ANY: TypeNode = { kind: "text", text: "any" };
const NULL: TypeNode = { kind: "text", text: "null" };
const BOOLEAN: TypeNode = { kind: "text", text: "boolean" };
const STRING_LIKE: TypeNode = { kind: "text", text: "StringLike" };

/**
 * An argument's type made so wide that it accepts each value that becomes what the schema asks for. Literals become their base types
 * (a variable that holds one has the base type too), tuples become lists, and objects take further properties unless the schema
 * forbids them. Refers to `StringLike` and `ListOf`.
 */
export function toCheckedArgument(node: TypeNode): TypeNode {
  return widen(node, true);
}

/** The same for the body of a named type, which may refer to itself. */
export function toCheckedBody(node: TypeNode): TypeNode {
  return widen(node, false);
}

/** @param isDeferred Whether the compiler may look at items later: a type may not need itself to be known. */
function widen(node: TypeNode, isDeferred: boolean): TypeNode {
  switch (node.kind) {
    case "text":
      return baseType(node.text);
    case "array":
      return listOf(isDeferred ? widen(node.item, true) : ANY);
    case "tuple":
      return listOf(ANY);
    case "object":
      return widenObject(node);
    case "ref":
    case "union":
    case "intersection":
      return mapChildren(node, (child) => widen(child, isDeferred));
    default:
      return node satisfies never;
  }
}

function widenObject(node: ObjectNode): TypeNode {
  const members = node.members.map((member) => ({ ...member, type: widen(member.type, true) }));
  // Only an index of `any` takes values of interfaces and classes too.
  return { kind: "object", members, index: node.isClosed && members.length > 0 ? undefined : ANY, isClosed: false };
}

function listOf(item: TypeNode): TypeNode {
  return { kind: "text", text: `ListOf<${printNode(item, { layout: "line" })}>` };
}

function baseType(text: string): TypeNode {
  if (text === "unknown") return ANY;
  if (text === "string" || text.startsWith('"')) return STRING_LIKE;
  if (text === "true" || text === "false") return BOOLEAN;
  return { kind: "text", text: /^-?\d/u.test(text) ? "number" : text };
}

/**
 * An answer's type in which looking at what may be there is never refused: what is not known, one of several objects, and lists of
 * fixed length become `any`.
 */
export function toCheckedResult(node: TypeNode): TypeNode {
  switch (node.kind) {
    case "text":
      return node.text === "unknown" || node.text === "never" ? ANY : node;
    case "tuple":
      return { kind: "array", item: ANY };
    case "union":
      return checkedUnion(node.parts);
    case "object":
      return node.members.length === 0 ? ANY : mapChildren(node, toCheckedResult);
    case "array":
    case "ref":
    case "intersection":
      return mapChildren(node, toCheckedResult);
    default:
      return node satisfies never;
  }
}

/** What is not `null` of the parts as one type, which only of several primitives is known. */
function checkedUnion(parts: readonly TypeNode[]): TypeNode {
  const told = parts.filter((part) => !isKeyword(part, "null"));
  const [only = ANY] = told;
  const isMixed = told.length > 1 && told.some((part) => part.kind !== "text");
  if (isMixed || told.length === 0) return ANY;
  const type = told.length === 1 ? toCheckedResult(only) : unionOf(told.map(toCheckedResult));
  return told.length === parts.length || isKeyword(type, "any") ? type : unionOf([type, NULL]);
}
