import { flattenType } from "./flatten-type.ts";
import type { FlattenOptions } from "./flatten-type.ts";
import type { SchemaType } from "./schema-to-type.ts";
import { propertyKey } from "../tool-names.ts";
import { isAnyObject } from "./type-node.ts";
import type { ObjectNode, TypeMember, TypeNode } from "./type-node.ts";

/** How a type becomes text. */
export interface PrintOptions {
  /** One line without comments, or as many lines as make it readable, with comments. */
  readonly layout: "line" | "block";
  /** Levels of indentation of the line the text starts on. @default 0 */
  readonly indent?: number;
}

/** What a type may be made of. */
export type FitOptions = PrintOptions & Pick<FlattenOptions, "nameOf">;

const DEPTHS = [8, 5, 4, 3, 2, 1, 0];
const MAX_LINE = 80;
const INDENT = "  ";

/**
 * Writes a type out so that its text is at most `maxChars` long: the deepest objects are given up first, so that what is nearest
 * stays exact. What is given up becomes `Record<string, unknown>` or `unknown`.
 *
 * @param type Where the definitions of `node` are.
 * @returns See `flattenType`.
 */
export function fitType(type: SchemaType, node: TypeNode, options: FitOptions, maxChars: number): TypeNode {
  for (const maxDepth of DEPTHS) {
    // Each node is a character at least, so more could not fit.
    const flat = flattenType(type, node, { nameOf: options.nameOf, maxDepth, maxNodes: maxChars });
    if (printNode(flat, options).length <= maxChars) return flat;
  }
  return { kind: "text", text: "unknown" };
}

/** Text of a type that is at most `maxChars` long, see `fitType`. */
export function printType(type: SchemaType, node: TypeNode, options: FitOptions, maxChars: number): string {
  return printNode(fitType(type, node, options, maxChars), options);
}

/** Text of a type whose references are names. */
export function printNode(node: TypeNode, options: PrintOptions): string {
  return print(node, options.layout, options.indent ?? 0);
}

/** @param indent Of the line it starts on. */
function print(node: TypeNode, layout: PrintOptions["layout"], indent: number): string {
  switch (node.kind) {
    case "text":
      return node.text;
    case "ref":
      return node.key;
    case "array":
      return `${operand(node.item, layout, indent)}[]`;
    case "tuple": {
      const items = node.items.map(({ type, optional }) =>
        optional ? `${operand(type, layout, indent)}?` : print(type, layout, indent),
      );
      if (node.rest !== undefined) items.push(`...${operand(node.rest, layout, indent)}[]`);
      return `[${items.join(", ")}]`;
    }
    case "union":
      return distinct(node.parts.map((part) => print(part, layout, indent))).join(" | ");
    case "intersection":
      return distinct(node.parts.map((part) => operand(part, layout, indent))).join(" & ");
    case "object":
      return isAnyObject(node) ? "Record<string, unknown>" : printObject(node, layout, indent);
    default:
      return node satisfies never;
  }
}

/** A node as part of a larger type, in parentheses where it would fall apart. */
function operand(node: TypeNode, layout: PrintOptions["layout"], indent: number): string {
  const text = print(node, layout, indent);
  return node.kind === "union" || node.kind === "intersection" ? `(${text})` : text;
}

function printObject({ members, index }: ObjectNode, layout: PrintOptions["layout"], indent: number): string {
  if (members.length === 0 && index === undefined) return "Record<string, never>";
  const lines = members.map((member) => ({
    text: `${propertyKey(member.name)}${member.optional ? "?" : ""}: ${print(member.type, layout, indent + 1)}`,
    comment: commentOf(member),
  }));
  if (index !== undefined) lines.push({ text: `[key: string]: ${print(index, layout, indent + 1)}`, comment: "" });
  const line = `{ ${lines.map(({ text }) => text).join("; ")} }`;
  if (layout === "line") return line;
  const short = line.length <= MAX_LINE && !line.includes("\n") && lines.every(({ comment }) => comment === "");
  if (short) return line;
  const inner = INDENT.repeat(indent + 1);
  return `{\n${lines.map(({ text, comment }) => `${inner}${withComment(`${text};`, comment)}\n`).join("")}${INDENT.repeat(indent)}}`;
}

function commentOf({ comment, notes }: TypeMember): string {
  return comment === "" || notes === "" ? comment + notes : `${comment} ${notes}`;
}

/** Puts a comment at the end of a text's first line. */
function withComment(text: string, comment: string): string {
  if (comment === "") return text;
  const end = text.indexOf("\n");
  return end === -1 ? `${text} // ${comment}` : `${text.slice(0, end)} // ${comment}${text.slice(end)}`;
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
