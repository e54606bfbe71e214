import type { CallToolResult } from "@modelcontextprotocol/server";
import { catalogIndex } from "../catalog/catalog-index.ts";
import type { Catalog, SearchHit } from "../catalog/catalog.ts";
import { toolSummary } from "../catalog/tool-summary.ts";
import { tellUnknownServer } from "../catalog/unknown-server.ts";
import type { Principal } from "../config/principal.ts";
import { boundText, byteLength } from "../lib/bounded-text.ts";
import { RunletError } from "../lib/errors.ts";
import { parseSearchArguments } from "./arguments.ts";
import type { McpDeps } from "./mcp-deps.ts";

/** Size of an answer, as text and as structure alike. */
export const MAX_SEARCH_BYTES = 32 * 1024;
const MAX_SIGNATURE_BYTES = 8 * 1024;

interface FoundTool {
  readonly signature: string;
  readonly description: string;
}

/**
 * Performs `search_tools`: the best hits with complete signatures, so that no second look-up is needed. The text says
 * the same as the structure, as lines of TypeScript: hosts give a model the one or the other. A list of all tools that does
 * not fit begins with an index of their names.
 *
 * @throws REQUEST_INVALID for wrong arguments, NOT_FOUND for a server that the caller does not have.
 */
export async function callSearchTools(
  deps: McpDeps,
  principal: Principal,
  args: unknown,
  signal: AbortSignal,
): Promise<CallToolResult> {
  const { query, limit, offset, server } = parseSearchArguments(args);
  const catalog = await deps.catalogs.settled(principal, undefined, { signal });
  if (server !== undefined && !catalog.servers.includes(server)) throw unknownServer(server, catalog);
  const page = catalog.search(query, { limit, offset, ...(server === undefined ? {} : { server }) });
  const tools = fit(page.hits.map(toFound));
  const notice = tellNotice(catalog, { from: offset, shown: tools.length, total: page.total, server });
  const listsAll = query.trim() === "" && server === undefined && offset === 0;
  const index = listsAll && tools.length < page.total ? catalogIndex(catalog).text : undefined;
  const lines = tools.map(({ signature, description }) =>
    description === "" ? signature : `// ${description}\n${signature}`,
  );
  return {
    content: [{ type: "text", text: [notice, ...(index === undefined ? [] : [index]), ...lines].join("\n") }],
    structuredContent: { total: page.total, tools, notice, ...(index === undefined ? {} : { index }) },
  };
}

function toFound({ tool }: SearchHit): FoundTool {
  return {
    signature: boundText(tool.signature, MAX_SIGNATURE_BYTES),
    description: toolSummary(tool),
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

/** Which hits an answer holds. */
interface Shown {
  readonly from: number;
  readonly shown: number;
  readonly total: number;
  readonly server: string | undefined;
}

/** What a model should do next with this answer. */
function tellNotice(catalog: Catalog, { from, shown, total, server }: Shown): string {
  const unlisted = catalog.unlisted.filter((name) => server === undefined || name === server);
  const missing = unlisted.length === 0 ? "" : ` Not available now: ${boundText(unlisted.join(", "), 1000)}.`;
  if (total === 0) {
    const servers = catalog.servers.length === 0 ? "none" : boundText(catalog.servers.join(", "), 1000);
    return `No tool matches. Try other words, or an empty query to list all. Servers: ${servers}.${missing}`;
  }
  const next = from + shown;
  const more = next < total ? ` Others: offset ${next}, or a narrower query.` : "";
  const part = from === 0 || shown === 0 ? shown : `${from + 1} to ${next}`;
  return `${part} of ${total} tools; call them inside run_script.${more}${missing}`;
}

function unknownServer(server: string, catalog: Catalog): RunletError {
  const { shown, hint } = tellUnknownServer(server, catalog.servers);
  return new RunletError("NOT_FOUND", `Cannot search server ${shown} as no server of yours has this name`, { hint });
}
