import { RunletError } from "../../lib/errors.ts";
import { parseJson } from "../../lib/json.ts";

/** A value as Redis gives it: `null` where there is none. */
export type Field = unknown;

/** Reads the fields of one record, each checked: what is in Redis may have been edited. Contents are never told. */
export class FieldReader {
  readonly #name: string;
  readonly #fields: ReadonlyMap<string, Field>;

  /** @param name What the record is, for messages: `run "run_1"`. */
  constructor(name: string, fields: ReadonlyMap<string, Field>) {
    this.#name = name;
    this.#fields = fields;
  }

  /** @throws INTERNAL when it is not a text. */
  text(field: string): string {
    const value = this.optionalText(field);
    if (value === undefined) throw this.damaged(field, "text");
    return value;
  }

  /** @returns `undefined` when there is none. */
  optionalText(field: string): string | undefined {
    const value = this.#fields.get(field);
    return typeof value === "string" ? value : undefined;
  }

  /** @throws INTERNAL when it is not a number. */
  number(field: string): number {
    const value = this.optionalNumber(field);
    if (value === undefined) throw this.damaged(field, "a number");
    return value;
  }

  /** @returns `undefined` when there is none. @throws INTERNAL when it is not a number. */
  optionalNumber(field: string): number | undefined {
    const text = this.optionalText(field);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text === "" || !Number.isFinite(value)) throw this.damaged(field, "a number");
    return value;
  }

  /** @throws INTERNAL when it is not one of `known`. */
  oneOf<T extends string>(field: string, known: ReadonlySet<T>): T {
    const value = this.text(field);
    for (const member of known) if (member === value) return member;
    throw this.damaged(field, `one of ${[...known].join(", ")}`);
  }

  /** @returns `undefined` when there is none. @throws INTERNAL when it is not JSON text. */
  json(field: string): unknown {
    const text = this.optionalText(field);
    if (text === undefined) return undefined;
    const parsed = parseJson(text);
    if (parsed === undefined) throw this.damaged(field, "JSON");
    return parsed.value;
  }

  /** What to throw when a value is not what the code needs. */
  damaged(field: string, rule: string): RunletError {
    return new RunletError(
      "INTERNAL",
      `Cannot read ${this.#name} as its stored ${field} must be ${rule}: it is not. Restore Redis from a backup.`,
    );
  }
}

/** The members of an array in a reply. @returns None when it is no array. */
export function membersOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

/** Names and values that follow each other, as `HGETALL` gives them. */
export function pairsOf(reply: unknown): Map<string, Field> {
  const members = membersOf(reply);
  const pairs = new Map<string, Field>();
  for (let at = 0; at + 1 < members.length; at += 2) pairs.set(String(members[at]), members[at + 1]);
  return pairs;
}
