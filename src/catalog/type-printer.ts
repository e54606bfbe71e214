import { propertyKey } from "./tool-names.ts";
import type { SchemaType } from "./schema-to-type.ts";
import { isAnyObject } from "./type-node.ts";
import type { TypeMember, TypeNode } from "./type-node.ts";

/** How a type becomes text. */
export interface PrintOptions {
  /** One line without comments, or as many lines as make it readable, with comments. */
  readonly layout: "line" | "block";
  /** Name of a definition that has one, by its key; the others are written out where they are used. @default none has */
  readonly nameOf?: (key: string) => string | undefined;
  /** Levels of indentation of the line the text starts on. @default 0 */
  readonly indent?: number;
}

const DEPTHS = [8, 5, 4, 3, 2, 1, 0];
const MAX_MEMBERS = 200;
const MAX_LINE = 80;
const INDENT = "  ";

/**
 * Text of a type that is at most `maxChars` long: the deepest objects are given up first, so that what is nearest stays exact.
 * What is given up, and a nameless definition inside itself, becomes `Record<string, unknown>` or `unknown`.
 *
 * @param type Where the definitions of `node` are.
 */
export function printType(type: SchemaType, node: TypeNode, options: PrintOptions, maxChars: number): string {
  for (const depth of DEPTHS) {
    const text = new Printer(type, options, depth, maxChars).print(node, 0, options.indent ?? 0);
    if (text.length <= maxChars) return text;
  }
  return "unknown";
}

class Printer {
  readonly #type: SchemaType;
  readonly #options: PrintOptions;
  readonly #maxDepth: number;
  readonly #open = new Set<string>();
  /** Nodes that may still be printed: each is a character at least, so more could not fit. */
  #left: number;

  constructor(type: SchemaType, options: PrintOptions, maxDepth: number, maxNodes: number) {
    this.#type = type;
    this.#options = options;
    this.#maxDepth = maxDepth;
    this.#left = maxNodes;
  }

  /** @param depth Number of objects around this node. @param indent Of the line it starts on. */
  print(node: TypeNode, depth: number, indent: number): string {
    if (--this.#left < 0) return "unknown";
    switch (node.kind) {
      case "text":
        return node.text;
      case "ref":
        return this.#ref(node.key, (target) => this.print(target, depth, indent));
      case "array":
        return `${this.#operand(node.item, depth, indent)}[]`;
      case "tuple": {
        const items = node.items.map(({ type, optional }) =>
          optional ? `${this.#operand(type, depth, indent)}?` : this.print(type, depth, indent),
        );
        if (node.rest !== undefined) items.push(`...${this.#operand(node.rest, depth, indent)}[]`);
        return `[${items.join(", ")}]`;
      }
      case "union":
        return distinct(node.parts.map((part) => this.print(part, depth, indent))).join(" | ");
      case "intersection":
        return distinct(node.parts.map((part) => this.#operand(part, depth, indent))).join(" & ");
      case "object":
        return this.#object(node.members, node.index, depth, indent);
      default:
        return node satisfies never;
    }
  }

  /** A node as part of a larger type, in parentheses where it would fall apart. */
  #operand(node: TypeNode, depth: number, indent: number): string {
    const text = this.print(node, depth, indent);
    return text !== "unknown" && this.#isComposite(node) ? `(${text})` : text;
  }

  #isComposite(node: TypeNode): boolean {
    if (node.kind !== "ref") return node.kind === "union" || node.kind === "intersection";
    if (this.#options.nameOf?.(node.key) !== undefined) return false;
    return this.#ref(node.key, (target) => (this.#isComposite(target) ? "yes" : "")) === "yes";
  }

  #ref(key: string, printTarget: (target: TypeNode) => string): string {
    const name = this.#options.nameOf?.(key);
    if (name !== undefined) return name;
    const target = this.#type.definitions.get(key);
    if (target === undefined || this.#open.has(key)) return "unknown";
    this.#open.add(key);
    const text = printTarget(target);
    this.#open.delete(key);
    return text;
  }

  #object(members: readonly TypeMember[], index: TypeNode | undefined, depth: number, indent: number): string {
    if (members.length === 0 && index === undefined) return "Record<string, never>";
    if (depth >= this.#maxDepth || isAnyObject({ kind: "object", members, index })) return "Record<string, unknown>";
    const lines = mostUseful(members).map(({ name, optional, type, comment }) => ({
      text: `${propertyKey(name)}${optional ? "?" : ""}: ${this.print(type, depth + 1, indent + 1)}`,
      comment,
    }));
    if (index !== undefined || members.length > MAX_MEMBERS) {
      const rest = members.length > 0 || index === undefined ? "unknown" : this.print(index, depth + 1, indent + 1);
      lines.push({ text: `[key: string]: ${rest}`, comment: "" });
    }
    const line = `{ ${lines.map(({ text }) => text).join("; ")} }`;
    if (this.#options.layout === "line") return line;
    const short = line.length <= MAX_LINE && !line.includes("\n") && lines.every(({ comment }) => comment === "");
    if (short) return line;
    const inner = INDENT.repeat(indent + 1);
    return `{\n${lines.map(({ text, comment }) => `${inner}${withComment(`${text};`, comment)}\n`).join("")}${INDENT.repeat(indent)}}`;
  }
}

/** Puts a comment at the end of a text's first line. */
function withComment(text: string, comment: string): string {
  if (comment === "") return text;
  const end = text.indexOf("\n");
  return end === -1 ? `${text} // ${comment}` : `${text.slice(0, end)} // ${comment}${text.slice(end)}`;
}

/** All members, or of too many the required ones first. */
function mostUseful(members: readonly TypeMember[]): readonly TypeMember[] {
  if (members.length <= MAX_MEMBERS) return members;
  const byNeed = [...members.filter((member) => !member.optional), ...members.filter((member) => member.optional)];
  return byNeed.slice(0, MAX_MEMBERS);
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
