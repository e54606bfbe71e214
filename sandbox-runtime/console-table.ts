import { inspect } from "./inspect.ts";
import { widthOf } from "./inspect-text.ts";
import { kindOf } from "./kinds.ts";
import {
  append,
  arrayJoin,
  hasOwn,
  isArray,
  MapCtor,
  mapForEach,
  mapGet,
  mapSet,
  newList,
  objectKeys,
  setForEach,
  StringCtor,
  stringRepeat,
} from "./primordials.ts";

/** Rows and columns that are shown: a log line has room for fewer. */
const MAX_ROWS = 1_000;
const MAX_COLUMNS = 100;

interface Column {
  readonly head: string;
  /** By row; what is not there is empty. */
  readonly cells: (string | undefined)[];
}

/**
 * A table as Node's `console.table` prints it; `undefined` for what has no rows. Rows over 1,000 and columns over 100 are left
 * out.
 *
 * @param columns Names of the columns to show, a list. @default all
 * @throws What getters and traps of the data throw.
 */
export function table(data: unknown, columns: unknown): string | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const kind = kindOf(data);
  if (kind === "map") {
    const [keys, values] = [column("Key"), column("Values")];
    mapForEach(data as Map<unknown, unknown>, (value, key) => {
      if (keys.cells.length >= MAX_ROWS) return;
      append(keys.cells, cell(key));
      append(values.cells, cell(value));
    });
    return draw([numbered("(iteration index)", keys.cells.length), keys, values], keys.cells.length);
  }
  if (kind === "set") {
    const values = column("Values");
    setForEach(data as Set<unknown>, (value) => {
      if (values.cells.length < MAX_ROWS) append(values.cells, cell(value));
    });
    return draw([numbered("(iteration index)", values.cells.length), values], values.cells.length);
  }
  return rowsTable(data, isArray(columns) ? columns : undefined);
}

function rowsTable(data: object, wanted: readonly unknown[] | undefined): string {
  const index = column("(index)");
  const values = column("Values");
  const named = new MapCtor();
  const all: Column[] = newList();
  const keys = objectKeys(data);
  const rows = keys.length < MAX_ROWS ? keys.length : MAX_ROWS;
  const at = (name: string): Column | undefined => {
    let found = mapGet(named, name) as Column | undefined;
    if (found === undefined && all.length < MAX_COLUMNS) {
      found = column(name);
      mapSet(named, name, found);
      append(all, found);
    }
    return found;
  };
  let hasValues = false;
  for (let row = 0; row < rows; row++) {
    const key = keys[row] as string;
    const item = (data as Record<string, unknown>)[key];
    append(index.cells, key);
    const isPrimitive = item === null || (typeof item !== "object" && typeof item !== "function");
    if (isPrimitive && wanted === undefined) {
      hasValues = true;
      values.cells[row] = cell(item);
      continue;
    }
    const names: readonly unknown[] = wanted ?? objectKeys(item as object);
    for (let i = 0; i < names.length; i++) {
      const name = StringCtor(names[i]);
      const found = at(name);
      if (found !== undefined && !isPrimitive && hasOwn(item, name))
        found.cells[row] = cell((item as Record<string, unknown>)[name]);
    }
  }
  const columns: Column[] = newList();
  append(columns, index);
  for (let i = 0; i < all.length; i++) append(columns, all[i] as Column);
  if (hasValues) append(columns, values);
  return draw(columns, rows);
}

function column(head: string): Column {
  return { head, cells: newList() };
}

function numbered(head: string, length: number): Column {
  const made = column(head);
  for (let i = 0; i < length; i++) append(made.cells, StringCtor(i));
  return made;
}

/** A value in a cell: one line, objects with more than two members by their class alone. */
function cell(value: unknown): string {
  const isLarge = typeof value === "object" && value !== null && !isListLike(value) && objectKeys(value).length > 2;
  return inspect(value, { depth: isLarge ? -1 : 0, maxItems: 3, breakLength: Infinity });
}

function isListLike(value: object): boolean {
  const kind = kindOf(value);
  return kind === "array" || kind === "bytes" || kind === "numbers";
}

function draw(columns: readonly Column[], rows: number): string {
  const widths: number[] = newList();
  for (let i = 0; i < columns.length; i++) {
    const { head, cells } = columns[i] as Column;
    let width = widthOf(head);
    for (let row = 0; row < rows; row++) {
      const own = widthOf(cells[row] ?? "");
      if (own > width) width = own;
    }
    append(widths, width);
  }
  const rule = (left: string, middle: string, right: string): string => {
    const parts: string[] = newList();
    for (let i = 0; i < widths.length; i++) append(parts, stringRepeat("─", (widths[i] as number) + 2));
    return left + arrayJoin(parts, middle) + right;
  };
  const line = (textOf: (column: Column) => string): string => {
    const parts: string[] = newList();
    for (let i = 0; i < columns.length; i++) {
      const text = textOf(columns[i] as Column);
      append(parts, ` ${text}${stringRepeat(" ", (widths[i] as number) - widthOf(text))} `);
    }
    return `│${arrayJoin(parts, "│")}│`;
  };
  const all: string[] = newList();
  append(all, rule("┌", "┬", "┐"));
  append(
    all,
    line(({ head }) => head),
  );
  append(all, rule("├", "┼", "┤"));
  for (let row = 0; row < rows; row++)
    append(
      all,
      line(({ cells }) => cells[row] ?? ""),
    );
  append(all, rule("└", "┴", "┘"));
  return arrayJoin(all, "\n");
}
