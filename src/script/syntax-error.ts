import { RunletError } from "../lib/errors.ts";
import type { SyntaxProblem } from "./parse.ts";
import { createLineTable, snippet } from "./source-position.ts";

const HINT = "Send one JavaScript or TypeScript program; `await` and `return` are allowed at its top level.";
const MODULE_HINT = "Call tools as `await mcp.<server>.<tool>({ … })`; nothing can or need be imported.";
const QUOTE_HINT = "Write strings with \" or ' or `: the quotes of prose are none in code.";
const DEPTH_HINT = "Nest less, or move data out of the code and into `input`.";

/** Quotes of prose, which word processors and some models put in the place of a program's. @source Unicode 16, Quotation_Mark */
const PROSE_QUOTES = "\u2018\u2019\u201A\u201B\u201C\u201D\u201E\u201F\u00AB\u00BB\u2039\u203A";

/** @param problem Its offset is in `source`, the caller's text. */
export function syntaxError(source: string, problem: SyntaxProblem): RunletError {
  const { line, column } = createLineTable(source, "editor").toPosition(problem.offset);
  const quoted = snippet(source, line, column);
  const aboutModules = problem.message.startsWith("Cannot import");
  return new RunletError(
    "SCRIPT_SYNTAX",
    aboutModules ? problem.message : `Cannot run the script as it does not parse: ${problem.message}`,
    {
      line,
      column,
      ...(quoted === undefined ? {} : { snippet: quoted }),
      hint: aboutModules ? MODULE_HINT : hintFor(problem, source.charAt(problem.offset)),
    },
  );
}

function hintFor({ tooDeep, hint }: SyntaxProblem, found: string): string {
  if (tooDeep === true) return DEPTH_HINT;
  return found !== "" && PROSE_QUOTES.includes(found) ? QUOTE_HINT : (hint ?? HINT);
}
