import { parseArgs } from "node:util";
import type { ParseArgsOptionsConfig } from "node:util";

/** Arguments of a command, or what is wrong with them in one sentence. */
export type ParsedArguments =
  | { readonly values: ReadonlyMap<string, string | boolean>; readonly positionals: readonly string[] }
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
    return { values: new Map(given), positionals };
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")) {
      return { fault: error.message.split(". ")[0] ?? error.message };
    }
    throw error;
  }
}
