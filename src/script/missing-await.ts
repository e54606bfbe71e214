import type { AnyNode } from "acorn";
import { staticName } from "./literals.ts";

/** What a promise has; anything else that is read of one is `undefined`. */
const PROMISE_METHODS = new Set(["then", "catch", "finally", "constructor"]);

/** Finds calls whose promise is used as if it were what it resolves to: where an `await` is missing. */
export interface MissingAwaitFinder {
  /** Takes one node of the tree; every node has to come, in any order. */
  visit(node: AnyNode): void;
  /**
   * Starts of the calls, of whatever function. A name is followed without regard to scopes: good enough to explain a
   * script that failed, not to refuse one.
   */
  found(): ReadonlySet<number>;
}

/** A finder for one tree. */
export function createMissingAwaitFinder(): MissingAwaitFinder {
  const heldBy = new Map<string, number>();
  const usedNames = new Set<string>();
  const usedCalls = new Set<number>();
  const use = (node: AnyNode): void => {
    if (node.type === "CallExpression") usedCalls.add(node.start);
    if (node.type === "Identifier") usedNames.add(node.name);
  };
  return {
    visit(node) {
      switch (node.type) {
        case "VariableDeclarator":
          if (node.init?.type !== "CallExpression") break;
          if (node.id.type === "Identifier") heldBy.set(node.id.name, node.init.start);
          else use(node.init);
          break;
        case "MemberExpression": {
          const name = staticName(node.property, node.computed);
          if (name === undefined || !PROMISE_METHODS.has(name)) use(node.object);
          break;
        }
        case "ForOfStatement":
          if (!node.await) use(node.right);
          break;
        case "SpreadElement":
          use(node.argument);
          break;
        default:
      }
    },
    found() {
      const held = [...heldBy].flatMap(([name, start]) => (usedNames.has(name) ? [start] : []));
      return new Set([...usedCalls, ...held]);
    },
  };
}
