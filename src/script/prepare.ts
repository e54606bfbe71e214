import { byteLength } from "../lib/bounded-text.ts";
import { RunletError } from "../lib/errors.ts";
import type { Asker } from "../lib/thread.ts";
import { BODY_PREFIX, BODY_SUFFIX } from "./body-wrapper.ts";
import { chooseScript } from "./choose-script.ts";
import type { ChosenScript } from "./choose-script.ts";
import type { OpenObject } from "./literals.ts";
import { normalise } from "./normalise.ts";
import { TOO_DEEP } from "./parse.ts";
import { scanScript } from "./scan.ts";
import type { ScannedCall } from "./scan.ts";
import type { Position, RunnableScript } from "./script.ts";
import { createLineTable, createPositionMap, editText } from "./source-position.ts";
import { syntaxError } from "./syntax-error.ts";
import { sharedTranspiler } from "./transpile.ts";
import type { Transpiler } from "./transpile.ts";
import { toCheckable } from "./typecheck/typecheck-text.ts";
import type { CheckableScript } from "./typecheck/typecheck-text.ts";

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

/** A script that is ready to run and to be checked against a catalog. */
export interface PreparedScript extends RunnableScript {
  /** In the order of the text; empty when the script gives the name `mcp` another meaning. */
  readonly calls: readonly ToolCallSite[];
  /** The script for a type checker; made anew at each call. */
  checkable(): CheckableScript;
}

/** Options of `prepareScript`. */
export interface PrepareOptions {
  /** Largest source taken, UTF-8 bytes. */
  readonly maxBytes: number;
  /** Used for what is not plain JavaScript. @default the process's own */
  readonly transpiler?: Transpiler;
  /** Whose script it is: one owner's TypeScript does not wait for all of another's. @default an owner that all share */
  readonly asker?: Asker;
}

/**
 * Makes a caller's or a model's text runnable: finds the script in it, erases types, turns its value into a `return`, and
 * refuses what cannot run. Plain JavaScript is parsed once, here; everything else is read in a thread of its own, within a
 * bounded time.
 *
 * @throws SCRIPT_TOO_LARGE; SCRIPT_SYNTAX with `line`, `column` and `snippet` in the caller's text.
 */
export async function prepareScript(text: string, options: PrepareOptions): Promise<PreparedScript> {
  const bytes = byteLength(text);
  if (bytes > options.maxBytes) {
    throw new RunletError(
      "SCRIPT_TOO_LARGE",
      `Cannot run a script of more than ${options.maxBytes} bytes: current size is ${bytes}`,
      { hint: "Send data as `input` and keep only code in the script." },
    );
  }
  try {
    const { transpiler = sharedTranspiler, asker } = options;
    return finish(
      text,
      await chooseScript(text, {
        strip: (script) => transpiler.strip(script, asker),
        transform: (script) => transpiler.transform(script, asker),
      }),
    );
  } catch (error) {
    // A walk of a tree needs more of the stack than the parse that made it.
    if (error instanceof RangeError) throw syntaxError(text, { message: TOO_DEEP, offset: 0, tooDeep: true });
    throw error;
  }
}

function finish(source: string, chosen: ChosenScript): PreparedScript {
  const toSource = (offset: number): number | undefined => {
    const original = chosen.readable.toOriginal(offset);
    return original === undefined ? undefined : chosen.start + original;
  };
  const scan = scanScript(chosen.tree);
  if (scan.problem !== undefined) {
    const offset = toSource(scan.problem.offset - BODY_PREFIX.length) ?? chosen.start;
    throw syntaxError(source, { ...scan.problem, offset });
  }
  const lines = createLineTable(source, "editor");
  /** @param offset In the tree. */
  const place = (offset: number): Position | undefined => {
    const at = toSource(offset - BODY_PREFIX.length);
    return at === undefined ? undefined : lines.toPosition(at);
  };
  const value = normalise(chosen.tree);
  const floating = scan.floating.found(chosen.tree.wrapped, value, (offset) => place(offset)?.line);
  // Where both end at one place, a floating value ends first: it is the inner one.
  const edited = editText(chosen.tree.wrapped, [...floating.edits, ...value]);
  const body = edited.text.slice(BODY_PREFIX.length, -BODY_SUFFIX.length);
  const blankLines = chosen.sameLines ? "\n".repeat(lines.toPosition(chosen.start).line - 1) : "";
  const code = blankLines + body;
  const edits = createPositionMap(code, source, (offset) => {
    if (offset < blankLines.length) return undefined;
    const inTree = edited.toOriginal(offset - blankLines.length + BODY_PREFIX.length);
    return inTree === undefined ? undefined : toSource(inTree - BODY_PREFIX.length);
  });
  return {
    code,
    source,
    edits,
    tracker: floating.tracker,
    sameLines: chosen.sameLines,
    calls: scan.calls.map((call) => toCallSite(call, place)),
    checkable: () => toCheckable(source, chosen, toSource),
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
