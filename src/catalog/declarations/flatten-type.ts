import type { SchemaType } from "./schema-to-type.ts";
import { UNKNOWN, intersectionOf, unionOf } from "./type-node.ts";
import type { ObjectNode, TypeMember, TypeNode } from "./type-node.ts";

/** How far a type is written out. */
export interface FlattenOptions {
  /** Name of a definition that has one, by its key; the others are written out where they are used. @default none has */
  readonly nameOf?: ((key: string) => string | undefined) | undefined;
  /** Objects inside each other that are written out. */
  readonly maxDepth: number;
  /** Nodes in all. */
  readonly maxNodes: number;
}

const MAX_MEMBERS = 200;

/**
 * Writes references out, so that a type can be printed and compared without the schema it came from: the `ref` nodes of the
 * result are references to named definitions, by name.
 *
 * What lies beyond a limit, and a nameless definition inside itself, becomes an object of which nothing is known, or `unknown`.
 *
 * @param type Where the definitions of `node` are.
 */
export function flattenType(type: SchemaType, node: TypeNode, options: FlattenOptions): TypeNode {
  const open = new Set<string>();
  let left = options.maxNodes;

  function flatten(from: TypeNode, depth: number): TypeNode {
    if (--left < 0) return UNKNOWN;
    switch (from.kind) {
      case "text":
        return from;
      case "ref":
        return followRef(from.key, depth);
      case "array":
        return { kind: "array", item: flatten(from.item, depth) };
      case "tuple":
        return {
          kind: "tuple",
          items: from.items.map((item) => ({ type: flatten(item.type, depth), optional: item.optional })),
          rest: from.rest === undefined ? undefined : flatten(from.rest, depth),
        };
      case "union":
        return unionOf(from.parts.map((part) => flatten(part, depth)));
      case "intersection":
        return intersectionOf(from.parts.map((part) => flatten(part, depth)));
      case "object":
        return flattenObject(from, depth);
      default:
        return from satisfies never;
    }
  }

  function followRef(key: string, depth: number): TypeNode {
    const name = options.nameOf?.(key);
    if (name !== undefined) return { kind: "ref", key: name };
    const target = type.definitions.get(key);
    if (target === undefined || open.has(key)) return UNKNOWN;
    open.add(key);
    const flat = flatten(target, depth);
    open.delete(key);
    return flat;
  }

  function flattenObject({ members, index, isClosed }: ObjectNode, depth: number): TypeNode {
    const isEmpty = members.length === 0 && index === undefined;
    if (depth >= options.maxDepth && !isEmpty) {
      return { kind: "object", members: [], index: UNKNOWN, isClosed: false };
    }
    const kept = mostUseful(members).map((member) => ({ ...member, type: flatten(member.type, depth + 1) }));
    const isCut = kept.length < members.length;
    const rest = index === undefined || isCut || members.length > 0 ? UNKNOWN : flatten(index, depth + 1);
    const isOpen = index !== undefined || isCut;
    return { kind: "object", members: kept, index: isOpen ? rest : undefined, isClosed: isClosed && !isOpen };
  }

  return flatten(node, 0);
}

/** All members, or of too many the required ones first. */
function mostUseful(members: readonly TypeMember[]): readonly TypeMember[] {
  if (members.length <= MAX_MEMBERS) return members;
  const byNeed = [...members.filter((member) => !member.optional), ...members.filter((member) => member.optional)];
  return byNeed.slice(0, MAX_MEMBERS);
}
