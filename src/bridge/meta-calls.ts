import type { Catalog } from "../catalog/catalog.ts";
import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 50;

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
  const [query, options] = args;
  if (typeof query !== "string") {
    throw new RunletError(
      "TOOL_ARGUMENTS_INVALID",
      "Cannot search as the query must be a string: mcp.$search(query, { limit })",
    );
  }
  const asked =
    isRecord(options) && typeof options["limit"] === "number" ? Math.trunc(options["limit"]) : DEFAULT_LIMIT;
  const { hits, total } = catalog.search(query, { limit: Math.max(1, Math.min(MAX_LIMIT, asked)) });
  return {
    total,
    results: hits.map(({ tool }) => ({
      server: tool.server,
      name: tool.name,
      description: tool.description,
      signature: tool.signature,
    })),
  };
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
  };
}
