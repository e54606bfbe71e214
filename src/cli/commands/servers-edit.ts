import { NAME_RULE } from "../../config/schema.ts";
import { nearestNames } from "../../lib/nearest.ts";
import { isRecord } from "../../lib/guards.ts";
import { editConfigText, readConfigFile, targetFile, writeConfigFile } from "../edit-config.ts";
import type { ConfigFile } from "../edit-config.ts";
import { planImport, secretNotes, sectionFor } from "../import-servers.ts";
import { EXIT } from "../io.ts";
import { reachedBy } from "../verbs.ts";
import type { VerbRequest } from "../verbs.ts";

/** `servers import FILE`: takes the servers of another program's file into the configuration file. */
export async function importServers({ values, rest, io }: VerbRequest): Promise<number | string> {
  const [name, ...extra] = rest;
  if (name === undefined || extra.length > 0) return "One file is needed.";
  const source = readConfigFile(name, io.cwd, { create: false });
  const target = targetFile(values, io, { create: true });
  if (source.path === target.path) return `Cannot import ${name} as it is the configuration file itself.`;
  const plan = planImport(source.value, target.value, { rename: values.get("rename") === true });
  for (const note of plan.notes) io.stderr(`note: ${note}\n`);
  if (plan.faults.length > 0) {
    for (const fault of plan.faults) io.stderr(`error: ${fault}\n`);
    io.stderr("Nothing was changed.\n");
    return EXIT.failed;
  }
  const text = editConfigText(target.text, target.name, plan.edits);
  const dry = values.get("dry-run") === true;
  if (!dry && plan.edits.length > 0) writeConfigFile(target, text);
  for (const { path, value } of plan.edits) {
    const [section = "", server] = path;
    io.stdout(server === undefined ? `+ ${section}\n` : `+ ${server}  ${reachedBy(isRecord(value) ? value : {})}\n`);
  }
  const amount = plan.added.length === 1 ? "1 server" : `${plan.added.length} servers`;
  io.stdout(dry ? `${amount} would be added to ${target.name}\n` : `${amount} added to ${target.name}\n`);
  return EXIT.ok;
}

/** `servers add NAME -- COMMAND…` and `servers add NAME --url URL`. */
export async function addServer({ values, lists, rest, io }: VerbRequest): Promise<number | string> {
  const [name, command, ...args] = rest;
  const url = values.get("url");
  if (name === undefined) return "A name is needed.";
  if ((command === undefined) === (url === undefined)) return "Either a command after -- or --url is needed.";
  if (!NAME_RULE.server.test(name)) {
    const rule = "a name is 1 to 64 characters, without spaces and without two underscores in a row";
    return `Cannot name a server ${JSON.stringify(name)} as ${rule}.`;
  }
  const env = pairsOf(lists.get("env"));
  const headers = pairsOf(lists.get("header"));
  if (typeof env === "string" || typeof headers === "string") return "--env and --header are written NAME=VALUE.";
  if (url === undefined ? headers !== undefined : env !== undefined)
    return "--env goes with a command, --header with --url.";
  const server =
    url === undefined
      ? { command, ...(args.length > 0 ? { args } : {}), ...(env === undefined ? {} : { env }) }
      : { url, ...(headers === undefined ? {} : { headers }) };
  const target = targetFile(values, io, { create: true });
  if (serversIn(target).has(name)) {
    io.stderr(`Cannot add ${name} as ${target.name} has it already. Remove it first: runlet servers remove ${name}\n`);
    return EXIT.failed;
  }
  const edit = { path: [sectionFor(target.value), name], value: server };
  writeConfigFile(target, editConfigText(target.text, target.name, [edit]));
  for (const note of secretNotes(name, server)) io.stderr(`note: ${note}\n`);
  io.stdout(`${name} added to ${target.name}\n`);
  return EXIT.ok;
}

/** `servers remove NAME`. */
export async function removeServer({ values, rest, io }: VerbRequest): Promise<number | string> {
  const [name, ...extra] = rest;
  if (name === undefined || extra.length > 0) return "One name is needed.";
  const target = targetFile(values, io, { create: false });
  const section = serversIn(target).get(name);
  if (section === undefined) {
    const [nearest] = nearestNames(name, serversIn(target).keys(), 1);
    const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
    io.stderr(`Cannot remove ${name} as ${target.name} has no such server.${hint}\n`);
    return EXIT.failed;
  }
  writeConfigFile(target, editConfigText(target.text, target.name, [{ path: [section, name], value: undefined }]));
  io.stdout(`${name} removed from ${target.name}\n`);
  return EXIT.ok;
}

/** Names of a file's servers, and the section each is in. */
function serversIn({ value }: ConfigFile): Map<string, string> {
  return new Map(
    ["mcpServers", "servers"].flatMap((section) => {
      const servers = value[section];
      return isRecord(servers) ? Object.keys(servers).map((name): [string, string] => [name, section]) : [];
    }),
  );
}

/** @returns `undefined` when there is none; text when one is not of the form NAME=VALUE. */
function pairsOf(written: readonly string[] = []): Readonly<Record<string, string>> | string | undefined {
  const wrong = written.find((pair) => !/^[^=]+=/u.test(pair));
  if (wrong !== undefined) return wrong;
  if (written.length === 0) return undefined;
  return Object.fromEntries(
    written.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
}
