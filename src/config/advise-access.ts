import { isRecord } from "../lib/guards.ts";
import { matchesGlob } from "../lib/glob.ts";
import { pathText, sourceText } from "./problem.ts";
import type { KeyPath, Source } from "./problem.ts";

/**
 * What is odd about the clients: one that anybody on this machine can claim to be, and names of servers that nothing fits.
 *
 * @param clients As written, checked or not.
 * @param servers Names of the configured servers.
 */
export function* adviseOnClients(
  clients: unknown,
  servers: ReadonlySet<string>,
  sourceOf: (path: KeyPath) => Source | undefined,
): Generator<string> {
  for (const [name, client] of Object.entries(isRecord(clients) ? clients : {})) {
    if (!isRecord(client)) continue;
    if (client["unverified"] === true) {
      const source = sourceOf(["clients", name]);
      const where = source === undefined ? "" : ` (${sourceText(source)})`;
      yield `${pathText(["clients", name])}${where} has no key: anyone on this machine can claim to be it with the header X-Client-ID. Run \`runlet keys create ${name}\` and add the key.`;
    }
    const globs: readonly unknown[] = Array.isArray(client["servers"]) ? client["servers"] : [];
    for (const [index, glob] of globs.entries()) {
      // Asks for whatever there is.
      if (typeof glob !== "string" || glob === "*" || [...servers].some((server) => matchesGlob(glob, server)))
        continue;
      yield `${pathText(["clients", name, "servers", index])} allows nothing as no server is called ${JSON.stringify(glob)}.`;
    }
  }
}

/** Globs that begin with `!`: elsewhere that means all others, here it is a plain character. */
export function* adviseOnGlobs(options: Readonly<Record<string, unknown>>): Generator<string> {
  for (const [path, glob] of globsOf(options)) {
    if (!glob.startsWith("!")) continue;
    const remedy = ["mcpServers", "servers"].includes(String(path[0]))
      ? "Write the name under tools.deny without the `!`."
      : "Write the names that are allowed; what a server must never serve goes to its tools.deny.";
    yield `${pathText(path)} is ${JSON.stringify(glob)}, and \`!\` does not mean all others: the glob fits names that begin with it. ${remedy}`;
  }
}

function* globsOf(options: Readonly<Record<string, unknown>>): Generator<[KeyPath, string]> {
  for (const section of ["mcpServers", "servers"]) {
    for (const [name, server] of entries(options[section])) {
      for (const [list, globs] of entries(isRecord(server) ? server["tools"] : undefined))
        yield* textsOf([section, name, "tools", list], globs);
    }
  }
  for (const [name, client] of entries(options["clients"])) {
    if (!isRecord(client)) continue;
    yield* textsOf(["clients", name, "servers"], client["servers"]);
    for (const [server, globs] of entries(client["tools"])) yield* textsOf(["clients", name, "tools", server], globs);
  }
}

function* textsOf(path: KeyPath, list: unknown): Generator<[KeyPath, string]> {
  for (const [index, item] of (Array.isArray(list) ? (list as unknown[]) : []).entries())
    if (typeof item === "string") yield [[...path, index], item];
}

function entries(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}
