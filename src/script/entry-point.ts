import type {
  ArrowFunctionExpression,
  Expression,
  FunctionDeclaration,
  FunctionExpression,
  ModuleDeclaration,
  Node,
  ObjectPattern,
  Pattern,
  Statement,
} from "acorn";
import { recursive } from "acorn-walk";
import type { NameUses } from "./name-uses.ts";

/** A function that a script may mean to be called. */
export type CallableNode = ArrowFunctionExpression | FunctionExpression;

/** A function that a top-level statement declares. */
export interface DeclaredFunction {
  readonly name: string;
  readonly params: readonly Pattern[];
  /** The declaration: what is inside does not count as a use. */
  readonly node: Node;
}

/** What a script's function may ask for by name. */
const CONTEXT: ReadonlySet<string> = new Set(["mcp", "input", "console", "emit"]);
const CONTEXT_OBJECT = "{ mcp, input, console, emit }";
/** Of several functions nobody calls, these are the ones to start with. */
const ENTRY_NAMES: readonly string[] = ["main", "run", "handler", "execute"];

/** The expression as a function that gives its value when it is called: a generator gives none. */
export function readFunction(expression: Expression): CallableNode | undefined {
  const isFunction = expression.type === "ArrowFunctionExpression" || expression.type === "FunctionExpression";
  return isFunction && !expression.generator ? expression : undefined;
}

/**
 * A call: the callee's text, then the arguments its parameters ask for by name. A first parameter of any other name gets
 * the run's input.
 */
export function callText(callee: string, called: { readonly params: readonly Pattern[] } | undefined): string {
  const args: string[] = [];
  for (const param of called?.params ?? []) {
    const pattern = param.type === "AssignmentPattern" ? param.left : param;
    if (pattern.type === "Identifier" && CONTEXT.has(pattern.name)) args.push(pattern.name);
    else if (pattern.type === "ObjectPattern" && namesContext(pattern)) args.push(CONTEXT_OBJECT);
    else if (args.length === 0 && pattern.type !== "RestElement") args.push("input");
    else break;
  }
  return `${callee}(${args.join(", ")})`;
}

/**
 * The call that starts a script which only declares things: its one function that nothing uses, or of several the one
 * that is named as an entry.
 *
 * @returns The call's text; `undefined` when the script does something by itself or no function stands out.
 */
export function findEntry(uses: NameUses, units: readonly (Statement | ModuleDeclaration)[]): string | undefined {
  const working = units.filter((unit) => unit.type !== "EmptyStatement" && !isDirective(unit));
  const candidates = working.flatMap(readDeclared);
  if (candidates.length === 0 || !working.every(isDeclaration)) return undefined;
  const unused = candidates.filter((candidate) => !uses.isUsed(candidate.name, [candidate.node]));
  const [only] = unused;
  if (only !== undefined && working.length === 1 && unused.length === 1) return callText(only.name, only);
  if (working.some(worksByItself)) return undefined;
  const named = ENTRY_NAMES.flatMap((name) => unused.find((candidate) => candidate.name === name) ?? [])[0];
  if (named !== undefined) return callText(named.name, named);
  return only !== undefined && unused.length === 1 && needsNothing(only) ? callText(only.name, only) : undefined;
}

/** The functions that a top-level statement declares. */
export function readDeclared(unit: Statement | ModuleDeclaration): DeclaredFunction[] {
  if (unit.type === "FunctionDeclaration") return unit.generator ? [] : [toDeclared(unit)];
  if (unit.type !== "VariableDeclaration") return [];
  return unit.declarations.flatMap((declarator) => {
    const called = declarator.init ? readFunction(declarator.init) : undefined;
    if (called === undefined || declarator.id.type !== "Identifier") return [];
    return [{ name: declarator.id.name, params: called.params, node: declarator }];
  });
}

function toDeclared(unit: FunctionDeclaration): DeclaredFunction {
  return { name: unit.id.name, params: unit.params, node: unit };
}

function isDirective(unit: Statement | ModuleDeclaration): boolean {
  return unit.type === "ExpressionStatement" && unit.directive !== undefined;
}

function isDeclaration(unit: Statement | ModuleDeclaration): boolean {
  return unit.type === "FunctionDeclaration" || unit.type === "ClassDeclaration" || unit.type === "VariableDeclaration";
}

/** Whether a declaration awaits something or touches the outside world before any function is called. */
function worksByItself(unit: Statement | ModuleDeclaration): boolean {
  let works = false;
  recursive(unit, undefined, {
    Function: () => undefined,
    AwaitExpression: () => {
      works = true;
    },
    Identifier: (node) => {
      if (node.name === "mcp" || node.name === "emit") works = true;
    },
  });
  return works;
}

function needsNothing({ params }: DeclaredFunction): boolean {
  return params.every(
    (param) =>
      param.type === "AssignmentPattern" ||
      param.type === "RestElement" ||
      (param.type === "Identifier" && CONTEXT.has(param.name)) ||
      (param.type === "ObjectPattern" && namesContext(param)),
  );
}

function namesContext(pattern: ObjectPattern): boolean {
  return pattern.properties.some(
    (property) => property.type === "Property" && property.key.type === "Identifier" && CONTEXT.has(property.key.name),
  );
}
