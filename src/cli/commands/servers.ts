import { loadOptions } from "../../config/load.ts";
import { isRecord } from "../../lib/guards.ts";
import { parseArguments } from "../arguments.ts";
import { runningService, SERVICE_FLAGS, SERVICE_FLAGS_TEXT, ServiceRefusal } from "../http-caller.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { CONFIG_FLAGS, CONFIG_FLAGS_TEXT } from "../settings.ts";
import { findVerb, reachedBy, reportRefusal } from "../verbs.ts";
import type { VerbRequest } from "../verbs.ts";
import { addServer, importServers, removeServer } from "./servers-edit.ts";

const USAGE = `Usage: runlet servers import FILE [--into FILE] [--rename] [--dry-run]
       runlet servers add NAME [--env NAME=VALUE]… -- COMMAND [ARGUMENT]…
       runlet servers add NAME --url URL [--header NAME=VALUE]…
       runlet servers remove NAME
       runlet servers list [--json]
       runlet servers status|restart NAME|logs NAME [--url URL] [--key KEY] [--json]
`;
/** What `runlet servers --help` prints. */
export const SERVERS_USAGE = `${USAGE}
import takes the servers of a file of Claude Desktop, Claude Code (.mcp.json), Cursor, VS Code or a Docker-style gateway.
import, add and remove change the configuration file and keep its comments; runlet.yaml is made when there is none.
list reads the configuration; status, restart and logs ask a running service, where the configuration says that it listens.

  --into FILE           The configuration file that import, add and remove change.
  --rename              Number a name that is taken instead of refusing it.
  --dry-run             Say what import would do, and change nothing.
  --json                The answer as JSON on standard output.
${SERVICE_FLAGS_TEXT}${CONFIG_FLAGS_TEXT}`;

const FLAGS = {
  ...CONFIG_FLAGS,
  ...SERVICE_FLAGS,
  into: { type: "string" },
  rename: { type: "boolean" },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  env: { type: "string", multiple: true },
  header: { type: "string", multiple: true },
} as const;

/** Does a verb. @returns Its exit code, or what is wrong with the command in one sentence. */
type Verb = (request: VerbRequest) => Promise<number | string>;

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["import", importServers],
  ["add", addServer],
  ["remove", removeServer],
  ["list", listServers],
  ["status", serverStatus],
  ["restart", restartServer],
  ["logs", serverLogs],
]);

/**
 * `runlet servers VERB`: the MCP servers of the configuration, and those of a running service.
 *
 * @param args After `servers`.
 * @returns Exit code: 0; 1 when it could not be done; 2 when the command was not understood.
 */
export async function serversCommand(args: readonly string[], io: CliIo, stopped: AbortSignal): Promise<number> {
  const parsed = parseArguments(args, FLAGS);
  if ("fault" in parsed) return refuse(parsed.fault, io);
  const found = findVerb("servers", VERBS, parsed.positionals);
  if ("fault" in found) return refuse(found.fault, io);
  const { verb, rest } = found;
  try {
    const result = await verb({ ...parsed, rest, io, stopped });
    return typeof result === "number" ? result : refuse(result, io);
  } catch (error) {
    return reportRefusal(error, io);
  }
}

async function listServers({ values, rest, io }: VerbRequest): Promise<number | string> {
  if (rest.length > 0) return `Unknown: ${rest.join(" ")}`;
  const named = values.get("config");
  const { options, warnings } = loadOptions({
    file: typeof named === "string" ? named : undefined,
    env: io.env,
    cwd: io.cwd,
  });
  const servers = Object.entries({ ...options.mcpServers, ...options.servers }).map(([name, server]) => ({
    name,
    // Arguments and addresses may hold secrets: the program and the host are enough to tell servers apart.
    reached: reachedBy(isRecord(server) ? server : {}),
    disabled: isRecord(server) && server["disabled"] === true,
  }));
  for (const warning of warnings) io.stderr(`warning: ${warning}\n`);
  if (values.get("json") === true) io.stdout(`${JSON.stringify(servers, null, 2)}\n`);
  else if (servers.length === 0) io.stderr("No servers. Add one: runlet servers add NAME -- COMMAND\n");
  else for (const { name, reached, disabled } of servers) io.stdout(row([name, reached, disabled ? "disabled" : ""]));
  return EXIT.ok;
}

async function serverStatus({ values, rest, io, stopped }: VerbRequest): Promise<number | string> {
  if (rest.length > 0) return `Unknown: ${rest.join(" ")}`;
  const { servers } = await runningService(values, io, stopped).send("GET", "/servers");
  const list = Array.isArray(servers) ? servers.filter(isRecord) : [];
  if (values.get("json") === true) io.stdout(`${JSON.stringify(list, null, 2)}\n`);
  else for (const server of list) io.stdout(statusRow(server));
  return EXIT.ok;
}

function statusRow({ name, state, transport, tools, lastFailure }: Readonly<Record<string, unknown>>): string {
  const failure = isRecord(lastFailure) ? `${String(lastFailure["stage"])}: ${String(lastFailure["message"])}` : "";
  const count = typeof tools === "number" ? `${tools} tools` : "";
  return row([String(name), String(state), String(transport), count, failure]);
}

async function restartServer({ values, rest, io, stopped }: VerbRequest): Promise<number | string> {
  const [name, ...extra] = rest;
  if (name === undefined || extra.length > 0) return "One name is needed.";
  const path = `/servers/${encodeURIComponent(name)}/restart`;
  const server = await runningService(values, io, stopped).send("POST", path);
  if (values.get("json") === true) io.stdout(`${JSON.stringify(server, null, 2)}\n`);
  else io.stdout(`${name} is ${String(server["state"])}; it starts again on its next use.\n`);
  return EXIT.ok;
}

async function serverLogs({ values, rest, io, stopped }: VerbRequest): Promise<number | string> {
  const [name, ...extra] = rest;
  if (name === undefined || extra.length > 0) return "One name is needed.";
  const { servers } = await runningService(values, io, stopped).send("GET", "/servers");
  const list = Array.isArray(servers) ? servers.filter(isRecord) : [];
  const server = list.find((one) => one["name"] === name);
  if (server === undefined) {
    throw new ServiceRefusal(`Cannot show the log of ${JSON.stringify(name)} as the service has no such server.`);
  }
  const lines = server["stderr"];
  if (!Array.isArray(lines)) {
    throw new ServiceRefusal(
      `Cannot show the log of ${name} as only administrators may see it.`,
      "Use the key of a client whose configuration says `admin: true`.",
    );
  }
  if (values.get("json") === true) io.stdout(`${JSON.stringify(lines, null, 2)}\n`);
  else for (const line of lines) io.stdout(`${String(line)}\n`);
  return EXIT.ok;
}

const WIDTHS = [20, 12, 8, 10];

function row(cells: readonly string[]): string {
  return `${cells
    .map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0))
    .join("  ")
    .trimEnd()}\n`;
}

function refuse(fault: string, io: CliIo): number {
  io.stderr(`${fault}\n${USAGE}`);
  return EXIT.usage;
}
