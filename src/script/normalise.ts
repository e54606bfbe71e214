import type { Expression, ModuleDeclaration, Statement } from "acorn";
import { callText, findEntry, readFunction } from "./entry-point.ts";
import { readExports } from "./exports.ts";
import type { ScriptTree } from "./parse.ts";
import type { Edit } from "./source-position.ts";

/**
 * Decides what a script's value is and makes it a `return`, by insertions and replacements of equal length only, none of
 * which holds a line break.
 *
 * In this order: `export default`; an expression that is the whole script; the last statement when it is an expression
 * (function declarations after it do not count, as they do nothing there); the one function that is declared and not
 * used, when nothing but declarations is there. A function that is the value is called. Else there is no value.
 */
export function normalise(tree: ScriptTree): readonly Edit[] {
  const { expression, statements } = tree;
  if (expression !== undefined) return returnValue(expression, expression.start, expression.end);
  const exports = readExports(tree);
  const last = lastWorking(exports.units);
  const end = statements.at(-1)?.end;
  if (end === undefined) return [];
  if (exports.value !== undefined) return [...exports.edits, insert(end, `;return ${exports.value}`)];
  if (last?.type === "ExpressionStatement") {
    const expressionEnd = tree.wrapped.charAt(last.end - 1) === ";" ? last.end - 1 : last.end;
    return [...exports.edits, ...returnValue(last.expression, last.start, expressionEnd)];
  }
  const entry = findEntry(tree.root, exports.units);
  return entry === undefined ? exports.edits : [...exports.edits, insert(end, `;return ${entry}`)];
}

function lastWorking(units: ScriptTree["statements"]): Statement | ModuleDeclaration | undefined {
  const last = units.findLast((unit) => unit.type !== "EmptyStatement" && unit.type !== "FunctionDeclaration");
  return last?.type === "ExpressionStatement" && last.directive === "use strict" ? undefined : last;
}

function returnValue(expression: Expression, start: number, end: number): readonly Edit[] {
  const called = readFunction(expression);
  const after = called === undefined ? ")" : callText(")", called);
  return [{ ...insert(start, "return ("), anchored: true }, insert(end, after)];
}

function insert(at: number, text: string): Edit {
  return { at, remove: 0, insert: text };
}
