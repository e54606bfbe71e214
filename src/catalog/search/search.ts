import type { CatalogTool, SearchHit, SearchPage } from "../catalog.ts";
import { buildPostings } from "./search-postings.ts";
import { parseQuery } from "./search-query.ts";
import { Scorer } from "./search-scores.ts";
import { splitWords } from "./search-terms.ts";
import { createVocabulary } from "./search-vocabulary.ts";

/** What is asked of a page of hits. */
interface SearchOptions {
  /** Most hits to return. @default all */
  readonly limit?: number;
  /** Hits to pass over. @default 0 */
  readonly offset?: number;
  /** Only tools of the server of this name, its own or its namespace. */
  readonly server?: string;
}

/** Ranks the tools of one catalog; made once for it. */
export interface SearchIndex {
  /** @returns Hits best first. A query without a word gives all tools in the catalog's order with score 0. */
  search(query: string, options?: SearchOptions): SearchPage;
}

/** Scores are told to this many parts of one: sums of the same numbers in another order differ in their last bits. */
const SCORE_STEPS = 1e6;

const LOOKING = new Set([
  "get",
  "list",
  "read",
  "search",
  "find",
  "fetch",
  "query",
  "describe",
  "show",
  "view",
  "lookup",
]);
const REMOVING = new Set(["delete", "remove", "drop", "destroy", "purge", "erase", "wipe", "clear", "revoke", "kill"]);

/**
 * Ranks tools by field-weighted BM25 over names, descriptions and schemas.
 *
 * Words match whole, after splitting identifiers and stemming; a word that no tool has matches the words that contain it.
 * Tools that call themselves deprecated count half. On a tie tools that look come before tools that change, and those before
 * tools that remove; then the catalog's order holds. Equal queries give equal pages, and pages fit together.
 *
 * @param tools In the catalog's order.
 */
export function createSearchIndex(tools: readonly CatalogTool[]): SearchIndex {
  const postings = buildPostings(tools);
  const scorer = new Scorer(postings, createVocabulary(postings.numbers));
  const boldness = Uint8Array.from(tools, boldnessOf);
  return {
    search(query, { limit = tools.length, offset = 0, server } = {}) {
      const [from, count] = [Math.max(0, Math.floor(offset)), Math.max(0, Math.floor(limit))];
      const parsed = parseQuery(query);
      const scores = parsed.terms.length === 0 ? undefined : scorer.scores(parsed);
      const found: number[] = [];
      for (let doc = 0; doc < tools.length; doc++) {
        const score = scores?.[doc] ?? 0;
        if (scores !== undefined) {
          if (score === 0) continue;
          scores[doc] = Math.max(1, Math.round(score * SCORE_STEPS)) / SCORE_STEPS;
        }
        if (isOf(tools[doc], server)) found.push(doc);
      }
      const compare = (a: number, b: number): number =>
        (scores?.[b] ?? 0) - (scores?.[a] ?? 0) || (boldness[a] ?? 0) - (boldness[b] ?? 0) || a - b;
      const order = scores === undefined ? found : firstOf(found, from + count, compare);
      const hits = order.slice(from, from + count).flatMap((doc): SearchHit[] => {
        const tool = tools[doc];
        return tool === undefined ? [] : [{ tool, score: scores?.[doc] ?? 0 }];
      });
      return { hits, total: found.length };
    },
  };
}

/** Longest page that is kept in order while looking; a longer one is found by sorting everything. */
const MAX_KEPT = 256;

/** At least the first `count` in order: the others are never sorted. */
function firstOf(found: number[], count: number, compare: (a: number, b: number) => number): readonly number[] {
  if (count > MAX_KEPT) return found.sort(compare);
  const kept: number[] = [];
  if (count === 0) return kept;
  for (const doc of found) {
    const last = kept.at(-1);
    if (kept.length === count && last !== undefined && compare(doc, last) >= 0) continue;
    let [low, high] = [0, kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(kept[middle] ?? doc, doc) < 0) low = middle + 1;
      else high = middle;
    }
    kept.splice(low, 0, doc);
    if (kept.length > count) kept.pop();
  }
  return kept;
}

function isOf(tool: CatalogTool | undefined, server: string | undefined): boolean {
  return server === undefined || tool?.server === server || tool?.namespace === server;
}

/** How much a tool does, by the first word of its name: 0 looks, 1 changes, 2 removes. */
function boldnessOf(tool: CatalogTool): number {
  const [verb = ""] = splitWords(tool.name);
  if (LOOKING.has(verb)) return 0;
  return REMOVING.has(verb) ? 2 : 1;
}
