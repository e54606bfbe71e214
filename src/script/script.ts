/** A script as the isolate runs it: the body of an async function, made from the caller's text by insertions only. */
export interface RunnableScript {
  /** Body text: statements that `return` the script's value. Line breaks are those of `source`. */
  readonly code: string;
  /** The text in which positions are told: the caller's own, complete. */
  readonly source: string;
  /** Where `code` differs from `source`: for mapping positions back. */
  readonly edits: PositionMap;
  /** Name by which `code` calls the tracker of its floating promises; `undefined` when it has none. */
  readonly tracker: string | undefined;
  /** Whether each line of `code` is the line of `source` with the same number. */
  readonly sameLines: boolean;
}

/** A position in a text: both 1-based, columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Maps positions of the runnable code back to the caller's text. */
export interface PositionMap {
  /** @returns The caller's position, or `undefined` when the place is one we inserted. */
  toSource(position: Position): Position | undefined;
}
