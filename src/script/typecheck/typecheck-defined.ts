import type { AnyNode, CallExpression } from "acorn";
import { memberName } from "./typecheck-names.ts";
import type { NameOrigin } from "./typecheck-names.ts";

const MAX_STEPS = 32;

/**
 * Makes a test whether an expression's value is sure to be other than `undefined`, and no function. Looks at each node once.
 *
 * @param originOf Where a variable gets the only value it ever has.
 */
export function createDefinedTest(originOf: (node: AnyNode) => NameOrigin | undefined): (node: AnyNode) => boolean {
  const known = new Map<AnyNode, boolean>();
  const isDefined = (node: AnyNode, steps: number): boolean => {
    let defined = known.get(node);
    if (defined === undefined) known.set(node, (defined = steps <= MAX_STEPS && judge(node, steps + 1)));
    return defined;
  };
  const judge = (node: AnyNode, steps: number): boolean => {
    const origin = originOf(node);
    if (origin !== undefined) return origin.isWhole && isDefined(origin.node, steps);
    return definingParts(node)?.every((part) => isDefined(part, steps)) ?? false;
  };
  return (node) => isDefined(node, 0);
}

/** Functions of the language that give a value whatever they are given. */
const DEFINING_FUNCTIONS = new Set(["String", "Number", "Boolean", "BigInt"]);
const DEFINING_METHODS = new Set(["filter", "join", "map", "slice", "toISOString", "toString", "toFixed", "trim"]);

/** The parts that have to have a value for the expression to have one; `undefined` when it need not have any. */
function definingParts(node: AnyNode): readonly AnyNode[] | undefined {
  switch (node.type) {
    case "Literal":
    case "TemplateLiteral":
    case "ObjectExpression":
    case "ArrayExpression":
    case "NewExpression":
    case "BinaryExpression":
      return [];
    case "UnaryExpression":
      return node.operator === "void" ? undefined : [];
    case "ConditionalExpression":
      return [node.consequent, node.alternate];
    case "LogicalExpression":
      return node.operator === "&&" ? [node.left, node.right] : [node.right];
    case "CallExpression":
      return isDefiningCall(node) ? [] : undefined;
    default:
      return undefined;
  }
}

function isDefiningCall({ callee }: CallExpression): boolean {
  if (callee.type === "Identifier") return DEFINING_FUNCTIONS.has(callee.name);
  return callee.type === "MemberExpression" && DEFINING_METHODS.has(memberName(callee) ?? "");
}
