import type { ArrowFunctionExpression, Expression, ModuleDeclaration, Node, Options, Program, Statement } from "acorn";
import { BODY_PREFIX, BODY_SUFFIX } from "./body-wrapper.ts";
import { ScriptParser } from "./script-parser.ts";
import { TreeTooLarge } from "./tree-bounds.ts";
import type { TreeBudget } from "./tree-bounds.ts";

/** A script's syntax tree. Offsets are those of `wrapped`. */
export interface ScriptTree {
  /** The body between `BODY_PREFIX` and `BODY_SUFFIX`. */
  readonly wrapped: string;
  /** What to walk. */
  readonly root: Node;
  /** Statements of the body; empty when it is one expression that is no statement, such as an object literal. */
  readonly statements: readonly (Statement | ModuleDeclaration)[];
  readonly expression: Expression | undefined;
}

/** Why a text does not parse. */
export interface SyntaxProblem {
  readonly message: string;
  /** In the text that was parsed. */
  readonly offset: number;
  /** What to do about it, where more is known than the parser says. */
  readonly hint?: string;
}

/** A tree, or none, with the place where the statements stopped being any. `findProblem` tells why there is none. */
export type ParseOutcome =
  | { readonly ok: true; readonly tree: ScriptTree }
  | { readonly ok: false; readonly at: number };

const OPTIONS: Options = {
  ecmaVersion: "latest",
  sourceType: "script",
  allowAwaitOutsideFunction: true,
  allowReturnOutsideFunction: true,
  // Modules are refused later, with words that help more than the parser's.
  allowImportExportEverywhere: true,
};

/**
 * Parses a text as the body of an async function: sloppy mode, `await` and `return` allowed. An object literal and a
 * function without a name are taken as the expressions they were meant to be.
 *
 * @throws TreeTooLarge, its offset in `text`: nothing else is worth a try.
 */
export function parseScript(text: string, budget: TreeBudget): ParseOutcome {
  return placed(BODY_PREFIX.length, text.length, () => parseWrapped(BODY_PREFIX + text + BODY_SUFFIX, budget));
}

/**
 * Says why a text does not parse. Parses the text alone first: a stray `}` is then reported where it stands, not at the
 * end.
 *
 * @param text One that `parseScript` has no tree for.
 * @throws TreeTooLarge, its offset in `text`.
 */
export function findProblem(text: string, budget: TreeBudget): SyntaxProblem {
  const { length } = BODY_PREFIX;
  const read = (source: string): Program => ScriptParser.readProgram(source, OPTIONS, budget);
  return (
    placed(0, text.length, () => problemOf(() => read(text), 0, text.length)) ??
    placed(length, text.length, () => problemOf(() => read(BODY_PREFIX + text + BODY_SUFFIX), length, text.length)) ?? {
      message: "Unexpected token",
      offset: 0,
    }
  );
}

/** What is too large is told where it is in the text; a parser without stack left cannot say where it was. */
function placed<T>(shift: number, length: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new TreeTooLarge("depth", 0);
    if (!(error instanceof TreeTooLarge)) throw error;
    throw new TreeTooLarge(error.excess, Math.min(Math.max(0, error.offset - shift), length));
  }
}

function parseWrapped(wrapped: string, budget: TreeBudget): ParseOutcome {
  let at = 0;
  const arrow = attempt(
    () => soleArrow(ScriptParser.readProgram(wrapped, OPTIONS, budget), wrapped),
    (error) => {
      at = positionOf(error) - BODY_PREFIX.length;
    },
  );
  if (arrow !== undefined && arrow.body.type === "BlockStatement") {
    const statements = arrow.body.body;
    const meant = statements.filter((statement) => statement.type !== "EmptyStatement");
    if (meant.length === 1 && meant[0]?.type === "BlockStatement") {
      const object = wholeExpression(wrapped, budget);
      if (object?.type === "ObjectExpression") return expressionTree(wrapped, object);
    }
    return { ok: true, tree: { wrapped, root: arrow.body, statements, expression: undefined } };
  }
  const expression = wholeExpression(wrapped, budget);
  if (expression !== undefined) return expressionTree(wrapped, expression);
  return { ok: false, at };
}

function expressionTree(wrapped: string, expression: Expression): ParseOutcome {
  return { ok: true, tree: { wrapped, root: expression, statements: [], expression } };
}

/** The arrow function that is the whole text; `undefined` when the body closes the wrapper itself. */
function soleArrow(program: Program, wrapped: string): ArrowFunctionExpression | undefined {
  const [statement, ...others] = program.body;
  if (statement?.type !== "ExpressionStatement" || others.length > 0) return undefined;
  const { expression } = statement;
  const whole = expression.start === 1 && expression.end === wrapped.length - 1;
  return whole && expression.type === "ArrowFunctionExpression" ? expression : undefined;
}

/** The one expression that is the whole body, if it is one; a semicolon may follow. */
function wholeExpression(wrapped: string, budget: TreeBudget): Expression | undefined {
  const body = wrapped.slice(0, -BODY_SUFFIX.length);
  return attempt(() => ScriptParser.readExpression(body, BODY_PREFIX.length, OPTIONS, budget));
}

function attempt<T>(work: () => T, failed?: (error: SyntaxError) => void): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    if (isStackExhausted(error)) throw new RangeError(error.message, { cause: error });
    failed?.(error);
    return undefined;
  }
}

/** Where acorn found a fault, in the text it was given. */
function positionOf(error: SyntaxError): number {
  return "pos" in error && typeof error.pos === "number" ? error.pos : 0;
}

function problemOf(work: () => unknown, shift: number, length: number): SyntaxProblem | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const offset = Math.min(Math.max(0, positionOf(error) - shift), length);
    const cut = error.message.lastIndexOf(" (");
    const message = cut === -1 ? error.message : error.message.slice(0, cut);
    if (isStackExhausted(error)) throw new RangeError(error.message, { cause: error });
    const ended = offset === length && message === "Unexpected token";
    return { message: ended ? "Unexpected end of the script" : message, offset };
  }
}

/** Acorn has words of its own for it. */
function isStackExhausted(error: SyntaxError): boolean {
  return error.message.startsWith("Not enough stack space");
}
