import { BODY_PREFIX, BODY_SUFFIX } from "./body-wrapper.ts";
import { chooseScript } from "./choose-script.ts";
import type { ChosenScript, ReadingTools } from "./choose-script.ts";
import type { OpenObject } from "./literals.ts";
import { normalise } from "./normalise.ts";
import { scanScript } from "./scan.ts";
import type { ScannedCall } from "./scan.ts";
import type { Position } from "./script.ts";
import { createLineTable, editText } from "./source-position.ts";
import type { EditOrigins } from "./source-position.ts";
import type { Rewrite } from "./source-text.ts";
import { syntaxError } from "./syntax-error.ts";
import { TreeTooLarge } from "./tree-bounds.ts";

/** A call of a tool that is written out in a script, with its places in the caller's text. */
export interface ToolCallSite {
  /** What follows `mcp`: a server and a tool, or a tool alone; more when a tool's name holds dots. */
  readonly path: readonly string[];
  /** The arguments; `undefined` when any is decided at run time. */
  readonly args: readonly unknown[] | undefined;
  /** How many arguments are written; `undefined` when any is spread. */
  readonly count: number | undefined;
  /** The one argument, when it is an object that is written out in part. */
  readonly open: OpenObject | undefined;
  readonly position: Position | undefined;
  /** Of the first argument, or of the call when there is none. */
  readonly argsPosition: Position | undefined;
  /** Whether its promise seems to be used as if it were the answer. */
  readonly lacksAwait: boolean;
}

/** Where the places of a script's code come from: plain data that threads can hand to each other. */
export interface CodeOrigins {
  /** Blank lines before the body. */
  readonly lead: number;
  readonly edits: EditOrigins;
  /** `undefined` for a script that was not rewritten. */
  readonly rewrite: Rewrite | undefined;
  /** Where the script begins in the caller's text. */
  readonly start: number;
}

/** What a text is as a script: plain data that threads can hand to each other. */
export interface ReadScript {
  readonly code: string;
  readonly tracker: string | undefined;
  readonly sameLines: boolean;
  readonly calls: readonly ToolCallSite[];
  readonly origins: CodeOrigins;
}

/** Calls of a script that are looked at before it runs; what is wrong with a later one is found when it is made. */
const MAX_CALL_SITES = 1_000;

/**
 * Finds the script in a text, makes its value a `return` and refuses what cannot run. Takes time in proportion to the budget of
 * nodes and to the text.
 *
 * @returns The script, and the tree it was made from.
 * @throws SCRIPT_SYNTAX with `line`, `column` and `snippet` in the text; TreeTooLarge with its offset in the text.
 */
export async function readScript(
  source: string,
  tools: ReadingTools,
): Promise<{ readonly script: ReadScript; readonly chosen: ChosenScript }> {
  const chosen = await chooseScript(source, tools);
  try {
    return { script: finish(source, chosen), chosen };
  } catch (error) {
    // A walk of a tree needs more of the stack than the parse that made it.
    if (error instanceof RangeError) throw new TreeTooLarge("depth", chosen.start);
    throw error;
  }
}

/** From an offset of the body to one in the caller's text. */
export function sourceOffset({ start, readable }: Pick<ChosenScript, "start" | "readable">, offset: number) {
  const original = readable.toOriginal(offset);
  return original === undefined ? undefined : start + original;
}

function finish(source: string, chosen: ChosenScript): ReadScript {
  const { tree, start, readable, sameLines } = chosen;
  const scan = scanScript(tree);
  if (scan.problem !== undefined) {
    const offset = sourceOffset(chosen, scan.problem.offset - BODY_PREFIX.length) ?? start;
    throw syntaxError(source, { ...scan.problem, offset });
  }
  const lines = createLineTable(source, "editor");
  /** @param offset In the tree. */
  const place = (offset: number): Position | undefined => {
    const at = sourceOffset(chosen, offset - BODY_PREFIX.length);
    return at === undefined ? undefined : lines.toPosition(at);
  };
  const value = normalise(tree);
  const floating = scan.floating.found(tree.wrapped, value, (offset) => place(offset)?.line);
  // Where both end at one place, a floating value ends first: it is the inner one.
  const edited = editText(tree.wrapped, [...floating.edits, ...value]);
  const blankLines = sameLines ? "\n".repeat(lines.toPosition(start).line - 1) : "";
  return {
    code: blankLines + edited.text.slice(BODY_PREFIX.length, -BODY_SUFFIX.length),
    tracker: floating.tracker,
    sameLines,
    calls: scan.calls.slice(0, MAX_CALL_SITES).map((call) => toCallSite(call, place)),
    origins: { lead: blankLines.length, edits: edited.origins, rewrite: readable.rewrite, start },
  };
}

function toCallSite(call: ScannedCall, place: (offset: number) => Position | undefined): ToolCallSite {
  return {
    path: call.path,
    args: call.args?.map((argument) => argument.value),
    count: call.count,
    open: call.open,
    position: place(call.start),
    argsPosition: place(call.argsStart),
    lacksAwait: call.lacksAwait,
  };
}
