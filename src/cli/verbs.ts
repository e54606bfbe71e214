import { ServiceRefusal } from "./http-caller.ts";
import { EXIT } from "./io.ts";
import type { CliIo } from "./io.ts";

/** What a verb of a command is given. */
export interface VerbRequest {
  readonly values: ReadonlyMap<string, string | boolean>;
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** After the verb. */
  readonly rest: readonly string[];
  readonly io: CliIo;
  readonly stopped: AbortSignal;
}

/**
 * The verb of a command.
 *
 * @param positionals What stands after the command: the verb, then what it is given.
 * @returns What is wrong, in one sentence, where there is none of that name.
 */
export function findVerb<Verb>(
  command: string,
  verbs: ReadonlyMap<string, Verb>,
  [name, ...rest]: readonly string[],
): { readonly verb: Verb; readonly rest: readonly string[] } | { readonly fault: string } {
  const verb = verbs.get(name ?? "");
  if (verb !== undefined) return { verb, rest };
  const known = [...verbs.keys()].join(", ");
  return { fault: name === undefined ? `Say which: ${known}.` : `Unknown: ${command} ${name}. There are ${known}.` };
}

/** Tells a service's refusal as other faults are told. @returns Exit code. @throws What is none. */
export function reportRefusal(error: unknown, io: CliIo): number {
  if (!(error instanceof ServiceRefusal)) throw error;
  io.stderr(`${error.message}\n`);
  if (error.hint !== undefined) io.stderr(`hint: ${error.hint}\n`);
  return EXIT.failed;
}

/** How a server is reached, without its arguments, its credentials and its query. */
export function reachedBy(server: Readonly<Record<string, unknown>>): string {
  const { command, url, image } = server;
  if (typeof url === "string") return URL.canParse(url) ? new URL(url).origin + new URL(url).pathname : "a url";
  if (typeof image === "string") return `image ${image}`;
  return typeof command === "string" ? command : "nothing";
}
