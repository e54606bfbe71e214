import type { Catalog, CatalogTool } from "./catalog.ts";
import { createCheckingWriter } from "./declarations/checking-writer.ts";
import { createDeclarationWriter, createDeclareOne } from "./declarations/declaration-writer.ts";
import { createLearnedView } from "./learned/learned-view.ts";
import type { LearnedTypes } from "./learned/learned-types.ts";
import { createResolver } from "./resolve.ts";
import type { CatalogServer } from "./resolve.ts";
import { createSearchIndex } from "./search/search.ts";
import type { SearchIndex } from "./search/search.ts";

/** A catalog that several principals may share. */
export interface Snapshot extends Catalog {
  /** The catalog as one principal sees it, with what was learned of its tools; the same object for the same `learned`. */
  withLearned(learned: LearnedTypes): Catalog;
}

/**
 * Makes the snapshot of some servers. Search index, look-up tables and declarations are made at their first use and kept.
 *
 * @param servers Sorted by the server's name; only what the holder of the catalog may see.
 */
export function createSnapshot(servers: readonly CatalogServer[]): Snapshot {
  const byServer = new Map(servers.map((server) => [server.server, server]));
  const tools: readonly CatalogTool[] = Object.freeze(servers.flatMap((server) => server.tools?.tools ?? []));
  const resolver = createResolver(servers);
  const declareOne = createDeclareOne(servers, resolver);
  const views = new WeakMap<LearnedTypes, Catalog>();
  let index: SearchIndex | undefined;
  let namesJson: string | undefined;
  const snapshot: Snapshot = Object.freeze<Snapshot>({
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
    declarations: createDeclarationWriter(servers, declareOne),
    checkingDeclarations: createCheckingWriter(servers),
    get namesJson(): string {
      namesJson ??= namesOf(servers);
      return namesJson;
    },
    withLearned(learned) {
      if (learned.isEmpty) return snapshot;
      let view = views.get(learned);
      if (view === undefined) {
        view = createLearnedView({ catalog: snapshot, servers, declareOne, learned });
        views.set(learned, view);
      }
      return view;
    },
  });
  return snapshot;
}

function namesOf(servers: readonly CatalogServer[]): string {
  const names = servers.map(({ namespace, tools }): [string, string[]] => [
    namespace,
    (tools?.tools ?? []).map((tool) => tool.method),
  ]);
  return JSON.stringify(Object.fromEntries(names));
}
