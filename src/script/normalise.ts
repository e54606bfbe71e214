import type { Expression, ModuleDeclaration, Statement } from "acorn";
import { callText, findEntry, readDeclared, readFunction } from "./entry-point.ts";
import type { CallableNode, DeclaredFunction } from "./entry-point.ts";
import { readExports } from "./exports.ts";
import { createNameUses } from "./name-uses.ts";
import type { NameUses } from "./name-uses.ts";
import type { ScriptTree } from "./parse.ts";
import type { Edit } from "./source-position.ts";

/**
 * Decides what a script's value is and makes it a `return`, by insertions and replacements of equal length only, none of
 * which holds a line break.
 *
 * In this order: `export default`; an expression that is the whole script; the last statement when it is an expression
 * (function declarations after it do not count, as they do nothing there); the one function that is declared and not
 * used, when nothing but declarations is there. A function that is the value is called, and so is one that the value only
 * names. A call that is the value of `void` is awaited. Else there is no value.
 */
export function normalise(tree: ScriptTree): readonly Edit[] {
  const { expression, statements } = tree;
  if (expression !== undefined) return returnValue(expression.start, expression.end, readFunction(expression));
  const uses = createNameUses(tree.root);
  const exports = readExports(tree, uses);
  const last = lastWorking(exports.units);
  const end = statements.at(-1)?.end;
  if (end === undefined) return [];
  if (exports.value !== undefined) return [...exports.edits, insert(end, `;return ${exports.value}`)];
  if (last?.type === "ExpressionStatement") {
    const expressionEnd = tree.wrapped.charAt(last.end - 1) === ";" ? last.end - 1 : last.end;
    const called = readFunction(last.expression) ?? readNamed(last.expression, exports.units, uses);
    return [...exports.edits, ...awaitVoid(last.expression), ...returnValue(last.start, expressionEnd, called)];
  }
  const entry = findEntry(uses, exports.units);
  return entry === undefined ? exports.edits : [...exports.edits, insert(end, `;return ${entry}`)];
}

function lastWorking(units: ScriptTree["statements"]): Statement | ModuleDeclaration | undefined {
  const last = units.findLast((unit) => unit.type !== "EmptyStatement" && unit.type !== "FunctionDeclaration");
  return last?.type === "ExpressionStatement" && last.directive === "use strict" ? undefined : last;
}

/** The function that an expression assigns, or that it names and nothing else uses. */
function readNamed(
  expression: Expression,
  units: ScriptTree["statements"],
  uses: NameUses,
): CallableNode | DeclaredFunction | undefined {
  if (expression.type === "AssignmentExpression") {
    const isPlain = expression.operator === "=" && expression.left.type === "Identifier";
    return isPlain ? readFunction(expression.right) : undefined;
  }
  if (expression.type !== "Identifier") return undefined;
  const declared = units.flatMap(readDeclared).find(({ name }) => name === expression.name);
  return declared === undefined || uses.isUsed(declared.name, [declared.node, expression]) ? undefined : declared;
}

/** `void main()` has no value, and is the work all the same: the run is not over before it. */
function awaitVoid(expression: Expression): readonly Edit[] {
  const isVoid = expression.type === "UnaryExpression" && expression.operator === "void";
  return isVoid && expression.argument.type === "CallExpression" ? [insert(expression.argument.start, "await ")] : [];
}

function returnValue(start: number, end: number, called: CallableNode | DeclaredFunction | undefined): readonly Edit[] {
  const after = called === undefined ? ")" : callText(")", called);
  return [{ ...insert(start, "return ("), anchored: true }, insert(end, after)];
}

function insert(at: number, text: string): Edit {
  return { at, remove: 0, insert: text };
}
