import { stringify } from "yaml";
import { createClientKey } from "../../config/clients.ts";
import { compileConfig } from "../../config/compile.ts";
import type { ClientConfig } from "../../config/config.ts";
import { loadOptions } from "../../config/load.ts";
import { NAME_RULE } from "../../config/schema.ts";
import { parseArguments } from "../arguments.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { findVerb } from "../verbs.ts";
import type { VerbRequest } from "../verbs.ts";
import { revokeKey, saveKey } from "./keys-edit.ts";

/** What `runlet keys --help` prints. */
export const KEYS_USAGE = `Usage: runlet keys create NAME [--save] [--json]
                                     makes a key for a client; the configuration gets its hash only. --save writes it
                                     there; a client that has a key gets a second one beside it
       runlet keys list [--json]     the clients of the configuration: how their hashes begin, and what they may use
       runlet keys revoke NAME [--key START]
                                     takes the client out of the configuration file; with --key only the key whose hash
                                     begins so. A service that runs with this file takes it at once
--config FILE names the configuration file.
`;

const FLAGS = {
  json: { type: "boolean" },
  save: { type: "boolean" },
  key: { type: "string" },
  config: { type: "string" },
} as const;

const VERBS: ReadonlyMap<string, (request: VerbRequest) => number | string> = new Map([
  ["create", createKey],
  ["list", listKeys],
  ["revoke", revoke],
]);

/** How much of a hash tells two keys apart; nothing of the key. */
const SHOWN_DIGITS = 12;

/**
 * `runlet keys create|list|revoke`: the keys that clients call with. Keys themselves are kept nowhere.
 *
 * @param args After `keys`.
 * @returns Exit code: 0; 1 when it could not be done; 2 when the command was not understood.
 * @throws CONFIG_INVALID when the configuration cannot be read or changed.
 */
export async function keysCommand(
  args: readonly string[],
  io: CliIo,
  stopped: AbortSignal = new AbortController().signal,
): Promise<number> {
  const parsed = parseArguments(args, FLAGS);
  if ("fault" in parsed) return refuse(parsed.fault, io);
  const found = findVerb("keys", VERBS, parsed.positionals);
  if ("fault" in found) return refuse(found.fault, io);
  const { verb, rest } = found;
  const result = verb({ ...parsed, rest, io, stopped });
  return typeof result === "number" ? result : refuse(result, io);
}

function createKey({ values, rest, io }: VerbRequest): number | string {
  const [name, ...extra] = rest;
  if (name === undefined || extra.length > 0) return "One name is needed.";
  if (!NAME_RULE.client.test(name)) {
    return `Cannot name a client ${JSON.stringify(name)} as a name is 1 to 64 letters, digits, dots, dashes, underscores or @.`;
  }
  const { key, hash } = createClientKey();
  const saved = values.get("save") === true ? saveKey(name, hash, values, io) : undefined;
  if (saved !== undefined && "fault" in saved) {
    io.stderr(`${saved.fault}\n`);
    return EXIT.failed;
  }
  for (const note of saved?.notes ?? []) io.stderr(`note: ${note}\n`);
  if (values.get("json") === true) {
    io.stdout(`${JSON.stringify({ name, key, hash })}\n`);
    return EXIT.ok;
  }
  const block = stringify({ clients: { [name]: { key: `sha256:${hash}` } } }, { lineWidth: 0 });
  io.stdout(
    `Key of ${name}, shown once and kept nowhere. Its holder sends it as "Authorization: Bearer KEY".\n\n  ${key}\n\n` +
      (saved === undefined ? `Put this into runlet.yaml:\n\n${block}` : `${saved.done}\n`),
  );
  return EXIT.ok;
}

function listKeys({ values, rest, io }: VerbRequest): number | string {
  if (rest.length > 0) return `Unknown: ${rest.join(" ")}`;
  const named = values.get("config");
  const file = typeof named === "string" ? named : undefined;
  const loaded = loadOptions({ file, env: io.env, cwd: io.cwd });
  const { clients } = compileConfig(loaded.options, loaded);
  const list = clients.map(({ keyHashes, principal: { id, admin, access } }) => ({
    name: id,
    keys: keyHashes.map((hash) => hash.slice(0, SHOWN_DIGITS)),
    admin,
    servers: access.servers ?? ["*"],
    tools: Object.fromEntries(access.tools ?? []),
    classes: access.classes ?? ["read", "write", "destructive"],
  }));
  if (values.get("json") === true) io.stdout(`${JSON.stringify(list, null, 2)}\n`);
  else if (clients.length === 0) io.stderr("No clients: everybody on this machine may call. runlet keys create NAME\n");
  else for (const client of clients) io.stdout(`${summaryOf(client)}\n`);
  return EXIT.ok;
}

function summaryOf({ keyHashes, principal: { id, admin, access } }: ClientConfig): string {
  const keys = keyHashes.map((hash) => `sha256:${hash.slice(0, SHOWN_DIGITS)}…`).join(", ");
  const parts = [
    admin ? "admin" : undefined,
    `servers ${access.servers?.join(", ") ?? "all"}`,
    ...[...(access.tools ?? [])].map(([server, globs]) => `${server}: ${globs.join(", ")}`),
    access.classes === undefined ? undefined : `${access.classes.join(", ")} only`,
  ];
  const may = parts.filter((part) => part !== undefined).join("; ");
  return `${id.padEnd(24)}  ${keys === "" ? "no key, told by X-Client-ID" : keys}  ${may}`;
}

function revoke({ values, rest, io }: VerbRequest): number | string {
  const [name, ...extra] = rest;
  if (name === undefined || extra.length > 0) return "One name is needed.";
  const start = values.get("key");
  const result = revokeKey(name, typeof start === "string" ? start : undefined, values, io);
  if ("fault" in result) {
    io.stderr(`${result.fault}\n`);
    return EXIT.failed;
  }
  for (const note of result.notes) io.stderr(`note: ${note}\n`);
  io.stdout(`${result.done}\n`);
  return EXIT.ok;
}

function refuse(fault: string, io: CliIo): number {
  io.stderr(`${fault}\n${KEYS_USAGE}`);
  return EXIT.usage;
}
