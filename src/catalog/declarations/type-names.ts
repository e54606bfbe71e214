import { toTypeName } from "../tool-names.ts";

/** Gives out names for the types of one server. */
export class TypeNames {
  readonly #prefix: string;
  readonly #taken = new Set<string>();

  /** @param prefix Start of the names; followed by `_`, which no global type's name holds. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** A name that was not given out yet. @param hint Word for what the type is; any text. */
  take(hint: string): string {
    const wanted = `${this.#prefix}_${toTypeName(hint, "Type")}`;
    let name = wanted;
    for (let number = 2; this.#taken.has(name); number++) name = wanted + number;
    this.#taken.add(name);
    return name;
  }
}
