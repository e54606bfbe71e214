import { parseArgs } from "node:util";
import type { ParseArgsOptionsConfig } from "node:util";
import { nearestNames } from "../lib/nearest.ts";

/** Arguments of a command, or what is wrong with them in one sentence. */
export type ParsedArguments =
  | {
      readonly values: ReadonlyMap<string, string | boolean>;
      /** Values of flags that may be given many times. */
      readonly lists: ReadonlyMap<string, readonly string[]>;
      readonly positionals: readonly string[];
    }
  | { readonly fault: string };

/**
 * Reads the arguments of one command; unknown flags and missing values are faults.
 *
 * @param args Without the program's and the command's name.
 */
export function parseArguments(args: readonly string[], options: ParseArgsOptionsConfig): ParsedArguments {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const given = Object.entries(values).flatMap(([name, value]): [string, string | boolean][] =>
      typeof value === "string" || typeof value === "boolean" ? [[name, value]] : [],
    );
    const lists = Object.entries(values).flatMap(([name, value]): [string, string[]][] =>
      Array.isArray(value) ? [[name, value.map(String)]] : [],
    );
    return { values: new Map(given), lists: new Map(lists), positionals };
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")) {
      const fault = error.message.split(". ")[0] ?? error.message;
      const unknown = /^Unknown option '--(?<name>[^']+)'/u.exec(fault)?.groups?.["name"];
      const [nearest] = unknown === undefined ? [] : nearestNames(unknown, Object.keys(options), 1);
      return { fault: nearest === undefined ? fault : `${fault}. Did you mean --${nearest}?` };
    }
    throw error;
  }
}
