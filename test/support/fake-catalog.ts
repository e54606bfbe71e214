import type { Catalog, CatalogSource, CatalogTool } from "../../src/catalog/catalog.ts";
import { allowsServer, allowsTool } from "../../src/config/access.ts";

/** A tool with just enough of everything. */
export function fakeTool(server: string, name: string, change: Partial<CatalogTool> = {}): CatalogTool {
  return {
    server,
    name,
    description: `Does ${name} on ${server}.`,
    inputSchema: { type: "object" },
    class: "read",
    namespace: server,
    method: name,
    positional: [],
    signature: `mcp.${server}.${name}(args: { path: string }): Promise<unknown>`,
    ...change,
  };
}

/** Catalogs over a fixed list of tools; a search finds the tools whose name or description holds the query. */
export function createFakeCatalogs(tools: readonly CatalogTool[], unlisted: readonly string[] = []): CatalogSource {
  const current: CatalogSource["current"] = ({ access }) => {
    const visible = tools.filter((tool) => allowsTool(access, tool));
    const hidden = unlisted.filter((server) => allowsServer(access, server));
    const catalog: Catalog = {
      tools: visible,
      servers: [...new Set([...visible.map(({ server }) => server), ...hidden])],
      unlisted: hidden,
      find: (server, name) => visible.find((tool) => tool.server === server && tool.name === name),
      resolve: () => ({ kind: "unknown", message: "not needed here", nearest: [] }),
      search(query, { limit = 10, offset = 0, server } = {}) {
        const found = visible.filter(
          (tool) =>
            (server === undefined || tool.server === server) && `${tool.name} ${tool.description}`.includes(query),
        );
        return {
          hits: found.slice(offset, offset + limit).map((tool) => ({ tool, score: 1 })),
          total: found.length,
        };
      },
      declarations: () => "declare const mcp: unknown;",
      checkingDeclarations: () => "declare const mcp: any;",
      namesJson: "{}",
    };
    return catalog;
  };
  return { current, settled: (reader, narrow) => Promise.resolve(current(reader, narrow)) };
}
