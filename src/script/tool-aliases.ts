import type { AnyNode, Expression, Pattern, Statement } from "acorn";
import { staticName } from "./literals.ts";

/** Part of a text in which a name means one thing. */
interface Scope {
  readonly start: number;
  readonly end: number;
}

/** A constant that may be a part of `mcp`: what it was read from, where, and where its own name means it. */
interface Alias {
  readonly from: NamedPath;
  readonly at: number;
  readonly scope: Scope;
}

/** A path of names that begins with a name of the script. */
export interface NamedPath {
  readonly root: string;
  readonly path: readonly string[];
}

/** Follows constants that are parts of `mcp`: `const { files } = mcp` and their like. */
export interface ToolAliases {
  /** Takes one node of the tree; every node has to come, in any order. */
  visit(node: AnyNode): void;
  /**
   * @param at Where the path stands.
   * @param isBoundOnce Whether a name is declared and assigned in one place of the whole script.
   * @returns What follows `mcp`; `undefined` when the path is none of `mcp`, or may be another thing.
   */
  resolve(named: NamedPath, at: number, isBoundOnce: (name: string) => boolean): readonly string[] | undefined;
}

/** The script's own name of its tools. */
export const TOOLS = "mcp";
/** A tool's name may hold dots; more than this is no name. */
const MAX_PATH = 8;
/** Constants of constants that are followed: nobody writes so many, and the work is done for each call. */
const MAX_STEPS = 8;

/** Aliases of one tree. */
export function createToolAliases(): ToolAliases {
  const aliases = new Map<string, Alias>();
  return {
    visit(node) {
      if (node.type !== "BlockStatement" && node.type !== "StaticBlock") return;
      for (const statement of node.body) readStatement(statement, node, aliases);
    },
    resolve(named, start, isBoundOnce) {
      let { root, path } = named;
      let at = start;
      for (let step = 0; step <= MAX_STEPS && path.length <= MAX_PATH; step++) {
        if (root === TOOLS) return path;
        const alias = aliases.get(root);
        if (alias === undefined || !isBoundOnce(root) || at < alias.scope.start || at >= alias.scope.end)
          return undefined;
        path = [...alias.from.path, ...path];
        ({ root } = alias.from);
        ({ at } = alias);
      }
      return undefined;
    },
  };
}

/** Reads `a.b["c"]` as names; `undefined` when a part is computed, optional, or no name. */
export function readNamedPath(expression: AnyNode): NamedPath | undefined {
  const path: string[] = [];
  let node = expression;
  while (node.type === "MemberExpression") {
    const name = node.optional ? undefined : staticName(node.property, node.computed);
    if (name === undefined || path.length === MAX_PATH) return undefined;
    path.unshift(name);
    node = node.object;
  }
  return node.type === "Identifier" ? { root: node.name, path } : undefined;
}

function readStatement(statement: Statement, scope: Scope, aliases: Map<string, Alias>): void {
  if (statement.type !== "VariableDeclaration" || statement.kind !== "const") return;
  for (const { id, init } of statement.declarations) {
    const named = isPath(init) ? readNamedPath(init) : undefined;
    if (named !== undefined) bindPattern(id, { from: named, at: id.start, scope }, aliases);
  }
}

function isPath(init: Expression | null | undefined): init is Expression {
  return init?.type === "Identifier" || init?.type === "MemberExpression";
}

function bindPattern(pattern: Pattern, alias: Alias, aliases: Map<string, Alias>): void {
  if (pattern.type === "Identifier") {
    aliases.set(pattern.name, alias);
    return;
  }
  if (pattern.type !== "ObjectPattern") return;
  const { root, path } = alias.from;
  for (const property of pattern.properties) {
    const name = property.type === "Property" ? staticName(property.key, property.computed) : undefined;
    if (property.type === "Property" && name !== undefined)
      bindPattern(property.value, { ...alias, from: { root, path: [...path, name] } }, aliases);
  }
}
