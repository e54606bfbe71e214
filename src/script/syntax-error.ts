import { RunletError } from "../lib/errors.ts";
import type { ErrorContext } from "../lib/errors.ts";
import type { SyntaxProblem } from "./parse.ts";
import { createLineTable, snippet } from "./source-position.ts";
import { MAX_SCOPES, MAX_TREE_DEPTH } from "./tree-bounds.ts";
import type { TreeTooLarge } from "./tree-bounds.ts";

const HINT = "Send one JavaScript or TypeScript program; `await` and `return` are allowed at its top level.";
const MODULE_HINT = "Call tools as `await mcp.<server>.<tool>({ … })`; nothing can or need be imported.";
const QUOTE_HINT = "Write strings with \" or ' or `: the quotes of prose are none in code.";
const NODES_HINT = "Send data as `input` and keep only code in the script, or ask for more with limits.syntaxNodes.";
/** What to do about code that is nested too deep. */
export const DEPTH_HINT = "Nest less, or move data out of the code and into `input`.";

/** Quotes of prose, which word processors and some models put in the place of a program's. @source Unicode 16, Quotation_Mark */
const PROSE_QUOTES = "\u2018\u2019\u201A\u201B\u201C\u201D\u201E\u201F\u00AB\u00BB\u2039\u203A";

/** @param problem Its offset is in `source`, the caller's text. */
export function syntaxError(source: string, problem: SyntaxProblem): RunletError {
  const aboutModules = problem.message.startsWith("Cannot import");
  return new RunletError(
    "SCRIPT_SYNTAX",
    aboutModules ? problem.message : `Cannot run the script as it does not parse: ${problem.message}`,
    {
      ...placeOf(source, problem.offset),
      hint: aboutModules ? MODULE_HINT : hintFor(problem, source.charAt(problem.offset)),
    },
  );
}

/**
 * SCRIPT_TOO_LARGE at the place where the syntax tree became too large.
 *
 * @param tooLarge Its offset is in `source`, the caller's text.
 */
export function treeError(source: string, { excess, offset }: TreeTooLarge, maxNodes: number): RunletError {
  const [rule, hint] =
    excess === "nodes"
      ? [`its syntax tree may have ${maxNodes} nodes: it has more`, NODES_HINT]
      : [
          `its syntax may be nested ${MAX_TREE_DEPTH} levels deep, functions and blocks ${MAX_SCOPES}: it is nested deeper`,
          DEPTH_HINT,
        ];
  return new RunletError("SCRIPT_TOO_LARGE", `Cannot run the script as ${rule}`, { ...placeOf(source, offset), hint });
}

function placeOf(source: string, offset: number): ErrorContext {
  const { line, column } = createLineTable(source, "editor").toPosition(offset);
  const quoted = snippet(source, line, column);
  return { line, column, ...(quoted === undefined ? {} : { snippet: quoted }) };
}

function hintFor({ hint }: SyntaxProblem, found: string): string {
  return found !== "" && PROSE_QUOTES.includes(found) ? QUOTE_HINT : (hint ?? HINT);
}
