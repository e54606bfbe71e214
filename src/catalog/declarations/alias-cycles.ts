import { NEVER, UNKNOWN, intersectionOf, unionOf } from "./type-node.ts";
import type { TypeNode } from "./type-node.ts";

/**
 * Takes out of definitions the references that lead back to their own definition without an object, array or tuple between:
 * `A = A | string` says no more than `A = string`, and TypeScript refuses it.
 *
 * @param definitions Changed in place; recursion through objects, arrays and tuples stays.
 */
export function breakAliasCycles(definitions: Map<string, TypeNode>): void {
  const done = new Set<string>();
  const open = new Set<string>();
  const visit = (key: string): void => {
    const node = definitions.get(key);
    if (node === undefined || done.has(key)) return;
    open.add(key);
    const back = new Set<string>();
    for (const ref of directRefs(node)) {
      if (open.has(ref)) back.add(ref);
      else visit(ref);
    }
    if (back.size > 0) definitions.set(key, withoutRefs(node, back, UNKNOWN));
    open.delete(key);
    done.add(key);
  };
  for (const key of definitions.keys()) visit(key);
}

function directRefs(node: TypeNode): readonly string[] {
  if (node.kind === "ref") return [node.key];
  return node.kind === "union" || node.kind === "intersection" ? node.parts.flatMap(directRefs) : [];
}

/** @param instead What a dropped reference leaves: the neutral element of what it is part of. */
function withoutRefs(node: TypeNode, dropped: ReadonlySet<string>, instead: TypeNode): TypeNode {
  if (node.kind === "ref") return dropped.has(node.key) ? instead : node;
  if (node.kind === "union") return unionOf(node.parts.map((part) => withoutRefs(part, dropped, NEVER)));
  if (node.kind === "intersection")
    return intersectionOf(node.parts.map((part) => withoutRefs(part, dropped, UNKNOWN)));
  return node;
}
