import type { AnyNode, CallExpression } from "acorn";
import { full } from "acorn-walk";
import { readLiteral, staticName } from "./literals.ts";
import type { LiteralValue } from "./literals.ts";
import { createMissingAwaitFinder } from "./missing-await.ts";
import type { ScriptTree, SyntaxProblem } from "./parse.ts";
import { SCRIPT_GLOBALS } from "./script-globals.ts";

/** A call of a tool that is written out: `mcp.files.read({path: "a"})`. Offsets are those of the tree. */
export interface ScannedCall {
  /** What follows `mcp`. */
  readonly path: readonly string[];
  readonly start: number;
  /** `undefined` when any argument is decided at run time. */
  readonly args: readonly LiteralValue[] | undefined;
  readonly argsStart: number;
  /** Whether its promise is used as if it were the answer. */
  readonly lacksAwait: boolean;
}

/** A tool's name may hold dots; more than this is no name. */
const MAX_PATH = 8;

/** What is known of a script before it runs. */
export interface ScanResult {
  /** Something no script can do; the first one in the text. */
  readonly problem: SyntaxProblem | undefined;
  /** Empty when the script gives the name `mcp` another meaning. */
  readonly calls: readonly ScannedCall[];
  /** Where a template literal or a `~` begins: how a fence reads that stands between statements. */
  readonly fenceLike: ReadonlySet<number>;
}

/** Walks a script once for everything that is to be known of it. */
export function scanScript({ root, statements }: ScriptTree): ScanResult {
  const topLevel: ReadonlySet<AnyNode> = new Set(statements);
  const bound = new Set<string>();
  const fenceLike = new Set<number>();
  const calls: Omit<ScannedCall, "lacksAwait">[] = [];
  const missingAwaits = createMissingAwaitFinder();
  const problems: SyntaxProblem[] = [];
  const requires: SyntaxProblem[] = [];
  full(root, (node, _state, type) => {
    missingAwaits.visit(node);
    switch (node.type) {
      case "Identifier":
        if (type === "VariablePattern") bound.add(node.name);
        break;
      case "TemplateLiteral":
      case "UnaryExpression":
        fenceLike.add(node.start);
        break;
      case "CallExpression": {
        if (isRequire(node)) requires.push(moduleProblem(node.start, argumentText(node)));
        const call = readToolCall(node);
        if (call !== undefined) calls.push(call);
        break;
      }
      default: {
        const problem = readModuleSyntax(node, topLevel.has(node));
        if (problem !== undefined) problems.push(problem);
      }
    }
  });
  if (!bound.has("require")) problems.push(...requires);
  problems.sort((a, b) => a.offset - b.offset);
  const lacking = missingAwaits.found();
  const found = calls.map((call) => ({ ...call, lacksAwait: lacking.has(call.start) }));
  return { problem: problems[0], calls: bound.has("mcp") ? [] : found.sort((a, b) => a.start - b.start), fenceLike };
}

function readModuleSyntax(node: AnyNode, isTopLevel: boolean): SyntaxProblem | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
      return moduleProblem(node.start, node.source.value);
    case "ImportExpression":
      return moduleProblem(node.start, readLiteral(node.source)?.value);
    case "ExportNamedDeclaration":
      if (node.source) return moduleProblem(node.start, node.source.value);
      return isTopLevel ? undefined : { message: "Unexpected token 'export'", offset: node.start };
    case "ExportDefaultDeclaration":
      return isTopLevel ? undefined : { message: "Unexpected token 'export'", offset: node.start };
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

function isRequire(node: CallExpression): boolean {
  return node.callee.type === "Identifier" && node.callee.name === "require";
}

function argumentText(node: CallExpression): unknown {
  return node.arguments[0] === undefined ? undefined : readLiteral(node.arguments[0])?.value;
}

function readToolCall(node: CallExpression): Omit<ScannedCall, "lacksAwait"> | undefined {
  const path: string[] = [];
  let callee = node.callee;
  if (node.optional) return undefined;
  while (callee.type === "MemberExpression") {
    const name = callee.optional ? undefined : staticName(callee.property, callee.computed);
    if (name === undefined || path.length === MAX_PATH) return undefined;
    path.unshift(name);
    callee = callee.object;
  }
  if (callee.type !== "Identifier" || callee.name !== "mcp" || path.length === 0) return undefined;
  const values = node.arguments.map((argument) => readLiteral(argument));
  return {
    path,
    start: node.start,
    args: values.every((value) => value !== undefined) ? values : undefined,
    argsStart: node.arguments[0]?.start ?? node.start,
  };
}
