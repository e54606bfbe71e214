import { isRecord } from "../../lib/guards.ts";
import { parseJson } from "../../lib/json.ts";
import { parseArguments } from "../arguments.ts";
import { SERVICE_FLAGS, SERVICE_FLAGS_TEXT, withService } from "../http-caller.ts";
import type { HttpCaller } from "../http-caller.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { CONFIG_FLAGS, CONFIG_FLAGS_TEXT } from "../settings.ts";
import { reportRefusal } from "../verbs.ts";

const USAGE = `Usage: runlet tools list [SERVER] [--json]
       runlet tools search WORDS… [--limit N] [--json]
       runlet tools show SERVER TOOL [--json]
       runlet tools call SERVER TOOL [ARGUMENTS]
`;
/** What `runlet tools --help` prints. */
export const TOOLS_USAGE = `${USAGE}
Starts the configured servers for the answer, or asks a running service with --url. SERVER__TOOL is one word for both.
ARGUMENTS is a JSON object; the tool's result goes to standard output as JSON.

  --limit N             How many tools search finds at most.
  --json                The answer as JSON on standard output.
${SERVICE_FLAGS_TEXT}${CONFIG_FLAGS_TEXT}`;

const FLAGS = { ...CONFIG_FLAGS, ...SERVICE_FLAGS, limit: { type: "string" }, json: { type: "boolean" } } as const;

/** What is asked of the service, and how the answer is written. */
type Question = (service: HttpCaller, io: CliIo) => Promise<void>;

/**
 * `runlet tools list|search|show|call`: the tools of the configured servers, or of a running service.
 *
 * @param args After `tools`.
 * @returns Exit code: 0; 1 when it could not be done or the tool failed; 2 when the command was not understood.
 */
export async function toolsCommand(args: readonly string[], io: CliIo, stopped: AbortSignal): Promise<number> {
  const parsed = parseArguments(args, FLAGS);
  if ("fault" in parsed) return refuse(parsed.fault, io);
  const [verb, ...rest] = parsed.positionals;
  const question = questionOf(verb, rest, parsed.values);
  if (typeof question === "string") return refuse(question, io);
  try {
    await withService(parsed.values, io, stopped, (service) => question(service, io));
    return EXIT.ok;
  } catch (error) {
    return reportRefusal(error, io);
  }
}

function questionOf(
  verb: string | undefined,
  rest: readonly string[],
  values: ReadonlyMap<string, string | boolean>,
): Question | string {
  const json = values.get("json") === true;
  switch (verb) {
    case "list":
      return rest.length > 1 ? `Unknown: ${rest.slice(1).join(" ")}` : listTools(rest[0], json);
    case "search":
      return searchTools(rest.join(" "), values.get("limit"), json);
    case "show": {
      const [server, tool, ...extra] = toolNames(rest);
      return server === undefined || tool === undefined || extra.length > 0
        ? "A server and a tool are needed."
        : showTool(server, tool, json);
    }
    case "call": {
      const [server, tool, text = "{}", ...extra] = toolNames(rest);
      if (server === undefined || tool === undefined || extra.length > 0) return "A server and a tool are needed.";
      const args = parseJson(text)?.value;
      return isRecord(args) ? callTool(server, tool, args) : "ARGUMENTS must be a JSON object.";
    }
    default:
      return verb === undefined ? "Say which: list, search, show or call." : `Unknown: tools ${verb}`;
  }
}

/** `SERVER__TOOL`, as models see it, is taken for `SERVER TOOL`. */
function toolNames([first = "", ...rest]: readonly string[]): string[] {
  const split = first.indexOf("__");
  return split > 0
    ? [first.slice(0, split), first.slice(split + 2), ...rest]
    : [first, ...rest].filter((word) => word !== "");
}

function listTools(server: string | undefined, json: boolean): Question {
  return async (service, { stdout: write, stderr }) => {
    const tools: Readonly<Record<string, unknown>>[] = [];
    const query = server === undefined ? "" : `&server=${encodeURIComponent(server)}`;
    const unlisted = new Set<string>();
    let cursor: unknown;
    do {
      const at = typeof cursor === "string" ? `&cursor=${encodeURIComponent(cursor)}` : "";
      const page = await service.send("GET", `/tools?limit=1000${query}${at}`);
      tools.push(...recordsOf(page["tools"]));
      for (const name of Array.isArray(page["unlisted"]) ? page["unlisted"] : []) unlisted.add(String(name));
      cursor = page["nextCursor"];
    } while (typeof cursor === "string");
    if (json) write(`${JSON.stringify(tools, null, 2)}\n`);
    else for (const tool of tools) write(toolRow(tool));
    for (const name of unlisted) stderr(`warning: ${name} did not answer: its tools are missing\n`);
  };
}

function toolRow({ server, name, class: kind, description }: Readonly<Record<string, unknown>>): string {
  const words = typeof description === "string" ? (description.trim().split("\n")[0] ?? "").slice(0, 80) : "";
  return `${`${String(server)}__${String(name)}`.padEnd(32)}  ${String(kind).padEnd(11)}  ${words}`.trimEnd() + "\n";
}

function searchTools(words: string, limit: string | boolean | undefined, json: boolean): Question | string {
  if (words === "") return "Words to search for are needed.";
  if (limit !== undefined && !/^\d{1,3}$/u.test(String(limit))) return "--limit must be a number.";
  return async (service, { stdout: write }) => {
    const most = limit === undefined ? "" : `&limit=${String(limit)}`;
    const found = await service.send("GET", `/tools/search?q=${encodeURIComponent(words)}${most}`);
    if (json) write(`${JSON.stringify(found, null, 2)}\n`);
    else for (const hit of recordsOf(found["results"])) write(`${String(hit["declaration"])}\n`);
  };
}

function showTool(server: string, tool: string, json: boolean): Question {
  return async (service, { stdout: write }) => {
    const found = await service.send("GET", `/tools/${encodeURIComponent(server)}/${encodeURIComponent(tool)}`);
    if (json) {
      write(`${JSON.stringify(found, null, 2)}\n`);
      return;
    }
    write(`${String(found["server"])}__${String(found["name"])}  ${String(found["class"])}\n`);
    if (typeof found["description"] === "string") write(`\n${found["description"].trim()}\n`);
    write(`\n${String(found["declaration"])}\n\n${JSON.stringify(found["inputSchema"], null, 2)}\n`);
  };
}

function callTool(server: string, tool: string, args: Readonly<Record<string, unknown>>): Question {
  return async (service, { stdout: write }) => {
    const { result } = await service.send("POST", "/invoke", { server, tool, arguments: args });
    write(`${JSON.stringify(result, null, 2)}\n`);
  };
}

function recordsOf(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function refuse(fault: string, io: CliIo): number {
  io.stderr(`${fault}\n${USAGE}`);
  return EXIT.usage;
}
