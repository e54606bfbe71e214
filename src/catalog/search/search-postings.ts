import type { CatalogTool } from "../catalog.ts";
import { FIELDS, NAME_FIELD, searchedTool } from "./search-fields.ts";
import type { SearchedTool } from "./search-fields.ts";

/** How fast further occurrences of a word stop counting. @source Tuned with the fields' weights; BM25's usual value is 1.2. */
const K1 = 1;

/** Where each word occurs and what it is worth there: everything of a score that does not depend on the query. */
export interface Postings {
  /** Tools there are. */
  readonly size: number;
  /** Number of each word and each pair of words; its postings are from `starts[number]` to before `starts[number + 1]`. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly starts: Uint32Array;
  /** Position of the tool. */
  readonly docs: Uint32Array;
  /** BM25F part of the word in this tool, its rarity included. */
  readonly impacts: Float32Array;
  /** Part of the tool's name that the word is, by rarity, 0 to 1. */
  readonly nameShares: Float32Array;
  /** Rarity of each word. */
  readonly rarities: Float32Array;
  /** Factor on each tool's score. */
  readonly weights: Float32Array;
  /** Rarity of a word that `count` tools have. */
  readonly rarity: (count: number) => number;
}

/** Counts the words of tools and the pairs of them. @param tools In the catalog's order. */
export function buildPostings(tools: readonly CatalogTool[]): Postings {
  const searched = tools.map(searchedTool);
  const averages = FIELDS.map(
    (_, field) => searched.reduce((sum, tool) => sum + (tool.lengths[field] ?? 0), 0) / Math.max(1, tools.length) || 1,
  );
  const rarity = (count: number): number => Math.log(1 + (tools.length - count + 0.5) / (count + 0.5));
  const lists = new Map<string, { docs: number[]; frequencies: number[] }>();
  let total = 0;
  for (const [doc, tool] of searched.entries()) {
    for (const [term, frequency] of frequenciesOf(tool, averages)) {
      const list = lists.get(term) ?? { docs: [], frequencies: [] };
      if (list.docs.push(doc) === 1) lists.set(term, list);
      list.frequencies.push(frequency);
      total++;
    }
  }
  const postings = {
    size: tools.length,
    numbers: new Map([...lists.keys()].map((term, number) => [term, number] as const)),
    starts: new Uint32Array(lists.size + 1),
    docs: new Uint32Array(total),
    impacts: new Float32Array(total),
    nameShares: new Float32Array(total),
    rarities: Float32Array.from(lists.values(), ({ docs }) => rarity(docs.length)),
    weights: Float32Array.from(searched, (tool) => tool.weight),
    rarity,
  };
  fill(postings, lists, searched);
  return postings;
}

function fill(
  postings: Postings,
  lists: ReadonlyMap<string, { readonly docs: readonly number[]; readonly frequencies: readonly number[] }>,
  searched: readonly SearchedTool[],
): void {
  const { starts, docs, impacts, nameShares, rarities, numbers } = postings;
  const nameTotals = searched.map((tool) => {
    let sum = 0;
    for (const term of tool.counts[NAME_FIELD]?.keys() ?? []) sum += rarities[numbers.get(term) ?? 0] ?? 0;
    return sum || 1;
  });
  let at = 0;
  for (const [term, list] of lists) {
    const number = numbers.get(term) ?? 0;
    const rarity = rarities[number] ?? 0;
    starts[number] = at;
    for (const [index, doc] of list.docs.entries()) {
      const frequency = list.frequencies[index] ?? 0;
      docs[at] = doc;
      impacts[at] = (rarity * frequency * (K1 + 1)) / (frequency + K1);
      nameShares[at] = searched[doc]?.counts[NAME_FIELD]?.has(term) === true ? rarity / (nameTotals[doc] ?? 1) : 0;
      at++;
    }
  }
  starts[lists.size] = at;
}

/** Occurrences of each word, weighted by the fields they are in and by how long those are. */
function frequenciesOf(tool: SearchedTool, averages: readonly number[]): ReadonlyMap<string, number> {
  const frequencies = new Map<string, number>();
  for (const [field, { weight, lengthShare }] of FIELDS.entries()) {
    const length = (tool.lengths[field] ?? 0) / (averages[field] ?? 1);
    const worth = weight / (1 - lengthShare + lengthShare * length);
    for (const [term, count] of tool.counts[field] ?? []) {
      frequencies.set(term, (frequencies.get(term) ?? 0) + count * worth);
    }
  }
  for (const [pair, count] of tool.pairs) frequencies.set(pair, count);
  return frequencies;
}
