import { createClientKey } from "../../config/clients.ts";
import { isRecord } from "../../lib/guards.ts";
import { nearestNames } from "../../lib/nearest.ts";
import { editConfigText, targetFile, writeConfigFile } from "../edit-config.ts";
import type { ConfigEdit, ConfigFile } from "../edit-config.ts";
import type { CliIo } from "../io.ts";

/** What a change of the configuration file did, or why it was not made. */
export type KeyEdit = { readonly done: string; readonly notes: readonly string[] } | { readonly fault: string };

type Values = ReadonlyMap<string, string | boolean>;

const RELOAD = "A service that runs with this file takes it within a second; with hotReload false, on SIGHUP.";

/**
 * Writes the hash of a new key into the configuration file: a client that is not there is added, one that has keys gets this
 * one beside them, so that its holder can change over. Comments and layout stay.
 *
 * @throws CONFIG_INVALID when the file cannot be read or changed.
 */
export function saveKey(name: string, hash: string, values: Values, io: CliIo): KeyEdit {
  const file = targetFile(values, io, { create: true });
  const clients = clientsIn(file);
  const written = `sha256:${hash}`;
  const client = clients.get(name);
  if (client === undefined) {
    write(file, { path: ["clients", name], value: { key: written } });
    const notes = [`${name} may use every tool of every server. Narrow it with servers, tools and classes.`];
    if (clients.size === 0) notes.push("With this first client, nobody can call without a key any more.");
    return { done: `${name} is added to the clients of ${file.name}.`, notes };
  }
  if (client["unverified"] === true) {
    return {
      fault: `Cannot give ${name} a key as it must not be unverified: remove \`unverified\` from ${file.name}.`,
    };
  }
  const keys = keysOf(client);
  write(file, { path: ["clients", name, "key"], value: keys.length === 0 ? written : [...keys, written] });
  const notes = keys.map((key) => `Its key ${key.slice(0, 20)}… goes on to work: runlet keys revoke ${name} --key …`);
  return { done: `${name} has one more key in ${file.name}.`, notes };
}

/**
 * Takes a client, or one of its keys, out of the configuration file. The last key of a client goes with the client. The last
 * client with a key is not taken out, for where nobody has a key others may call without one: it gets a key that nobody holds.
 *
 * @param start How the hash of the key begins. @default the whole client
 * @throws CONFIG_INVALID when the file cannot be read or changed.
 */
export function revokeKey(name: string, start: string | undefined, values: Values, io: CliIo): KeyEdit {
  const file = targetFile(values, io, { create: false });
  const clients = clientsIn(file);
  const client = clients.get(name);
  if (client === undefined) {
    const [nearest] = nearestNames(name, clients.keys(), 1);
    const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
    return { fault: `Cannot revoke ${name} as the clients of ${file.name} must have it: it is not there.${hint}` };
  }
  const keys = keysOf(client);
  const revoked =
    start === undefined ? keys : keys.filter((key) => start !== "" && digitsOf(key).startsWith(digitsOf(start)));
  const left = keys.filter((key) => !revoked.includes(key));
  if (start !== undefined && revoked.length !== 1) {
    const what = revoked.length === 0 ? "none does" : `${revoked.length} do`;
    return { fault: `Cannot revoke a key of ${name} as exactly one hash must begin with ${start}: ${what}.` };
  }
  if (left.length > 0) {
    const [only] = left;
    write(file, { path: ["clients", name, "key"], value: left.length === 1 ? only : left });
    return { done: `One key of ${name} is taken out of ${file.name}; ${left.length} left.`, notes: [RELOAD] };
  }
  const others = [...clients].filter(([other]) => other !== name);
  if (others.length > 0 && (keys.length === 0 || others.some(([, other]) => keysOf(other).length > 0))) {
    write(file, { path: ["clients", name], value: undefined });
    return { done: `${name} is taken out of the clients of ${file.name}.`, notes: [RELOAD] };
  }
  // The block is made anew: with a client's other keys, `unverified` among them, it would still let somebody in.
  write(file, { path: ["clients", name], value: { key: `sha256:${createClientKey().hash}`, servers: [] } });
  const why = `${name} stays, with a key that nobody holds: where no client has a key, others on this machine may call without one.`;
  return { done: `No key of ${name} is left in ${file.name}.`, notes: [why, RELOAD] };
}

function write(file: ConfigFile, edit: ConfigEdit): void {
  writeConfigFile(file, editConfigText(file.text, file.name, [edit]));
}

function clientsIn({ value }: ConfigFile): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  const { clients } = value;
  const entries = isRecord(clients) ? Object.entries(clients) : [];
  return new Map(entries.map(([name, client]) => [name, isRecord(client) ? client : {}]));
}

function keysOf({ key }: Readonly<Record<string, unknown>>): string[] {
  return [key].flat().filter((one) => typeof one === "string");
}

function digitsOf(hash: string): string {
  return hash
    .trim()
    .toLowerCase()
    .replace(/^sha256:/u, "")
    .replace(/…$/u, "");
}
