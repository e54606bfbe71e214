import { createNodeNumbers } from "./node-numbers.ts";
import type { NodeNumber } from "./node-numbers.ts";
import type { TypeNames } from "./type-names.ts";
import { childrenOf, mapChildren } from "./type-node.ts";
import type { TypeNode } from "./type-node.ts";

/** A type and a word for what it is. */
export interface HintedType {
  readonly node: TypeNode;
  /** For its name, should it need one. */
  readonly hint: string;
  /** Whether it stays written out, so that only what is inside it may get a name. */
  readonly isKept: boolean;
}

/** Types after what is repeated among them got names. */
export interface SharedTypes {
  /** In the order given. */
  readonly nodes: readonly TypeNode[];
  /** What the names mean: those that were there, then the new ones in the order of first use. */
  readonly bodies: ReadonlyMap<string, TypeNode>;
}

/** Characters that a name must save. */
const MIN_GAIN = 40;
const DEFINITION_OVERHEAD = 12;

/**
 * Gives a name to each object, union or intersection that is written out several times and is shorter when it is not.
 *
 * @param types References must be names.
 * @param known Types that have a name already.
 */
export function shareTypes(
  types: readonly HintedType[],
  known: ReadonlyMap<string, TypeNode>,
  names: TypeNames,
): SharedTypes {
  const numberOf = createNodeNumbers();
  const named = new Map<number, string>();
  for (const [name, body] of known) {
    if (isNameable(body) && numberOf(body).size >= MIN_GAIN) named.set(numberOf(body).id, name);
  }
  const found = findRepeated([...keptBodies(known), ...types], (node) => numberOf(node).id);
  const repeated = [...found].filter(
    ([id, { node, hint, uses }]) => !named.has(id) && gainOf(numberOf(node), uses, hint) >= MIN_GAIN,
  );
  for (const [id, { hint }] of repeated) named.set(id, names.take(hint));

  const replaceInside = (node: TypeNode): TypeNode => mapChildren(node, replace);
  const replace = (node: TypeNode): TypeNode => {
    const name = isNameable(node) ? named.get(numberOf(node).id) : undefined;
    return name === undefined ? replaceInside(node) : { kind: "ref", key: name };
  };
  const replaceKept = (node: TypeNode): TypeNode =>
    node.kind === "intersection" ? mapChildren(node, replaceKept) : replaceInside(node);
  const bodies = new Map([...known].map(([name, body]) => [name, replaceInside(body)]));
  for (const [id, { node }] of repeated) bodies.set(named.get(id) ?? "", replaceInside(node));
  return { nodes: types.map(({ node, isKept }) => (isKept ? replaceKept(node) : replace(node))), bodies };
}

interface Repeated {
  readonly hint: string;
  readonly node: TypeNode;
  uses: number;
}

/** Types that could have a name and how often they are written out, by number. */
function findRepeated(types: readonly HintedType[], idOf: (node: TypeNode) => number): ReadonlyMap<number, Repeated> {
  const found = new Map<number, Repeated>();
  const count = ({ node, hint, isKept }: HintedType): void => {
    const id = isKept || !isNameable(node) ? undefined : idOf(node);
    const known = id === undefined ? undefined : found.get(id);
    if (known !== undefined) {
      // What is inside is written once more only if this is.
      known.uses++;
      return;
    }
    if (id !== undefined) found.set(id, { hint, node, uses: 1 });
    for (const [child, childHint] of hintedChildren(node, hint)) {
      count({ node: child, hint: childHint, isKept: isKept && node.kind === "intersection" });
    }
  };
  for (const type of types) count(type);
  return found;
}

function keptBodies(known: ReadonlyMap<string, TypeNode>): readonly HintedType[] {
  return [...known].map(([hint, node]) => ({ node, hint, isKept: true }));
}

function isNameable({ kind }: TypeNode): boolean {
  return kind === "object" || kind === "union" || kind === "intersection";
}

function gainOf({ size }: NodeNumber, uses: number, hint: string): number {
  return (uses - 1) * size - uses * (hint.length + DEFINITION_OVERHEAD);
}

function hintedChildren(node: TypeNode, hint: string): readonly (readonly [child: TypeNode, hint: string])[] {
  if (node.kind !== "object") return childrenOf(node).map((child) => [child, hint]);
  const members = node.members.map(({ name, type }): [TypeNode, string] => [type, name]);
  return node.index === undefined ? members : [...members, [node.index, hint]];
}
