import { isRecord } from "../lib/guards.ts";
import type { ToolDefinition } from "../upstream/upstream.ts";
import type { CatalogTool, SearchHit, SearchPage } from "./catalog.ts";
import { deprecationOf } from "./doc-text.ts";
import { splitWords, toTerms } from "./search-terms.ts";

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

/** Where a word occurs: tools by position, ascending, with the word's occurrences weighted by the field each is in. */
interface Postings {
  readonly docs: readonly number[];
  readonly frequencies: readonly number[];
}

/** @source Usual BM25F values; recall@5 is 0.96 on BFCL v4 simple and 0.90 on Seal-Tools in-domain with them. */
const FIELD_WEIGHTS = { name: 3, server: 1, description: 1, parameters: 0.5 } as const;
const K1 = 1.2;
const B = 0.75;
/** What a word is worth that no tool has, through the words that contain it. */
const PARTIAL_WEIGHT = 0.4;
const MIN_PARTIAL = 3;
/** What a tool is worth that its own description advises against. */
const DEPRECATED_WEIGHT = 0.5;
const MAX_QUERY_CHARS = 2_000;
const MAX_FIELD_CHARS = 4_000;
/** Scores are told to this many parts of one: sums of the same numbers in another order differ in their last bits. */
const SCORE_STEPS = 1e9;

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

/** A tool's words are the same in every catalog it is part of. */
const termsByTool = new WeakMap<CatalogTool, ReadonlyMap<string, number>>();

/**
 * Field-weighted BM25 over names, descriptions and parameters.
 *
 * Words match whole, after splitting identifiers and light stemming; a word that no tool has matches the words that contain
 * it. Tools that call themselves deprecated count half. On a tie tools that look come before tools that change, and those before tools that remove; then the catalog's order
 * holds.
 *
 * @param tools In the catalog's order.
 */
export function createSearchIndex(tools: readonly CatalogTool[]): SearchIndex {
  const postings = new Map<string, { docs: number[]; frequencies: number[] }>();
  const lengths = Float64Array.from(tools, (tool, doc) => {
    let length = 0;
    for (const [term, frequency] of termsOf(tool)) {
      length += frequency;
      const list = postings.get(term) ?? { docs: [], frequencies: [] };
      if (list.docs.push(doc) === 1) postings.set(term, list);
      list.frequencies.push(frequency);
    }
    return length;
  });
  const weights = tools.map((tool) => (deprecationOf(tool.description) === undefined ? 1 : DEPRECATED_WEIGHT));
  const average = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, tools.length) || 1;
  const norms = lengths.map((length) => K1 * (1 - B + (B * length) / average));

  const scoreAll = (terms: ReadonlySet<string>): Float64Array => {
    const scores = new Float64Array(tools.length);
    for (const { list, weight } of lookUp(postings, terms)) {
      const known = list.docs.length;
      const gainAtMost = weight * (K1 + 1) * Math.log(1 + (tools.length - known + 0.5) / (known + 0.5));
      for (let at = 0; at < known; at++) {
        const doc = list.docs[at] ?? 0;
        const frequency = list.frequencies[at] ?? 0;
        scores[doc] = (scores[doc] ?? 0) + (gainAtMost * frequency) / (frequency + (norms[doc] ?? K1));
      }
    }
    for (const [doc, weight] of weights.entries()) scores[doc] = (scores[doc] ?? 0) * weight;
    return scores;
  };

  return {
    search(query, options = {}) {
      const terms = new Set(toTerms(query.slice(0, MAX_QUERY_CHARS)));
      if (terms.size === 0) return page(toHits(tools, undefined, options.server), options);
      const hits = toHits(tools, scoreAll(terms), options.server);
      return page(best(hits, Math.max(0, options.offset ?? 0) + (options.limit ?? hits.length)), options, hits.length);
    },
  };
}

/** @param scores By position; `undefined` when every tool is a hit. */
function toHits(
  tools: readonly CatalogTool[],
  scores: Float64Array | undefined,
  server: string | undefined,
): SearchHit[] {
  const hits: SearchHit[] = [];
  for (const [doc, tool] of tools.entries()) {
    const score = Math.round((scores?.[doc] ?? 0) * SCORE_STEPS) / SCORE_STEPS;
    if ((scores === undefined || score > 0) && isOf(tool, server)) hits.push({ tool, score });
  }
  return hits;
}

/** At least the `count` best hits (a page and what comes before it), in order: the others are never sorted. */
function best(hits: readonly SearchHit[], count: number): SearchHit[] {
  const least = Float64Array.from(hits, (hit) => hit.score)
    .sort()
    .at(-Math.min(Math.ceil(count), hits.length));
  const kept = hits.filter((hit) => least === undefined || hit.score >= least);
  return kept.sort(compareHits);
}

function termsOf(tool: CatalogTool): ReadonlyMap<string, number> {
  let terms = termsByTool.get(tool);
  if (terms === undefined) {
    terms = countTerms(tool);
    termsByTool.set(tool, terms);
  }
  return terms;
}

function countTerms(tool: CatalogTool): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (text: string, weight: number): void => {
    for (const term of toTerms(text.slice(0, MAX_FIELD_CHARS))) counts.set(term, (counts.get(term) ?? 0) + weight);
  };
  add(tool.name, FIELD_WEIGHTS.name);
  add(tool.server, FIELD_WEIGHTS.server);
  add(tool.title === undefined ? tool.description : `${tool.title} ${tool.description}`, FIELD_WEIGHTS.description);
  add(parameterText(tool), FIELD_WEIGHTS.parameters);
  return counts;
}

/** Names and descriptions of a tool's own parameters. */
function parameterText(tool: ToolDefinition): string {
  const properties = isRecord(tool.inputSchema) ? tool.inputSchema["properties"] : undefined;
  if (!isRecord(properties)) return "";
  return Object.entries(properties)
    .map(([name, schema]) => {
      const description = isRecord(schema) ? schema["description"] : undefined;
      return typeof description === "string" ? `${name} ${description}` : name;
    })
    .join("\n");
}

function* lookUp(
  postings: ReadonlyMap<string, Postings>,
  terms: Iterable<string>,
): Generator<{ readonly list: Postings; readonly weight: number }> {
  for (const term of terms) {
    const exact = postings.get(term);
    if (exact !== undefined) yield { list: exact, weight: 1 };
    else if (term.length >= MIN_PARTIAL) yield { list: containing(postings, term), weight: PARTIAL_WEIGHT };
  }
}

/** Where the words occur that contain a part, as if they were one word. */
function containing(postings: ReadonlyMap<string, Postings>, part: string): Postings {
  const merged = new Map<number, number>();
  for (const [term, { docs, frequencies }] of postings) {
    if (!term.includes(part)) continue;
    for (const [at, doc] of docs.entries()) merged.set(doc, (merged.get(doc) ?? 0) + (frequencies[at] ?? 0));
  }
  return { docs: [...merged.keys()], frequencies: [...merged.values()] };
}

function isOf(tool: CatalogTool, server: string | undefined): boolean {
  return server === undefined || tool.server === server || tool.namespace === server;
}

/** Stable sorting keeps the catalog's order among equals. */
function compareHits(a: SearchHit, b: SearchHit): number {
  return b.score - a.score || boldness(a.tool) - boldness(b.tool);
}

/** How much a tool does, by the first word of its name: 0 looks, 1 changes, 2 removes. */
function boldness(tool: CatalogTool): number {
  const [verb = ""] = splitWords(tool.name);
  if (LOOKING.has(verb)) return 0;
  return REMOVING.has(verb) ? 2 : 1;
}

function page(
  hits: readonly SearchHit[],
  { limit = hits.length, offset = 0 }: SearchOptions,
  total = hits.length,
): SearchPage {
  const from = Math.max(0, Math.floor(offset));
  return { hits: hits.slice(from, from + Math.max(0, Math.floor(limit))), total };
}
