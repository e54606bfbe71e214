import type { Catalog, CatalogTool } from "./catalog.ts";
import { declareMcp, declareServer, interfaceNames } from "./declarations.ts";
import type { DeclaredServer, ServerDeclarations } from "./declarations.ts";
import { createResolver } from "./resolve.ts";
import type { CatalogServer, Resolver } from "./resolve.ts";
import { createSearchIndex } from "./search.ts";
import type { SearchIndex } from "./search.ts";

/**
 * Makes the snapshot of some servers. Search index, look-up tables and declarations are made at their first use and kept.
 *
 * @param servers Sorted by the server's name; only what the holder of the catalog may see.
 */
export function createSnapshot(servers: readonly CatalogServer[]): Catalog {
  const byServer = new Map(servers.map((server) => [server.server, server]));
  const tools: readonly CatalogTool[] = Object.freeze(servers.flatMap((server) => server.tools?.tools ?? []));
  const resolver = createResolver(servers);
  const writer = createWriter(servers, resolver);
  let index: SearchIndex | undefined;
  let namesJson: string | undefined;
  return Object.freeze<Catalog>({
    tools,
    servers: Object.freeze(servers.map(({ server }) => server)),
    unlisted: Object.freeze(servers.filter((server) => server.tools === undefined).map(({ server }) => server)),
    find(server, name) {
      const tool = byServer.get(server)?.tools?.byName.get(name);
      return tool?.name === name ? tool : undefined;
    },
    resolve: (path) => resolver.resolve(path),
    search(query, options) {
      index ??= createSearchIndex(tools);
      return index.search(query, options);
    },
    declarations: writer,
    get namesJson(): string {
      namesJson ??= namesOf(servers);
      return namesJson;
    },
  });
}

/** Writes declarations; a server's part is written once, and so is the whole. */
function createWriter(servers: readonly CatalogServer[], resolver: Resolver): Catalog["declarations"] {
  const baseNames = interfaceNames(servers.map(({ namespace }) => namespace));
  const namespaces = new Set(servers.map(({ namespace }) => namespace));
  const parts = new Map<CatalogServer, DeclaredServer>();
  let whole: string | undefined;
  const partOf = (server: CatalogServer): DeclaredServer => {
    let part = parts.get(server);
    if (part === undefined) {
      part = toPart(server);
      parts.set(server, part);
    }
    return part;
  };
  const toPart = ({ namespace, tools }: CatalogServer): DeclaredServer => {
    const base = baseNames.get(namespace) ?? namespace;
    const declarations: ServerDeclarations | undefined = tools === undefined ? undefined : declareServer(tools, base);
    const all = tools?.tools ?? [];
    const notFlat = all.filter((tool) => namespaces.has(tool.method) || resolver.flat(tool.method) !== tool);
    return {
      namespace,
      declarations,
      notFlat: notFlat.map((tool) => tool.method),
      hasFlat: notFlat.length < all.length,
    };
  };
  return (only) => {
    if (only !== undefined) {
      const wanted = new Set(only);
      return declareMcp(
        servers.filter(({ server, namespace }) => wanted.has(server) || wanted.has(namespace)).map(partOf),
      );
    }
    whole ??= declareMcp(servers.map(partOf));
    return whole;
  };
}

function namesOf(servers: readonly CatalogServer[]): string {
  const names = servers.map(({ namespace, tools }): [string, string[]] => [
    namespace,
    (tools?.tools ?? []).map((tool) => tool.method),
  ]);
  return JSON.stringify(Object.fromEntries(names));
}
