import { pointerHint } from "./schema-refs.ts";
import type { SchemaType } from "./schema-to-type.ts";
import type { TypeNames } from "./type-names.ts";
import { childrenOf } from "./type-node.ts";
import type { TypeNode } from "./type-node.ts";
import { fitType, printType } from "./type-printer.ts";

/** Shorter definitions are written out where they are used, however often that is. */
const MIN_NAMED_CHARS = 40;
const MAX_DEFINITION_CHARS = 4_000;

/** The definitions of one server that are types of their own. */
export interface DefinitionNames {
  nameOf(type: SchemaType, key: string): string | undefined;
  /** What the names mean, references written out, in the order of first use. */
  readonly bodies: ReadonlyMap<string, TypeNode>;
}

interface Definition {
  readonly type: SchemaType;
  readonly key: string;
  uses: number;
  readonly recursive: boolean;
}

/**
 * Decides which definitions of a server's schemas get a name: the recursive ones, and those that are used more than once,
 * in one tool or in several. Equal definitions of several tools are one type.
 *
 * @param types Every schema of the server's tools.
 */
export function nameDefinitions(types: readonly SchemaType[], typeNames: TypeNames): DefinitionNames {
  const fingerprints = new Map<SchemaType, ReadonlyMap<string, string>>();
  const distinct = new Map<string, Definition>();
  const numbers = new Map<string, number>();
  for (const type of types) {
    const own = fingerprintAll(type, numbers);
    const uses = countUses(type);
    for (const [key, print] of own) {
      const known = distinct.get(print) ?? { type, key, uses: 0, recursive: reachable(type, key).has(key) };
      known.uses += uses.get(key) ?? 0;
      distinct.set(print, known);
    }
    fingerprints.set(type, own);
  }
  const names = chooseNames(distinct, typeNames);
  const nameOf = (type: SchemaType, key: string): string | undefined =>
    names.get(fingerprints.get(type)?.get(key) ?? "");
  const bodies = new Map<string, TypeNode>();
  for (const [print, name] of names) {
    const { type, key } = distinct.get(print) ?? {};
    const node = type?.definitions.get(key ?? "");
    if (type === undefined || node === undefined) continue;
    bodies.set(
      name,
      fitType(type, node, { layout: "block", nameOf: (other) => nameOf(type, other) }, MAX_DEFINITION_CHARS),
    );
  }
  return { nameOf, bodies };
}

function chooseNames(distinct: ReadonlyMap<string, Definition>, typeNames: TypeNames): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [print, { type, key, uses, recursive }] of distinct) {
    const node = type.definitions.get(key);
    if (node === undefined || (!recursive && (uses < 2 || isShort(type, node)))) continue;
    names.set(print, typeNames.take(pointerHint(key)));
  }
  return names;
}

function isShort(type: SchemaType, node: TypeNode): boolean {
  return printType(type, node, { layout: "line" }, MAX_DEFINITION_CHARS).length < MIN_NAMED_CHARS;
}

/** How often each definition is referred to, from the root and from other definitions. */
function countUses({ root, definitions }: SchemaType): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  const visit = (node: TypeNode): void => {
    if (node.kind === "ref") uses.set(node.key, (uses.get(node.key) ?? 0) + 1);
    for (const child of childrenOf(node)) visit(child);
  };
  visit(root);
  for (const node of definitions.values()) visit(node);
  return uses;
}

/** Keys that a definition leads to; its own among them when it is recursive. */
function reachable({ definitions }: SchemaType, from: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const visit = (node: TypeNode | undefined): void => {
    if (node === undefined) return;
    if (node.kind === "ref" && !reached.has(node.key)) {
      reached.add(node.key);
      visit(definitions.get(node.key));
    }
    for (const child of childrenOf(node)) visit(child);
  };
  visit(definitions.get(from));
  return reached;
}

/**
 * By key, a text that is the same for definitions that mean the same and are called the same, whichever schema they are in.
 *
 * @param bodies Numbers of the bodies met so far; grows.
 */
function fingerprintAll(type: SchemaType, bodies: Map<string, number>): ReadonlyMap<string, string> {
  const numbers = new Map<string, number>();
  for (const [key, node] of type.definitions) {
    const body = printType(type, node, { layout: "block", nameOf: (other) => other || "#" }, MAX_DEFINITION_CHARS);
    const number = bodies.get(body) ?? bodies.size;
    bodies.set(body, number);
    numbers.set(key, number);
  }
  const prints = new Map<string, string>();
  for (const key of type.definitions.keys()) {
    const reached = [...reachable(type, key)].sort();
    prints.set(key, JSON.stringify([key, ...reached].map((one) => [one, numbers.get(one)])));
  }
  return prints;
}
