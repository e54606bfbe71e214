import type { AnyNode, CallExpression } from "acorn";
import { full } from "acorn-walk";
import { importsNothing } from "./exports.ts";
import { createFloatingFinder } from "./floating.ts";
import type { FloatingFinder } from "./floating.ts";
import { readLiteral, readOpenObject } from "./literals.ts";
import type { LiteralValue, OpenObject } from "./literals.ts";
import { createMissingAwaitFinder } from "./missing-await.ts";
import type { ScriptTree, SyntaxProblem } from "./parse.ts";
import { SCRIPT_GLOBALS } from "./script-globals.ts";
import { createToolAliases, readNamedPath, TOOLS } from "./tool-aliases.ts";
import type { NamedPath } from "./tool-aliases.ts";

/** A call of a tool that is written out: `mcp.files.read({path: "a"})`. Offsets are those of the tree. */
export interface ScannedCall {
  /** What follows `mcp`, through constants that are parts of it. */
  readonly path: readonly string[];
  readonly start: number;
  /** `undefined` when any argument is decided at run time. */
  readonly args: readonly LiteralValue[] | undefined;
  /** How many arguments are written; `undefined` when any is spread. */
  readonly count: number | undefined;
  /** The one argument, when it is an object that is written out in part. */
  readonly open: OpenObject | undefined;
  readonly argsStart: number;
  /** Whether its promise is used as if it were the answer. */
  readonly lacksAwait: boolean;
}

/** What is known of a script before it runs. */
export interface ScanResult {
  /** Something no script can do; the first one in the text. */
  readonly problem: SyntaxProblem | undefined;
  /** Empty when the script gives the name `mcp` another meaning, or may do so at run time (`with`, `eval`). */
  readonly calls: readonly ScannedCall[];
  /** Where a template literal or a `~` begins: how a fence reads that stands between statements. */
  readonly fenceLike: ReadonlySet<number>;
  /** Knows the values that are made and not used. */
  readonly floating: Pick<FloatingFinder, "found">;
}

interface NamedCall extends NamedPath {
  readonly node: CallExpression;
}

/** Walks a script once for everything that is to be known of it. */
export function scanScript(tree: ScriptTree): ScanResult {
  let topLevel: ReadonlySet<AnyNode> | undefined;
  const isTopLevel = (node: AnyNode): boolean => (topLevel ??= new Set(tree.statements)).has(node);
  const bindings = new Map<string, number>();
  const fenceLike = new Set<number>();
  const named: NamedCall[] = [];
  const aliases = createToolAliases();
  const missingAwaits = createMissingAwaitFinder();
  const floating = createFloatingFinder();
  const problems: SyntaxProblem[] = [];
  const requires: SyntaxProblem[] = [];
  let isDynamic = false;
  full(tree.root, (node, _state, type) => {
    missingAwaits.visit(node);
    aliases.visit(node);
    floating.visit(node);
    switch (node.type) {
      case "Identifier":
        if (type === "VariablePattern") bindings.set(node.name, (bindings.get(node.name) ?? 0) + 1);
        break;
      case "TemplateLiteral":
      case "UnaryExpression":
        fenceLike.add(node.start);
        break;
      case "WithStatement":
        isDynamic = true;
        break;
      case "CallExpression": {
        const path = node.optional ? undefined : readNamedPath(node.callee);
        if (path === undefined) break;
        named.push({ ...path, node });
        if (path.path.length > 0) break;
        if (path.root === "require") requires.push(moduleProblem(node.start, argumentText(node)));
        isDynamic ||= path.root === "eval";
        break;
      }
      default: {
        const problem = readModuleSyntax(node, tree.wrapped, isTopLevel);
        if (problem !== undefined) problems.push(problem);
      }
    }
  });
  if (!bindings.has("require")) problems.push(...requires);
  problems.sort((a, b) => a.offset - b.offset);
  const isOurs = !isDynamic && !bindings.has(TOOLS);
  const isBoundOnce = (name: string): boolean => bindings.get(name) === 1;
  const lacking = missingAwaits.found();
  const calls = isOurs
    ? named.flatMap(({ node, ...path }) => {
        const tool = aliases.resolve(path, node.start, isBoundOnce);
        return tool === undefined || tool.length === 0 ? [] : [readCall(node, tool, lacking.has(node.start))];
      })
    : [];
  return { problem: problems[0], calls: calls.sort((a, b) => a.start - b.start), fenceLike, floating };
}

function readModuleSyntax(
  node: AnyNode,
  wrapped: string,
  isTopLevel: (node: AnyNode) => boolean,
): SyntaxProblem | undefined {
  switch (node.type) {
    case "ImportDeclaration":
      if (isTopLevel(node) && importsNothing(wrapped, node)) return undefined;
      return moduleProblem(node.start, node.source.value);
    case "ExportAllDeclaration":
      return moduleProblem(node.start, node.source.value);
    case "ImportExpression":
      return moduleProblem(node.start, readLiteral(node.source)?.value);
    case "ExportNamedDeclaration":
      if (node.source) return moduleProblem(node.start, node.source.value);
      return isTopLevel(node) ? undefined : { message: "Unexpected token 'export'", offset: node.start };
    case "ExportDefaultDeclaration":
      return isTopLevel(node) ? undefined : { message: "Unexpected token 'export'", offset: node.start };
    case "MetaProperty":
      return node.meta.name === "import" ? moduleProblem(node.start, undefined) : undefined;
    default:
      return undefined;
  }
}

function moduleProblem(offset: number, name: unknown): SyntaxProblem {
  const what = typeof name === "string" ? JSON.stringify(name) : "a module";
  return {
    message: `Cannot import ${what} as scripts have no modules; the globals are ${SCRIPT_GLOBALS.join(", ")}`,
    offset,
  };
}

function argumentText(node: CallExpression): unknown {
  return node.arguments[0] === undefined ? undefined : readLiteral(node.arguments[0])?.value;
}

function readCall(node: CallExpression, path: readonly string[], lacksAwait: boolean): ScannedCall {
  const values = node.arguments.map((argument) => readLiteral(argument));
  const args = values.every((value) => value !== undefined) ? values : undefined;
  return {
    path,
    start: node.start,
    args,
    count: node.arguments.some(({ type }) => type === "SpreadElement") ? undefined : values.length,
    open: args === undefined && values.length === 1 ? readOpenObject(node.arguments[0]) : undefined,
    argsStart: node.arguments[0]?.start ?? node.start,
    lacksAwait,
  };
}
