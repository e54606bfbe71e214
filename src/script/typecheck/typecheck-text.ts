import { BODY_PREFIX, BODY_SUFFIX } from "../body-wrapper.ts";
import type { ChosenScript } from "../choose-script.ts";
import { normalise } from "../normalise.ts";
import type { ScriptTree } from "../parse.ts";
import type { Position } from "../script.ts";
import { createLineTable, editText } from "../source-position.ts";

/** A script as a type checker reads it: with its types, its value a `return`, inside of an async function. */
export interface CheckableScript {
  readonly language: "js" | "ts";
  readonly text: string;
  /** The script without its types; offsets are those of `text` as `toTree` maps them. */
  readonly tree: ScriptTree;
  /** @returns `undefined` for a place that we inserted. */
  toTree(offset: number): number | undefined;
  /** From an offset of the tree to the caller's own text. */
  toPosition(offset: number): Position | undefined;
}

/**
 * Makes the text for a type checker. Erasing types moves nothing, so that what makes a script's value a `return` fits the
 * text with its types too. TypeScript that had to be rewritten (enums, namespaces) is checked as the JavaScript it became.
 *
 * @param toSource From an offset of the body to one in `source`.
 */
export function toCheckable(
  source: string,
  { tree, typed, language }: Pick<ChosenScript, "tree" | "typed" | "language">,
  toSource: (offset: number) => number | undefined,
): CheckableScript {
  const edited = editText(BODY_PREFIX + typed + BODY_SUFFIX, normalise(tree));
  const table = createLineTable(source, "editor");
  return {
    language,
    text: edited.text,
    tree,
    toTree: (offset) => edited.toOriginal(offset),
    toPosition(offset) {
      const at = toSource(offset - BODY_PREFIX.length);
      return at === undefined ? undefined : table.toPosition(at);
    },
  };
}
