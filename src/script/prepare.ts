import { LIMITS } from "../config/limits.ts";
import { byteLength } from "../lib/bounded-text.ts";
import { RunletError } from "../lib/errors.ts";
import type { Asker } from "../lib/thread.ts";
import { BODY_PREFIX } from "./body-wrapper.ts";
import type { ChosenScript } from "./choose-script.ts";
import { readScript, sourceOffset } from "./read-script.ts";
import type { CodeOrigins, ReadScript, ToolCallSite } from "./read-script.ts";
import { sharedScriptReader } from "./script-reader.ts";
import type { PositionMap, RunnableScript } from "./script.ts";
import { createPositionMap, originalOffset } from "./source-position.ts";
import { createWayBack } from "./source-text.ts";
import { treeError } from "./syntax-error.ts";
import { sharedTranspiler } from "./transpile.ts";
import type { Transpiler } from "./transpile.ts";
import { TreeBudget, TreeTooLarge } from "./tree-bounds.ts";
import { toCheckable } from "./typecheck/typecheck-text.ts";
import type { CheckableScript } from "./typecheck/typecheck-text.ts";

/** A script that is ready to run and to be checked against a catalog. */
export interface PreparedScript extends RunnableScript {
  /** In the order of the text, the first thousand; empty when the script gives the name `mcp` another meaning. */
  readonly calls: readonly ToolCallSite[];
  /** The script for a type checker; made anew at each call. @returns `undefined` when it is too large to be checked. */
  checkable(): CheckableScript | undefined;
}

/** Options of `prepareScript`. */
export interface PrepareOptions {
  /** Largest source taken, UTF-8 bytes. */
  readonly maxBytes: number;
  /** Nodes of the syntax tree at most. @default the built-in default of `limits.syntaxNodes` */
  readonly maxNodes?: number;
  /** Used for what is not plain JavaScript. @default the process's own */
  readonly transpiler?: Transpiler;
  /** Whose script it is: one owner's script does not wait for all of another's. @default an owner that all share */
  readonly asker?: Asker;
}

/**
 * Nodes that are read here, all readings of a text together; what has more is read in a thread.
 *
 * @source measured: 4,000 nodes of any kind take some 10 ms; the scripts of models have up to 200
 */
const IN_PLACE_NODES = 4_000;
/** Longest text that is looked at here, in UTF-16 units: what is no node, such as comments, takes time as well. */
const IN_PLACE_UNITS = 64 * 1024;

/**
 * Makes a caller's or a model's text runnable: finds the script in it, erases types, turns its value into a `return`, and
 * refuses what cannot run. A small script in plain JavaScript is read here; everything else in a thread, within a bounded time,
 * so that no text holds up the process.
 *
 * @throws SCRIPT_TOO_LARGE, with `line`, `column` and `snippet` where its syntax tree is; SCRIPT_SYNTAX with these in the caller's
 *   text; the asker's signal's reason.
 */
export async function prepareScript(text: string, options: PrepareOptions): Promise<PreparedScript> {
  const { maxBytes, maxNodes = LIMITS.syntaxNodes.default, transpiler = sharedTranspiler, asker } = options;
  const bytes = byteLength(text);
  if (bytes > maxBytes) {
    throw new RunletError(
      "SCRIPT_TOO_LARGE",
      `Cannot run a script of more than ${maxBytes} bytes: current size is ${bytes}`,
      {
        hint: "Send data as `input` and keep only code in the script.",
      },
    );
  }
  if (text.length <= IN_PLACE_UNITS) {
    const budget = new TreeBudget(Math.min(maxNodes, IN_PLACE_NODES), IN_PLACE_NODES);
    try {
      const { script, chosen } = await readScript(text, {
        strip: (script) => transpiler.strip(script, asker),
        transform: (script) => transpiler.transform(script, asker),
        budget,
      });
      return toPrepared(text, script, chosen);
    } catch (error) {
      if (!(error instanceof TreeTooLarge)) throw error;
      if (error.excess === "depth" || maxNodes <= IN_PLACE_NODES) throw treeError(text, error, maxNodes);
    }
  }
  return toPrepared(text, await sharedScriptReader.read(text, maxNodes, asker), undefined);
}

function toPrepared(source: string, script: ReadScript, chosen: ChosenScript | undefined): PreparedScript {
  const { code, tracker, sameLines, calls, origins } = script;
  const edits = toPositionMap(code, source, origins);
  const checkable = (): CheckableScript | undefined =>
    chosen && toCheckable(source, chosen, (offset) => sourceOffset(chosen, offset));
  return { code, source, edits, tracker, sameLines, calls, checkable };
}

function toPositionMap(code: string, source: string, { lead, edits, rewrite, start }: CodeOrigins): PositionMap {
  const wayBack = rewrite === undefined ? (offset: number) => offset : createWayBack(rewrite);
  return createPositionMap(code, source, (offset) => {
    if (offset < lead) return undefined;
    const inTree = originalOffset(edits, offset - lead + BODY_PREFIX.length);
    const original = inTree === undefined ? undefined : wayBack(inTree - BODY_PREFIX.length);
    return original === undefined ? undefined : start + original;
  });
}
