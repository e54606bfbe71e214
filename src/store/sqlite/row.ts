import type { SQLOutputValue } from "node:sqlite";
import { RunletError } from "../../lib/errors.ts";
import { parseJson } from "../../lib/json.ts";

/** A row as SQLite gives it, not trusted: the file may have been edited or damaged. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

/** Rebuilds the values of one row, each checked; what does not fit is told with its column, never with the content. */
export class RowReader {
  readonly #name: string;
  readonly #row: Row;

  /** @param name What the row is, for messages: `run "run_1"`. */
  constructor(name: string, row: Row) {
    this.#name = name;
    this.#row = row;
  }

  /** @throws INTERNAL when it is not a text. */
  text(column: string): string {
    const value = this.#row[column];
    if (typeof value !== "string") throw this.damaged(column, "text");
    return value;
  }

  /** @throws INTERNAL when it is not a blob. */
  bytes(column: string): Uint8Array<ArrayBuffer> {
    const value = this.#row[column];
    if (!(value instanceof Uint8Array)) throw this.damaged(column, "bytes");
    return value;
  }

  /** @returns `undefined` for NULL. @throws INTERNAL when it is not a text. */
  optionalText(column: string): string | undefined {
    return this.#isNull(column) ? undefined : this.text(column);
  }

  /** @throws INTERNAL when it is not a number. */
  integer(column: string): number {
    const value = this.#row[column];
    if (typeof value !== "number") throw this.damaged(column, "a number");
    return value;
  }

  /** @returns `undefined` for NULL. @throws INTERNAL when it is not a number. */
  optionalInteger(column: string): number | undefined {
    return this.#isNull(column) ? undefined : this.integer(column);
  }

  /** @throws INTERNAL when it is not one of `known`. */
  oneOf<T extends string>(column: string, known: ReadonlySet<T>): T {
    const value = this.text(column);
    for (const member of known) if (member === value) return member;
    throw this.damaged(column, `one of ${[...known].join(", ")}`);
  }

  /** @returns `undefined` for NULL. @throws INTERNAL when it is not JSON text. */
  json(column: string): unknown {
    if (this.#isNull(column)) return undefined;
    const parsed = parseJson(this.text(column));
    if (parsed === undefined) throw this.damaged(column, "JSON");
    return parsed.value;
  }

  /** What to throw when a value is not what the code needs. */
  damaged(column: string, rule: string): RunletError {
    return new RunletError(
      "INTERNAL",
      `Cannot read ${this.#name} as its stored ${column} must be ${rule}: it is not. Restore the database from a backup.`,
    );
  }

  #isNull(column: string): boolean {
    return this.#row[column] === null;
  }
}
