import type { AnyNode, CallExpression, MemberExpression } from "acorn";
import type { Catalog, CatalogTool } from "../../catalog/catalog.ts";
import { memberName } from "./typecheck-names.ts";
import type { ScriptSyntax } from "./typecheck-syntax.ts";

/** What a place of a script is looked up in. */
export interface PlaceContext {
  readonly syntax: ScriptSyntax;
  /** What follows `mcp` as the tool it means. */
  readonly lookUp: LookUp;
}

/** The tool that a path means; `unlisted` when the call decides. */
export type LookUp = (path: readonly string[]) => CatalogTool | "unlisted" | "unknown";

/** A catalog looks for the names nearest to a wrong one, which takes a millisecond: no script needs it for more. */
const MAX_UNKNOWN = 32;

/** Looks each path up once. */
export function createLookUp(catalog: Catalog): LookUp {
  const known = new Map<string, ReturnType<LookUp>>();
  let unknown = 0;
  return (path) => {
    const key = JSON.stringify(path);
    let found = known.get(key);
    if (found === undefined) {
      const resolution = unknown < MAX_UNKNOWN ? catalog.resolve(path) : undefined;
      found = resolution?.kind === "tool" ? resolution.tool : (resolution?.kind ?? "unlisted");
      if (found === "unknown") unknown++;
      known.set(key, found);
    }
    return found;
  };
}

/** The tool a call is of; `undefined` when that is decided at run time. */
export function toolOf(call: CallExpression | undefined, { syntax, lookUp }: PlaceContext): CatalogTool | undefined {
  const path = call === undefined ? undefined : syntax.pathOf(call.callee);
  const found = path === undefined || path.length === 0 ? "unknown" : lookUp(path);
  return typeof found === "string" ? undefined : found;
}

/** The tool that a place has to do with: whose arguments it is in, or whose answer it uses. */
export function toolAt(offset: number, context: PlaceContext): CatalogTool | undefined {
  const { syntax } = context;
  const place = argumentPlace(offset, context);
  if (place !== undefined) return place.tool;
  for (const node of placesOf(offset, syntax)) {
    const tool = toolOf(syntax.sourceOf(node), context);
    if (tool !== undefined) return tool;
  }
  return undefined;
}

/** What a place may be about: its expressions, the object whose property it is, and what a pattern takes apart. */
export function placesOf(offset: number, syntax: ScriptSyntax): readonly AnyNode[] {
  return syntax.at(offset).flatMap((node): readonly AnyNode[] => {
    const parent = syntax.parentOf(node);
    if (parent?.type === "MemberExpression" && parent.property === node) return [parent.object];
    const taken = patternSource(node, syntax);
    return taken === undefined ? [node] : [taken];
  });
}

/** A property that is read, and of what. */
export interface Use {
  readonly name: string;
  readonly object: AnyNode;
  readonly isCalled: boolean;
  /** What is there instead is provided for. */
  readonly isOptional: boolean;
}

/** The property whose name begins at a place, and its use. */
export function readUse(offset: number, syntax: ScriptSyntax): Use | undefined {
  for (const node of syntax.at(offset)) {
    const parent = syntax.parentOf(node);
    if (parent?.type === "MemberExpression" && parent.property === node) return readMember(parent, syntax);
    if (parent?.type === "Property" && parent.key === node) {
      const object = patternSource(parent, syntax);
      const name = node.type === "Identifier" ? node.name : node.type === "Literal" ? String(node.value) : undefined;
      if (object === undefined || name === undefined) return undefined;
      return { name, object, isCalled: false, isOptional: parent.value.type === "AssignmentPattern" };
    }
  }
  return undefined;
}

function readMember(member: MemberExpression, syntax: ScriptSyntax): Use | undefined {
  const name = memberName(member);
  const user = syntax.parentOf(member);
  const isDeleted = user?.type === "UnaryExpression" && user.operator === "delete";
  if (name === undefined || isDeleted) return undefined;
  const isCalled = user?.type === "CallExpression" && user.callee === member;
  return { name, object: member.object, isCalled: isCalled && !user.optional, isOptional: isCalled && user.optional };
}

/** What the pattern that a node is in, or that it is, takes apart. */
function patternSource(node: AnyNode, syntax: ScriptSyntax): AnyNode | undefined {
  const isPattern = node.type === "ArrayPattern" || node.type === "ObjectPattern";
  const parent = syntax.parentOf(node);
  const pattern = isPattern ? node : parent;
  if (pattern?.type !== "ArrayPattern" && pattern?.type !== "ObjectPattern") return undefined;
  const declarator = syntax.parentOf(pattern);
  return declarator?.type === "VariableDeclarator" ? (declarator.init ?? undefined) : undefined;
}

/** A place in the arguments of a call of a tool. */
export interface ArgumentPlace {
  readonly tool: CatalogTool;
  readonly call: CallExpression;
  /** What stands there, or the value of the property whose name stands there. */
  readonly value: AnyNode;
}

/** The arguments that a place is in: written-out objects and lists are followed outwards. */
export function argumentPlace(offset: number, context: PlaceContext): ArgumentPlace | undefined {
  const { syntax } = context;
  for (const node of syntax.at(offset).toReversed()) {
    const property = syntax.parentOf(node);
    const value = property?.type === "Property" && property.key === node ? property.value : node;
    for (let at: AnyNode = node; ;) {
      const parent = syntax.parentOf(at);
      if (parent?.type === "CallExpression" && parent.callee !== at) {
        const tool = toolOf(parent, context);
        if (tool !== undefined) return { tool, call: parent, value };
        break;
      }
      if (parent === undefined || !PARTS.has(parent.type)) break;
      at = parent;
    }
  }
  return undefined;
}

const PARTS: ReadonlySet<AnyNode["type"]> = new Set([
  "ArrayExpression",
  "ConditionalExpression",
  "LogicalExpression",
  "ObjectExpression",
  "Property",
] as const);
