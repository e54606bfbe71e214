/** One property of an object type. */
export interface TypeMember {
  readonly name: string;
  readonly optional: boolean;
  readonly type: TypeNode;
  /** What it is for, on one line that is safe in a comment; empty for none. */
  readonly comment: string;
  /** What a caller must know beyond its purpose and type: format, default. Safe in a comment; empty for none. */
  readonly notes: string;
}

/** A TypeScript type before it is text, so that text can be laid out and shortened without reading the schema again. */
export type TypeNode =
  /** A keyword or a literal. */
  | { readonly kind: "text"; readonly text: string }
  /** One of the `definitions` of the `SchemaType` it is part of. */
  | { readonly kind: "ref"; readonly key: string }
  | { readonly kind: "array"; readonly item: TypeNode }
  | {
      readonly kind: "tuple";
      readonly items: readonly { readonly type: TypeNode; readonly optional: boolean }[];
      readonly rest: TypeNode | undefined;
    }
  | { readonly kind: "union" | "intersection"; readonly parts: readonly TypeNode[] }
  | {
      readonly kind: "object";
      readonly members: readonly TypeMember[];
      /** Type of all other properties; `undefined` when none are spoken of. */
      readonly index: TypeNode | undefined;
      /** Whether any other property is refused; an `index` that is `undefined` alone does not mean so. */
      readonly isClosed: boolean;
    };

/** An object type. */
export type ObjectNode = Extract<TypeNode, { readonly kind: "object" }>;

/** The type of anything. */
export const UNKNOWN: TypeNode = { kind: "text", text: "unknown" };

/** The type of nothing. */
export const NEVER: TypeNode = { kind: "text", text: "never" };

/** An object of which nothing is known. */
export const ANY_OBJECT: TypeNode = { kind: "object", members: [], index: UNKNOWN, isClosed: false };

/** Whether a node is a given keyword. */
export function isKeyword(node: TypeNode, text: string): boolean {
  return node.kind === "text" && node.text === text;
}

/** One of several types: nested unions are flattened, `unknown` absorbs, `never` vanishes. */
export function unionOf(parts: readonly TypeNode[]): TypeNode {
  const flat = parts
    .flatMap((part) => (part.kind === "union" ? part.parts : [part]))
    .filter((part) => !isKeyword(part, "never"));
  if (flat.some((part) => isKeyword(part, "unknown"))) return UNKNOWN;
  const [only = NEVER] = flat;
  return flat.length <= 1 ? only : { kind: "union", parts: flat };
}

/** All of several types at once: `unknown` vanishes, `never` absorbs, an object of which nothing is known adds nothing to others. */
export function intersectionOf(parts: readonly TypeNode[]): TypeNode {
  const told = parts.filter((part) => !isKeyword(part, "unknown"));
  if (told.some((part) => isKeyword(part, "never"))) return NEVER;
  const telling = told.filter((part) => !isAnyObject(part));
  const kept = telling.some((part) => part.kind !== "text") ? telling : told;
  const [only = UNKNOWN] = kept;
  return kept.length <= 1 ? only : { kind: "intersection", parts: kept };
}

/** Whether a node is an object type that says nothing of its properties. */
export function isAnyObject(node: TypeNode): boolean {
  return (
    node.kind === "object" && node.members.length === 0 && node.index !== undefined && isKeyword(node.index, "unknown")
  );
}

/** The nodes directly inside a node. */
export function childrenOf(node: TypeNode): readonly TypeNode[] {
  switch (node.kind) {
    case "text":
    case "ref":
      return [];
    case "array":
      return [node.item];
    case "tuple":
      return [...node.items.map((item) => item.type), ...(node.rest === undefined ? [] : [node.rest])];
    case "union":
    case "intersection":
      return node.parts;
    case "object":
      return [...node.members.map((member) => member.type), ...(node.index === undefined ? [] : [node.index])];
    default:
      return node satisfies never;
  }
}

/** The same node with other nodes inside it; what they are changes nothing else. */
export function mapChildren(node: TypeNode, map: (child: TypeNode) => TypeNode): TypeNode {
  switch (node.kind) {
    case "text":
    case "ref":
      return node;
    case "array":
      return { kind: "array", item: map(node.item) };
    case "tuple":
      return {
        kind: "tuple",
        items: node.items.map(({ type, optional }) => ({ type: map(type), optional })),
        rest: node.rest === undefined ? undefined : map(node.rest),
      };
    case "union":
    case "intersection":
      return { kind: node.kind, parts: node.parts.map(map) };
    case "object":
      return {
        ...node,
        members: node.members.map((member) => ({ ...member, type: map(member.type) })),
        index: node.index === undefined ? undefined : map(node.index),
      };
    default:
      return node satisfies never;
  }
}
