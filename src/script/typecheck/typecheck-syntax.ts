import type { AnyNode, CallExpression, Node } from "acorn";
import { isRecord } from "../../lib/guards.ts";
import { createDefinedTest } from "./typecheck-defined.ts";
import { ScriptNames, memberName } from "./typecheck-names.ts";
import type { NameOrigin } from "./typecheck-names.ts";

/** What is asked of a script's tree to judge what a compiler says of it. */
export interface ScriptSyntax {
  /** The nodes that begin at a place, the outermost first. */
  at(offset: number): readonly AnyNode[];
  parentOf(node: AnyNode): AnyNode | undefined;
  /** Whether the variable is given a value again after its declaration, or may exist by an assignment alone. */
  isAssigned(name: string): boolean;
  /** Whether `typeof` asks for the variable, or a `with` may give it. */
  isAskedFor(name: string): boolean;
  /** Whether the script sets a property of this name on an object that is there. */
  isWritten(property: string): boolean;
  /** Whether the script finds out somewhere if there is a property of this name. */
  isProbed(property: string): boolean;
  /** What follows `mcp` in an expression that is a path of names, `const` names followed; `[]` for `mcp` itself. */
  pathOf(node: AnyNode): readonly string[] | undefined;
  /** The call whose awaited answer is the expression's value. */
  answerOf(node: AnyNode): CallExpression | undefined;
  /** The call from whose answer the expression's value was taken, as far as names and callbacks of methods tell. */
  sourceOf(node: AnyNode): CallExpression | undefined;
  /** The call whose promise is the expression's value. */
  promiseOf(node: AnyNode): CallExpression | undefined;
  /** Whether an expression's value is sure to be other than `undefined`, and no function. */
  isDefined(node: AnyNode): boolean;
  /** The variable at the start of a chain of properties and calls. */
  baseOf(node: AnyNode): string | undefined;
}

const MAX_STEPS = 32;

/** Reads a tree once. */
export function readSyntax(root: Node): ScriptSyntax {
  const parents = new Map<AnyNode, AnyNode>();
  const starts = new Map<number, AnyNode[]>();
  const names = new ScriptNames();
  for (const { node, parent } of nodesOf(root)) {
    if (parent !== undefined) parents.set(node, parent);
    const others = starts.get(node.start);
    if (others === undefined) starts.set(node.start, [node]);
    else others.push(node);
    names.visit(node, parent);
  }
  const originOf = (node: AnyNode): NameOrigin | undefined => names.originOf(node);
  const pathOf = (node: AnyNode, steps = 0): readonly string[] | undefined => {
    if (steps > MAX_STEPS) return undefined;
    if (node.type === "Identifier") {
      if (node.name === "mcp") return [];
      const origin = originOf(node);
      return origin?.isWhole === true ? pathOf(origin.node, steps + 1) : undefined;
    }
    if (node.type !== "MemberExpression") return undefined;
    const name = memberName(node);
    const before = name === undefined ? undefined : pathOf(node.object, steps + 1);
    return before === undefined || name === undefined ? undefined : [...before, name];
  };
  const answerOf = (node: AnyNode, steps = 0): CallExpression | undefined => {
    if (steps > MAX_STEPS) return undefined;
    if (node.type === "AwaitExpression") return node.argument.type === "CallExpression" ? node.argument : undefined;
    const origin = originOf(node);
    return origin?.isWhole === true ? answerOf(origin.node, steps + 1) : undefined;
  };
  const promiseOf = (node: AnyNode): CallExpression | undefined => {
    const value = originOf(node)?.isWhole === true ? originOf(node)?.node : node;
    return value?.type === "CallExpression" && pathOf(value.callee) !== undefined ? value : undefined;
  };
  const sourceOf = (node: AnyNode, steps = 0): CallExpression | undefined => {
    if (steps > MAX_STEPS) return undefined;
    if (node.type === "CallExpression" && (pathOf(node.callee) ?? []).length > 0) return node;
    const before = innerOf(node) ?? originOf(node)?.node;
    return before === undefined ? undefined : sourceOf(before, steps + 1);
  };
  const baseOf = (node: AnyNode, steps = 0): string | undefined => {
    if (node.type === "Identifier") return node.name;
    const inner = steps > MAX_STEPS ? undefined : innerOf(node);
    return inner === undefined ? undefined : baseOf(inner, steps + 1);
  };
  return {
    at: (offset) => starts.get(offset) ?? [],
    parentOf: (node) => parents.get(node),
    isAssigned: (name) => names.isAssigned(name),
    isAskedFor: (name) => names.isAskedFor(name),
    isWritten: (property) => names.isWritten(property),
    isProbed: (property) => names.isProbed(property),
    pathOf: (node) => pathOf(node),
    answerOf: (node) => answerOf(node),
    sourceOf: (node) => sourceOf(node),
    promiseOf,
    isDefined: createDefinedTest(originOf),
    baseOf: (node) => baseOf(node),
  };
}

/** Every node, parents first; without recursion, as trees may be deep. */
export function* nodesOf(root: Node): Generator<{ readonly node: AnyNode; readonly parent: AnyNode | undefined }> {
  const stack: { readonly node: AnyNode; readonly parent: AnyNode | undefined }[] = [];
  if (isNode(root)) stack.push({ node: root, parent: undefined });
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    yield next;
    const children = Object.values(next.node).flatMap((value: unknown) => (Array.isArray(value) ? value : [value]));
    for (const child of children.toReversed()) if (isNode(child)) stack.push({ node: child, parent: next.node });
  }
}

function isNode(value: unknown): value is AnyNode {
  return isRecord(value) && typeof value["type"] === "string" && typeof value["start"] === "number";
}

/** What an expression takes its value from. */
function innerOf(node: AnyNode): AnyNode | undefined {
  switch (node.type) {
    case "AwaitExpression":
      return node.argument;
    case "ChainExpression":
      return node.expression;
    case "MemberExpression":
      return node.object;
    case "CallExpression":
      return node.callee.type === "MemberExpression" ? node.callee.object : undefined;
    default:
      return undefined;
  }
}
