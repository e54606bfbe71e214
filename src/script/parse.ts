import type { ArrowFunctionExpression, Expression, ModuleDeclaration, Node, Options, Program, Statement } from "acorn";
import { BODY_PREFIX, BODY_SUFFIX } from "./body-wrapper.ts";
import { ScriptParser } from "./script-parser.ts";

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
  /** The text is nested deeper than can be read: nothing else is worth a try. */
  readonly tooDeep?: boolean;
  /** What to do about it, where more is known than the parser says. */
  readonly hint?: string;
}

/**
 * A tree, or none, with the place where the statements stopped being any; `tooDeep`: the text is nested deeper than can be
 * read. `findProblem` tells why there is none.
 */
export type ParseOutcome =
  | { readonly ok: true; readonly tree: ScriptTree }
  | { readonly ok: false; readonly at: number; readonly tooDeep: boolean };

/** What is said of a source that exhausts a parser's stack. */
export const TOO_DEEP = "the source is nested deeper than can be read";

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
 * function without a name are taken as the expressions they were meant to be. Never throws for what the text is.
 */
export function parseScript(text: string): ParseOutcome {
  const wrapped = BODY_PREFIX + text + BODY_SUFFIX;
  try {
    return parseWrapped(wrapped);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { ok: false, at: 0, tooDeep: true };
  }
}

/**
 * Says why a text does not parse. Parses the text alone first: a stray `}` is then reported where it stands, not at the
 * end.
 *
 * @param text One that `parseScript` has no tree for.
 */
export function findProblem(text: string): SyntaxProblem {
  try {
    return (
      problemOf(() => ScriptParser.parse(text, OPTIONS), 0, text.length) ??
      problemOf(
        () => ScriptParser.parse(BODY_PREFIX + text + BODY_SUFFIX, OPTIONS),
        BODY_PREFIX.length,
        text.length,
      ) ?? {
        message: "Unexpected token",
        offset: 0,
      }
    );
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { message: TOO_DEEP, offset: 0, tooDeep: true };
  }
}

function parseWrapped(wrapped: string): ParseOutcome {
  let at = 0;
  const arrow = attempt(
    () => soleArrow(ScriptParser.parse(wrapped, OPTIONS), wrapped),
    (error) => {
      at = positionOf(error) - BODY_PREFIX.length;
    },
  );
  if (arrow !== undefined && arrow.body.type === "BlockStatement") {
    const statements = arrow.body.body;
    const meant = statements.filter((statement) => statement.type !== "EmptyStatement");
    if (meant.length === 1 && meant[0]?.type === "BlockStatement") {
      const object = wholeExpression(wrapped);
      if (object?.type === "ObjectExpression") return expressionTree(wrapped, object);
    }
    return { ok: true, tree: { wrapped, root: arrow.body, statements, expression: undefined } };
  }
  const expression = wholeExpression(wrapped);
  if (expression !== undefined) return expressionTree(wrapped, expression);
  return { ok: false, at, tooDeep: false };
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
function wholeExpression(wrapped: string): Expression | undefined {
  const end = wrapped.length - BODY_SUFFIX.length;
  return attempt(() => {
    const body = wrapped.slice(0, end);
    const expression = ScriptParser.parseExpressionAt(body, BODY_PREFIX.length, OPTIONS);
    for (const token of ScriptParser.tokenizer(body.slice(expression.end), OPTIONS)) {
      if (token.type.label !== ";") return undefined;
    }
    return expression;
  });
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
    if (isStackExhausted(error)) return { message: TOO_DEEP, offset, tooDeep: true };
    const ended = offset === length && message === "Unexpected token";
    return { message: ended ? "Unexpected end of the script" : message, offset };
  }
}

/** Acorn has words of its own for it. */
function isStackExhausted(error: SyntaxError): boolean {
  return error.message.startsWith("Not enough stack space");
}
