import { readFileSync } from "node:fs";
import type { CatalogTool, SearchPage } from "../../src/catalog/catalog.ts";
import { fakeTool } from "./fake-catalog.ts";

const FOLDER = new URL("../fixtures/data/retrieval/", import.meta.url);

/** The public sets, by the name of their file. */
export const RETRIEVAL_SETS = [
  "bfcl-simple-python",
  "bfcl-multiple",
  "bfcl-parallel-multiple",
  "bfcl-live-multiple",
  "seal-test-in-domain",
  "mcpproxy-golden",
] as const;

/** A request and, for each thing it needs, the tools (`server:name`) that do it. */
export interface RetrievalQuery {
  readonly text: string;
  readonly needs: readonly (readonly string[])[];
}

/** A set of tools and requests. */
export interface RetrievalSet {
  readonly tools: readonly CatalogTool[];
  readonly queries: readonly RetrievalQuery[];
}

interface StoredSet {
  readonly tools: readonly {
    readonly name: string;
    readonly description: string;
    readonly params: readonly { readonly name: string; readonly description: string }[];
  }[];
  readonly queries: readonly { readonly text: string; readonly gold: readonly string[] }[];
}

/** Reads a public set. Tools of sets that know no servers are of one server, `lib`. */
export function readRetrievalSet(name: (typeof RETRIEVAL_SETS)[number]): RetrievalSet {
  const stored = JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8")) as StoredSet;
  const idOf = (id: string): string => (name === "mcpproxy-golden" ? id : `lib:${id}`);
  const tools = stored.tools.map((tool) => {
    const id = idOf(tool.name);
    const at = id.indexOf(":");
    const properties = Object.fromEntries(tool.params.map((param) => [param.name, { description: param.description }]));
    const inputSchema = { type: "object", properties };
    return fakeTool(id.slice(0, at), id.slice(at + 1), { description: tool.description, inputSchema });
  });
  const queries = stored.queries.map(({ text, gold }) => ({ text, needs: gold.map((id) => [idOf(id)]) }));
  return { tools, queries };
}

/** Requests over the recorded tools of real servers. */
export function readRecordedQueries(): readonly RetrievalQuery[] {
  const stored = JSON.parse(readFileSync(new URL("recorded-tools.json", FOLDER), "utf8")) as {
    readonly queries: readonly RetrievalQuery[];
  };
  return stored.queries;
}

/** Part of the needs that a page's first `count` hits satisfy, averaged over the requests; for several counts. */
export function recall<Count extends number>(
  queries: readonly RetrievalQuery[],
  search: (text: string, limit: number) => SearchPage,
  counts: readonly Count[],
): Record<Count, number> {
  const sums = new Map<Count, number>();
  for (const { text, needs } of queries) {
    const found = search(text, Math.max(...counts)).hits.map(({ tool }) => `${tool.server}:${tool.name}`);
    for (const count of counts) {
      const first = new Set(found.slice(0, count));
      const met = needs.filter((ids) => ids.some((id) => first.has(id))).length;
      sums.set(count, (sums.get(count) ?? 0) + met / needs.length / queries.length);
    }
  }
  return Object.fromEntries(sums) as Record<Count, number>;
}
