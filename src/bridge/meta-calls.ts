import type { Catalog } from "../catalog/catalog.ts";
import { toolSummary } from "../catalog/tool-summary.ts";
import { tellUnknownServer } from "../catalog/unknown-server.ts";
import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 50;
/** Longest text that is searched for, in UTF-16 units: nobody asks for tools in more words, and a mebibyte takes 100 ms. */
const MAX_QUERY_UNITS = 4_096;

/** Whether a path is one of `mcp.$search`, `mcp.$describe`, `mcp.$servers`: answered from the catalog, no tool is called. */
export function isMetaPath(path: readonly string[]): boolean {
  return path.length === 1 && (path[0]?.startsWith("$") ?? false);
}

/**
 * Answers what a script asks about its tools.
 *
 * @throws TOOL_NOT_FOUND for another `$` name, or a tool that is described and not there; TOOL_ARGUMENTS_INVALID.
 */
export function answerMeta(path: readonly string[], args: readonly unknown[], catalog: Catalog): unknown {
  const [name = ""] = path;
  switch (name) {
    case "$search":
      return search(args, catalog);
    case "$describe":
      return describe(args, catalog);
    case "$servers":
      return catalog.servers.map((server) => ({
        name: server,
        listed: !catalog.unlisted.includes(server),
        tools: catalog.tools.filter((tool) => tool.server === server).map((tool) => tool.name),
      }));
    default:
      throw new RunletError("TOOL_NOT_FOUND", `There is no mcp.${name}: there are $search, $describe and $servers`);
  }
}

function search(args: readonly unknown[], catalog: Catalog): unknown {
  const [query, given] = args;
  if (typeof query !== "string") {
    throw new RunletError(
      "TOOL_ARGUMENTS_INVALID",
      "Cannot search as the query must be a string: mcp.$search(query, { limit, offset, server })",
    );
  }
  if (query.length > MAX_QUERY_UNITS) {
    throw new RunletError(
      "TOOL_ARGUMENTS_INVALID",
      `Cannot search as the query may have ${MAX_QUERY_UNITS} characters: current length is ${query.length}`,
      { hint: "Search for a few words of what the tool does." },
    );
  }
  const options = isRecord(given) ? given : {};
  const limit = Math.max(1, Math.min(MAX_LIMIT, wholeNumber(options["limit"]) ?? DEFAULT_LIMIT));
  const offset = Math.max(0, wholeNumber(options["offset"]) ?? 0);
  const server = serverOption(options["server"], catalog);
  const { hits, total } = catalog.search(query, { limit, offset, ...(server === undefined ? {} : { server }) });
  return {
    total,
    results: hits.map(({ tool }) => ({
      server: tool.server,
      name: tool.name,
      description: toolSummary(tool),
      signature: tool.signature,
    })),
  };
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? Math.trunc(value) : undefined;
}

/** @throws TOOL_ARGUMENTS_INVALID when the run has no server of this name; the message names the nearest. */
function serverOption(value: unknown, catalog: Catalog): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") {
    throw new RunletError("TOOL_ARGUMENTS_INVALID", "Cannot search a server as its name must be a string");
  }
  const isKnown = catalog.servers.includes(value) || catalog.tools.some((tool) => tool.namespace === value);
  if (isKnown) return value;
  const { shown, hint } = tellUnknownServer(value, catalog.servers);
  const message = `Cannot search server ${shown} as the run has no server of this name. ${hint}`;
  throw new RunletError("TOOL_ARGUMENTS_INVALID", message, { hint });
}

function describe(args: readonly unknown[], catalog: Catalog): unknown {
  const [name] = args;
  if (typeof name !== "string") {
    throw new RunletError(
      "TOOL_ARGUMENTS_INVALID",
      'Cannot describe a tool as its name must be a string: mcp.$describe("server.tool")',
    );
  }
  const resolution = catalog.resolve(name.split("."));
  if (resolution.kind !== "tool") {
    throw new RunletError(
      "TOOL_NOT_FOUND",
      resolution.kind === "unknown" ? resolution.message : `The tools of ${resolution.server} are not known yet`,
    );
  }
  const { tool } = resolution;
  return {
    server: tool.server,
    name: tool.name,
    description: tool.description,
    signature: tool.signature,
    inputSchema: tool.inputSchema,
    ...(tool.outputSchema === undefined ? {} : { outputSchema: tool.outputSchema }),
    ...(tool.observedSchema === undefined ? {} : { observedOutputSchema: tool.observedSchema }),
  };
}
