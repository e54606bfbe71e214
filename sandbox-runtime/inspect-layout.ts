import { append, arrayJoin, floor, newList, round, sqrt, stringIndexOf, stringRepeat } from "./primordials.ts";
import { widthOf } from "./inspect-text.ts";
import type { Scene } from "./scene.ts";

/** An object that is written: its parts, and what stands around them. */
export interface Written {
  readonly parts: string[];
  /** Before the brace, such as the text of a date that has members too. */
  readonly base: string;
  readonly open: string;
  readonly close: string;
  readonly level: number;
  /** The list whose items the parts are. */
  readonly list: readonly unknown[] | undefined;
}

/** Levels of objects that may share a line. */
const COMPACT = 3;
const MIN_GROUPED = 7;
const MAX_COLUMNS = 15;
const SEPARATOR = 2;

/**
 * Puts the parts of an object together: on one line when they fit and few objects are inside of each other, many short items
 * of a list in columns, everything else one a line.
 *
 * @source nodejs/node doc/api/util.md, `util.inspect` with `compact: 3`
 */
export function layout(scene: Scene, { parts, base, open, close, level, list }: Written): string {
  const grouped = list !== undefined && parts.length >= MIN_GROUPED ? group(scene, parts, list) : parts;
  const head = base === "" ? open : `${base} ${open}`;
  if (scene.currentDepth - level < COMPACT && grouped === parts) {
    const start = parts.length + scene.indent + open.length + base.length + 10;
    const line = isShort(scene, parts, start) && stringIndexOf(base, "\n") < 0 ? arrayJoin(parts, ", ") : "\n";
    if (stringIndexOf(line, "\n") < 0) return `${head} ${line} ${close}`;
  }
  const indent = `\n${stringRepeat(" ", scene.indent)}`;
  return `${head}${indent}  ${arrayJoin(grouped, `,${indent}  `)}${indent}${close}`;
}

function isShort(scene: Scene, parts: readonly string[], start: number): boolean {
  let length = parts.length + start;
  if (length + parts.length > scene.breakLength) return false;
  for (let i = 0; i < parts.length; i++) {
    length += (parts[i] as string).length;
    if (length > scene.breakLength) return false;
  }
  return true;
}

/** Items in columns, as square as can be; the same list when that would not help. */
function group(scene: Scene, parts: string[], list: readonly unknown[]): string[] {
  const extra = list.length > scene.maxItems && parts.length > scene.maxItems ? 1 : 0;
  const count = parts.length - extra;
  const widths: number[] = newList();
  let total = 0;
  let widest = 0;
  for (let i = 0; i < count; i++) {
    const width = widthOf(parts[i] as string);
    append(widths, width);
    total += width + SEPARATOR;
    if (width > widest) widest = width;
  }
  const cell = widest + SEPARATOR;
  if (cell * 3 + scene.indent >= scene.breakLength || (total / cell <= 5 && widest > 6)) return parts;
  const columns = columnsOf(scene, cell, total / parts.length, count);
  if (columns <= 1) return parts;
  const rows: string[] = newList();
  const columnWidths: number[] = newList();
  for (let column = 0; column < columns; column++) {
    let width = 0;
    for (let i = column; i < count; i += columns) if ((widths[i] as number) > width) width = widths[i] as number;
    append(columnWidths, width + SEPARATOR);
  }
  const right = areNumbers(list, parts.length);
  for (let from = 0; from < count; from += columns) {
    const last = (from + columns < count ? from + columns : count) - 1;
    let row = "";
    for (let i = from; i < last; i++) {
      const space = stringRepeat(" ", (columnWidths[i - from] as number) - (widths[i] as number) - SEPARATOR);
      row += right ? `${space}${parts[i] as string}, ` : `${parts[i] as string}, ${space}`;
    }
    const space = (columnWidths[last - from] as number) - (widths[last] as number) - SEPARATOR;
    append(rows, row + (right ? stringRepeat(" ", space) : "") + (parts[last] as string));
  }
  if (extra === 1) append(rows, parts[count] as string);
  return rows;
}

/** How many columns make a square of cells that are 2.5 times as high as wide. */
function columnsOf(scene: Scene, cell: number, average: number, count: number): number {
  const bias = cell - 3 - sqrt(cell - average);
  const width = bias > 1 ? bias : 1;
  const square = round(sqrt(2.5 * width * count) / width);
  const fitting = floor((scene.breakLength - scene.indent) / cell);
  const most = COMPACT * 4 < MAX_COLUMNS ? COMPACT * 4 : MAX_COLUMNS;
  const least = square < fitting ? square : fitting;
  return least < most ? least : most;
}

function areNumbers(list: readonly unknown[], length: number): boolean {
  for (let i = 0; i < length; i++) if (typeof list[i] !== "number" && typeof list[i] !== "bigint") return false;
  return true;
}
