import { RunletError } from "../lib/errors.ts";
import type { SyntaxProblem } from "./parse.ts";
import { createLineTable, snippet } from "./source-position.ts";

const HINT = "Send one JavaScript or TypeScript program; `await` and `return` are allowed at its top level.";
const MODULE_HINT = "Call tools as `await mcp.<server>.<tool>({ … })`; nothing can or need be imported.";
const DEPTH_HINT = "Nest less, or move data out of the code and into `input`.";

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
      hint: problem.tooDeep === true ? DEPTH_HINT : aboutModules ? MODULE_HINT : HINT,
    },
  );
}
