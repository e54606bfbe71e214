import type { CallToolResult } from "@modelcontextprotocol/server";
import type { Catalog, SearchHit } from "../catalog/catalog.ts";
import type { Principal } from "../config/principal.ts";
import { boundText, byteLength } from "../lib/bounded-text.ts";
import { RunletError } from "../lib/errors.ts";
import { nearestNames } from "../lib/nearest.ts";
import { parseSearchArguments } from "./arguments.ts";
import type { McpDeps } from "./mcp-deps.ts";

/** Size of an answer, as text and as structure alike. */
export const MAX_SEARCH_BYTES = 32 * 1024;
const MAX_SIGNATURE_BYTES = 8 * 1024;
const MAX_DESCRIPTION_BYTES = 400;

interface FoundTool {
  readonly signature: string;
  readonly description: string;
}

/**
 * Performs `search_tools`: the best hits with complete signatures, so that no second look-up is needed. The text says
 * the same as the structure, as lines of TypeScript.
 *
 * @throws REQUEST_INVALID for wrong arguments, NOT_FOUND for a server that the caller does not have.
 */
export async function callSearchTools(
  deps: McpDeps,
  principal: Principal,
  args: unknown,
  signal: AbortSignal,
): Promise<CallToolResult> {
  const { query, limit, server } = parseSearchArguments(args);
  const catalog = await deps.catalogs.settled(principal.access, undefined, { signal });
  if (server !== undefined && !catalog.servers.includes(server)) throw unknownServer(server, catalog);
  const page = catalog.search(query, { limit, ...(server === undefined ? {} : { server }) });
  const tools = fit(page.hits.map(toFound));
  const notice = tellNotice(catalog, tools.length, page.total, server);
  const lines = tools.map(({ signature, description }) => {
    const comment = description.replaceAll(/\s+/gu, " ").trim();
    return comment === "" ? signature : `// ${comment}\n${signature}`;
  });
  return {
    content: [{ type: "text", text: [notice, ...lines].join("\n") }],
    structuredContent: { total: page.total, tools, notice },
  };
}

function toFound({ tool }: SearchHit): FoundTool {
  return {
    signature: boundText(tool.signature, MAX_SIGNATURE_BYTES),
    description: boundText(tool.description, MAX_DESCRIPTION_BYTES),
  };
}

/** The hits that fit, best first. */
function fit(found: readonly FoundTool[]): readonly FoundTool[] {
  let left = MAX_SEARCH_BYTES;
  const kept: FoundTool[] = [];
  for (const tool of found) {
    left -= byteLength(JSON.stringify(tool));
    if (left < 0) break;
    kept.push(tool);
  }
  return kept;
}

/** What a model should do next with this answer. */
function tellNotice(catalog: Catalog, shown: number, total: number, server: string | undefined): string {
  const unlisted = catalog.unlisted.filter((name) => server === undefined || name === server);
  const missing = unlisted.length === 0 ? "" : ` Not available now: ${boundText(unlisted.join(", "), 1000)}.`;
  if (total === 0) {
    const servers = catalog.servers.length === 0 ? "none" : boundText(catalog.servers.join(", "), 1000);
    return `No tool matches. Try other words, or an empty query to list all. Servers: ${servers}.${missing}`;
  }
  const more = shown < total ? " Raise limit or narrow the query for others." : "";
  return `${shown} of ${total} tools; call them inside run_script.${more}${missing}`;
}

function unknownServer(server: string, catalog: Catalog): RunletError {
  const shown = boundText(server, 100);
  const nearest = nearestNames(server, catalog.servers);
  const names = nearest.length > 0 ? nearest : catalog.servers.slice(0, 20);
  return new RunletError("NOT_FOUND", `Cannot search server ${shown} as no server of yours has this name`, {
    hint:
      names.length === 0 ? "No server is available to you." : `Use one of: ${names.join(", ")}; or leave server out.`,
  });
}
