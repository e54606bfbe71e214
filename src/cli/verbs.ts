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
