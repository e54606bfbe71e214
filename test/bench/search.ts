/**
 * Prints what searching 4,076 tools costs and finds, beside MiniSearch over the same texts: `npm run bench:peers`, then
 * `node test/bench/search.ts`.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { createSearchIndex } from "../../src/catalog/search/search.ts";
import { splitWords } from "../../src/catalog/search/search-terms.ts";
import type { SearchPage } from "../../src/catalog/catalog.ts";
import { readRetrievalSet, recall } from "../support/retrieval.ts";
import { quantile, show } from "./statistics.ts";

const ROUNDS = 4;
/** Every so many of the 700 queries: MiniSearch takes a minute for all. */
const EVERY = 7;
const LIMIT = 10;
const PEERS = new URL("peers/package.json", import.meta.url);

/** What this benchmark uses of MiniSearch. */
interface MiniSearch {
  addAll(documents: readonly object[]): void;
  search(query: string): readonly { readonly id: number; readonly score: number }[];
}
type MiniSearchClass = new (options: object) => MiniSearch;

interface Contender {
  readonly name: string;
  readonly buildMs: number;
  readonly search: (text: string, limit: number) => SearchPage;
  readonly times: number[];
}

const { tools, queries: all } = readRetrievalSet("seal-test-in-domain");
const queries = all.filter((_, at) => at % EVERY === 0);

function ours(): Contender {
  const startedAt = performance.now();
  const index = createSearchIndex(tools);
  const buildMs = performance.now() - startedAt;
  return { name: "Runlet", buildMs, search: (text, limit) => index.search(text, { limit }), times: [] };
}

/** Set up well: fields boosted, identifiers split, only whole words (with prefixes or near words it is slower and finds less). */
function miniSearch(): Contender {
  const MiniSearchIndex = createRequire(PEERS)("minisearch") as MiniSearchClass;
  const startedAt = performance.now();
  const index = new MiniSearchIndex({
    fields: ["name", "description", "parameters"],
    tokenize: splitWords,
    searchOptions: { boost: { name: 3, parameters: 0.5 }, tokenize: splitWords },
  });
  index.addAll(
    tools.map(({ name, description, inputSchema }, id) => ({
      id,
      name,
      description,
      parameters: JSON.stringify(inputSchema),
    })),
  );
  const buildMs = performance.now() - startedAt;
  const search = (text: string, limit: number): SearchPage => {
    const found = index.search(text);
    const hits = found.slice(0, limit).flatMap(({ id, score }) => {
      const tool = tools[id];
      return tool === undefined ? [] : [{ tool, score }];
    });
    return { hits, total: found.length };
  };
  return { name: "MiniSearch", buildMs, search, times: [] };
}

if (!existsSync(new URL("peers/node_modules/minisearch", import.meta.url))) {
  console.error("MiniSearch is not installed: npm run bench:peers");
  process.exit(1);
}

const contenders = [ours(), miniSearch()];
// Round by round in turns, so that what else the machine does falls on both; the first round only warms up.
for (let round = 0; round < ROUNDS; round++) {
  for (const { search, times } of contenders) {
    for (const { text } of queries) {
      const startedAt = performance.now();
      search(text, LIMIT);
      if (round > 0) times.push(performance.now() - startedAt);
    }
  }
}

console.log(`${tools.length} tools, ${queries.length} queries, ${ROUNDS - 1} measured rounds in turns`);
for (const { name, buildMs, search, times } of contenders) {
  const found = recall(queries, search, [1, 5, 10]);
  console.log(
    `  ${name.padEnd(11)} build ${show(buildMs).padStart(8)} ms   p50 ${show(quantile(times, 0.5)).padStart(6)} ms   ` +
      `p99 ${show(quantile(times, 0.99)).padStart(6)} ms   recall@1 ${found[1].toFixed(3)} @5 ${found[5].toFixed(3)} @10 ${found[10].toFixed(3)}`,
  );
}
const [mine, peer] = contenders.map(({ times }) => quantile(times, 0.5));
console.log(`  MiniSearch takes ${show((peer ?? 0) / (mine ?? 1))} times as long at the median`);
