import type { Node } from "acorn";
import { full } from "acorn-walk";

/** Where the names of a tree stand. Goes by names alone, without regard to scopes. */
export interface NameUses {
  /** Whether a name is read, written or declared outside of the given nodes. May say yes too often, never no. */
  isUsed(name: string, except: readonly Node[]): boolean;
}

/** Tables a tree's names at the first question, in one walk: a script may declare thousands. */
export function createNameUses(root: Node): NameUses {
  let table: ReadonlyMap<string, readonly Node[]> | undefined;
  return {
    isUsed(name, except) {
      table ??= readNames(root);
      const uses = table.get(name) ?? [];
      return uses.some((use) => except.every((part) => use.start < part.start || use.end > part.end));
    },
  };
}

function readNames(root: Node): ReadonlyMap<string, readonly Node[]> {
  const table = new Map<string, Node[]>();
  full(root, (node) => {
    if (node.type !== "Identifier") return;
    const known = table.get(node.name);
    if (known === undefined) table.set(node.name, [node]);
    else known.push(node);
  });
  return table;
}
