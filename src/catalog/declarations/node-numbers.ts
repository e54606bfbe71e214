import { childrenOf } from "./type-node.ts";
import type { TypeNode } from "./type-node.ts";

/** What is the same of all nodes that print the same. */
export interface NodeNumber {
  readonly id: number;
  /** About how many characters the text has. */
  readonly size: number;
}

const LINE_OVERHEAD = 4;

/**
 * Numbers types so that two have the same number exactly when they print the same. Works on types whose references are names;
 * linear in their size, as a node's number is made of those of its children.
 */
export function createNodeNumbers(): (node: TypeNode) => NodeNumber {
  const byNode = new Map<TypeNode, NodeNumber>();
  const byKey = new Map<string, NodeNumber>();
  return function numberOf(node: TypeNode): NodeNumber {
    const known = byNode.get(node);
    if (known !== undefined) return known;
    const children = childrenOf(node).map(numberOf);
    const key = JSON.stringify([node.kind, ownKey(node), children.map(({ id }) => id)]);
    let number = byKey.get(key);
    if (number === undefined) {
      const size = children.reduce((sum, child) => sum + child.size + LINE_OVERHEAD, ownSize(node));
      number = { id: byKey.size, size };
      byKey.set(key, number);
    }
    byNode.set(node, number);
    return number;
  };
}

/** What a node says beside its children. */
function ownKey(node: TypeNode): unknown {
  switch (node.kind) {
    case "text":
      return node.text;
    case "ref":
      return node.key;
    case "tuple":
      return [node.items.map((item) => item.optional), node.rest !== undefined];
    case "object":
      return [
        node.members.map(({ name, optional, comment, notes }) => [name, optional, comment, notes]),
        node.index !== undefined,
      ];
    default:
      return undefined;
  }
}

function ownSize(node: TypeNode): number {
  switch (node.kind) {
    case "text":
      return node.text.length;
    case "ref":
      return node.key.length;
    case "object":
      return node.members.reduce(
        (sum, { name, comment, notes }) => sum + name.length + comment.length + notes.length + LINE_OVERHEAD,
        LINE_OVERHEAD,
      );
    default:
      return 0;
  }
}
