import type { Position, PositionMap } from "./script.ts";

/** Offsets of a text as lines and columns, and back. Binary search; the table is made once. */
export interface LineTable {
  toPosition(offset: number): Position;
  /** @returns `undefined` when the text has no such place. */
  toOffset(position: Position): number | undefined;
}

/** A replacement of `remove` units at `at`; one of equal length keeps its place in the caller's text. */
export interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
  /** Inserted text that stands for the place before which it is: V8 tells a throw in `return x` at `return`. */
  readonly anchored?: boolean;
}

/** Where the pieces of an edited text come from: plain data that threads can hand to each other. */
export interface EditOrigins {
  /** Of the edited text. */
  readonly length: number;
  /** For each piece: its begin, the place it comes from (-1 for none), and 0 when all of it is that place, else 1. */
  readonly pieces: Int32Array;
}

/** A text after its edits, with the way back. */
export interface EditedText {
  readonly text: string;
  readonly origins: EditOrigins;
  /** @returns The offset before the edits, or `undefined` when the place was inserted. */
  toOriginal(offset: number): number | undefined;
}

const SNIPPET_UNITS = 160;

/**
 * Tables a text's lines.
 *
 * @param breaks `editor`: what callers count (LF, CRLF, CR); `script`: what V8 counts, which adds U+2028 and U+2029.
 * @source ECMA-262, "Line Terminators".
 */
export function createLineTable(text: string, breaks: "editor" | "script"): LineTable {
  const starts = lineStarts(text, breaks === "script");
  return {
    toPosition(offset) {
      const index = lastAtMost(starts, offset);
      return { line: index + 1, column: offset - (starts[index] ?? 0) + 1 };
    },
    toOffset({ line, column }) {
      const start = starts[line - 1];
      if (start === undefined || column < 1) return undefined;
      const end = starts[line] ?? text.length + 1;
      return start + column - 1 < end ? start + column - 1 : undefined;
    },
  };
}

function lineStarts(text: string, unicode: boolean): number[] {
  const starts = [0];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const isBreak =
      unit === 0x0a ||
      (unit === 0x0d && text.charCodeAt(i + 1) !== 0x0a) ||
      (unicode && (unit === 0x2028 || unit === 0x2029));
    if (isBreak) starts.push(i + 1);
  }
  return starts;
}

/** Index of the last number that is not above `limit`; 0 when there is none. */
function lastAtMost(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((sorted[middle] ?? 0) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Applies edits. @param edits Must not overlap; of two at one place the earlier in the list comes first. */
export function editText(text: string, edits: readonly Edit[]): EditedText {
  const ordered = edits.toSorted((a, b) => a.at - b.at);
  const pieces: number[] = [];
  let result = "";
  let from = 0;
  const push = (piece: string, place: number, step: 0 | 1): void => {
    if (piece === "") return;
    pieces.push(result.length, place, step);
    result += piece;
  };
  for (const { at, remove, insert, anchored } of ordered) {
    push(text.slice(from, at), from, 1);
    const isSame = insert.length === remove;
    push(insert, isSame || anchored === true ? at : -1, isSame ? 1 : 0);
    from = at + remove;
  }
  push(text.slice(from), from, 1);
  const origins: EditOrigins = { length: result.length, pieces: Int32Array.from(pieces) };
  return { text: result, origins, toOriginal: (offset) => originalOffset(origins, offset) };
}

/** @returns The offset before the edits, or `undefined` when the place was inserted, or is none of the text. */
export function originalOffset({ length, pieces }: EditOrigins, offset: number): number | undefined {
  if (offset < 0 || offset > length) return undefined;
  let low = 0;
  let high = pieces.length / 3 - 1;
  if (high < 0) return offset;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pieces[3 * middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  const [begin = 0, at = -1, step = 0] = pieces.subarray(3 * low, 3 * low + 3);
  return at === -1 ? undefined : at + step * (offset - begin);
}

/**
 * Maps positions of the runnable code to the caller's text.
 *
 * @param toSourceOffset From an offset in `code` to one in `source`.
 */
export function createPositionMap(
  code: string,
  source: string,
  toSourceOffset: (offset: number) => number | undefined,
): PositionMap {
  let tables: { readonly code: LineTable; readonly source: LineTable } | undefined;
  return {
    toSource(position) {
      tables ??= { code: createLineTable(code, "script"), source: createLineTable(source, "editor") };
      const offset = tables.code.toOffset(position);
      const origin = offset === undefined ? undefined : toSourceOffset(offset);
      return origin === undefined ? undefined : tables.source.toPosition(origin);
    },
  };
}

/**
 * Quotes one line of a text for an error.
 *
 * @param line 1-based.
 * @param column 1-based; a long line is cut around it.
 * @returns The line without its indentation, at most about 160 units; `undefined` when there is no such line.
 */
export function snippet(source: string, line: number, column = 1): string | undefined {
  const table = createLineTable(source, "editor");
  const start = table.toOffset({ line, column: 1 });
  if (start === undefined) return undefined;
  const next = table.toOffset({ line: line + 1, column: 1 }) ?? source.length;
  const text = source.slice(start, next).trimEnd();
  if (text.length <= SNIPPET_UNITS) return text.trimStart();
  const from = Math.max(0, Math.min(column - 1 - SNIPPET_UNITS / 2, text.length - SNIPPET_UNITS));
  const cut = text.slice(from, from + SNIPPET_UNITS).toWellFormed();
  return `${from > 0 ? "…" : ""}${cut.trim()}${from + SNIPPET_UNITS < text.length ? "…" : ""}`;
}
