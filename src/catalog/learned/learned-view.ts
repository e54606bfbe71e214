import type { Catalog, CatalogTool } from "../catalog.ts";
import { createDeclarationWriter } from "../declarations/declaration-writer.ts";
import type { DeclareOne } from "../declarations/declaration-writer.ts";
import type { LearnedTypes } from "./learned-types.ts";
import type { CatalogServer } from "../resolve.ts";

/** What a view is made of. */
export interface LearnedViewParts {
  readonly catalog: Catalog;
  /** The servers of the catalog. */
  readonly servers: readonly CatalogServer[];
  readonly declareOne: DeclareOne;
  readonly learned: LearnedTypes;
}

/**
 * A catalog in which tools have the types that one principal's results have taught. Immutable as the catalog is, whose index and
 * tables it uses; making it costs nothing, and lists and declarations are made at their first use.
 */
export function createLearnedView({ catalog, servers, declareOne, learned }: LearnedViewParts): Catalog {
  const show = (tool: CatalogTool): CatalogTool => learned.show(tool);
  let tools: readonly CatalogTool[] | undefined;
  let declarations: Catalog["declarations"] | undefined;
  return Object.freeze<Catalog>({
    get tools(): readonly CatalogTool[] {
      return (tools ??= Object.freeze(catalog.tools.map(show)));
    },
    servers: catalog.servers,
    unlisted: catalog.unlisted,
    find(server, name) {
      const tool = catalog.find(server, name);
      return tool && show(tool);
    },
    resolve(path) {
      const resolution = catalog.resolve(path);
      switch (resolution.kind) {
        case "tool":
          return { kind: "tool", tool: show(resolution.tool) };
        case "unknown":
          return {
            kind: "unknown",
            get message() {
              return resolution.message;
            },
            get nearest() {
              return resolution.nearest.map(show);
            },
          };
        case "unlisted":
          return resolution;
        default:
          return resolution satisfies never;
      }
    },
    search(query, options) {
      const { hits, total } = catalog.search(query, options);
      return { hits: hits.map(({ tool, score }) => ({ tool: show(tool), score })), total };
    },
    declarations(only) {
      declarations ??= createDeclarationWriter(
        servers.map((server) => learned.showServer(server)),
        declareOne,
      );
      return declarations(only);
    },
    // What was only seen is nothing to check a script against.
    checkingDeclarations: (only) => catalog.checkingDeclarations(only),
    get namesJson(): string {
      return catalog.namesJson;
    },
  });
}
