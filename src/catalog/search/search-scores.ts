import type { Postings } from "./search-postings.ts";
import type { QueryTerm, SearchQuery } from "./search-query.ts";
import { relatedTerms } from "./search-synonyms.ts";
import { pairOf } from "./search-terms.ts";
import type { StandIn, Vocabulary } from "./search-vocabulary.ts";

/** What a tool gains whose whole name is asked for. */
const NAME_GAIN = 0.15;
/** How much of a tool's score its best clause can make. */
const CLAUSE_SHARE = 0.3;
/** What a word is worth that is two neighbours of the query in one. */
const JOINED_WEIGHT = 0.7;
/** What it is worth that two neighbours of the query are neighbours in the tool too, beside the words themselves. */
const PAIR_WEIGHT = 0.1;

/** Where a word of a query or a stand-in for it occurs; arrays of one length. */
interface TermHits {
  /** Position of the tool. */
  readonly docs: ArrayLike<number>;
  readonly impacts: ArrayLike<number>;
  readonly nameShares: ArrayLike<number>;
  /** What of the word's rarity is found in each tool; one number when it is the same in all. */
  readonly found: ArrayLike<number> | number;
  /** Rarity of the word itself. */
  readonly sought: number;
}

/**
 * Field-weighted BM25 (BM25F) with four additions: words that people use for the same thing count, for less than the word
 * itself; words that stand together in the query and in the tool count more; a tool that has more of the query's telling
 * words, or whose name is made of them, gains; and where a query has several clauses a tool that fits one of them well gains.
 *
 * Works in arrays of its own that every call uses again: not for two queries at a time.
 */
export class Scorer {
  readonly #postings: Postings;
  readonly #vocabulary: Vocabulary;
  readonly #totals: Float64Array;
  readonly #clauseScores: Float64Array;
  readonly #matched: Float64Array;
  readonly #named: Float64Array;
  /** What the best stand-in of the word at hand gives each tool: its impact, share of the name and rarity. */
  readonly #best: { readonly impact: Float64Array; readonly share: Float64Array; readonly rarity: Float64Array };

  constructor(postings: Postings, vocabulary: Vocabulary) {
    const { size } = postings;
    this.#postings = postings;
    this.#vocabulary = vocabulary;
    this.#totals = new Float64Array(size);
    this.#clauseScores = new Float64Array(size);
    this.#matched = new Float64Array(size);
    this.#named = new Float64Array(size);
    this.#best = { impact: new Float64Array(size), share: new Float64Array(size), rarity: new Float64Array(size) };
  }

  /** Gives every tool its score; 0 when no word of the query fits. @returns By position; valid until the next call. */
  scores({ terms, implied, clauses }: SearchQuery): Float64Array {
    const [totals, clauseScores] = [this.#totals, this.#clauseScores];
    const known = new Map<string, TermHits>();
    const best = this.#score(terms, implied, totals, known, clauses.length > 0);
    for (const clause of clauses) {
      const most = this.#score(clause, [], clauseScores, known, false);
      if (most === 0) continue;
      for (let doc = 0; doc < totals.length; doc++) {
        const whole = totals[doc] ?? 0;
        const part = ((clauseScores[doc] ?? 0) / most) * best;
        if (part > whole) totals[doc] = (1 - CLAUSE_SHARE) * whole + CLAUSE_SHARE * part;
      }
    }
    return totals;
  }

  /** @param known Words of this query that were looked up. @returns The best score. */
  #score(
    terms: readonly QueryTerm[],
    implied: readonly QueryTerm[],
    scores: Float64Array,
    known: Map<string, TermHits>,
    hasClauses: boolean,
  ): number {
    const [matched, named, { weights, numbers }] = [this.#matched, this.#named, this.#postings];
    scores.fill(0);
    matched.fill(0);
    named.fill(0);
    let sought = 0;
    for (const { term, weight } of [...terms, ...implied]) {
      const hits = known.get(term) ?? this.#lookUp(term);
      known.set(term, hits);
      sought += weight * hits.sought;
      this.#add(scores, hits, weight);
    }
    for (const [joined, weight] of joinedTerms(terms, numbers)) this.#add(scores, this.#lookUp(joined), weight);
    this.#addPairs(scores, terms);
    let best = 0;
    for (let doc = 0; doc < scores.length; doc++) {
      const sum = scores[doc] ?? 0;
      if (sum === 0) continue;
      // No tool can do all of a request of several clauses: there it need not have most of the words.
      const covered = hasClauses ? 1 : Math.sqrt(Math.min(1, (matched[doc] ?? 0) / sought));
      const final = sum * covered * (1 + NAME_GAIN * Math.min(1, named[doc] ?? 0)) * (weights[doc] ?? 1);
      scores[doc] = final;
      if (final > best) best = final;
    }
    return best;
  }

  #add(scores: Float64Array, { docs, impacts, nameShares, found }: TermHits, weight: number): void {
    const [matched, named] = [this.#matched, this.#named];
    for (let at = 0; at < docs.length; at++) {
      const doc = docs[at] ?? 0;
      scores[doc] = (scores[doc] ?? 0) + weight * (impacts[at] ?? 0);
      matched[doc] = (matched[doc] ?? 0) + weight * (typeof found === "number" ? found : (found[at] ?? 0));
      named[doc] = (named[doc] ?? 0) + (nameShares[at] ?? 0);
    }
  }

  #addPairs(scores: Float64Array, terms: readonly QueryTerm[]): void {
    const { numbers, starts, docs, impacts } = this.#postings;
    for (const [index, { term, weight }] of terms.entries()) {
      const before = terms[index - 1];
      const number = before === undefined ? undefined : numbers.get(pairOf(before.term, term));
      if (before === undefined || number === undefined) continue;
      const worth = PAIR_WEIGHT * Math.min(before.weight, weight);
      const end = starts[number + 1] ?? 0;
      for (let at = starts[number] ?? 0; at < end; at++) {
        const doc = docs[at] ?? 0;
        scores[doc] = (scores[doc] ?? 0) + worth * (impacts[at] ?? 0);
      }
    }
  }

  #lookUp(term: string): TermHits {
    const { numbers, starts, docs, impacts, nameShares, rarities, rarity } = this.#postings;
    const known = numbers.get(term);
    const sought = rarities[known ?? -1] ?? rarity(0);
    const standIns = this.#standIns(term, known, sought);
    if (standIns.length > 1 || known === undefined) return this.#merge(standIns, sought);
    const [from, to] = [starts[known], starts[known + 1]];
    return {
      docs: docs.subarray(from, to),
      impacts: impacts.subarray(from, to),
      nameShares: nameShares.subarray(from, to),
      found: sought,
      sought,
    };
  }

  #standIns(term: string, known: number | undefined, sought: number): readonly StandIn[] {
    const { numbers, rarities } = this.#postings;
    const found = known === undefined ? [...this.#vocabulary.standIns(term)] : [{ number: known, weight: 1 }];
    for (const related of relatedTerms(term)) {
      const number = numbers.get(related.term);
      if (number === undefined) continue;
      // A synonym that is rarer than the word itself would be worth more than it.
      const fair = known === undefined ? 1 : Math.min(1, sought / (rarities[number] || 1));
      found.push({ number, weight: related.weight * fair });
    }
    return found;
  }

  /** Of several stand-ins in one tool the best counts: as if they were one word. */
  #merge(standIns: readonly StandIn[], sought: number): TermHits {
    const { starts, docs, impacts, nameShares, rarities } = this.#postings;
    const { impact, share, rarity } = this.#best;
    const touched: number[] = [];
    for (const { number, weight } of standIns) {
      const rare = Math.min(sought, weight * (rarities[number] ?? 0));
      const end = starts[number + 1] ?? 0;
      for (let at = starts[number] ?? 0; at < end; at++) {
        const doc = docs[at] ?? 0;
        const gain = weight * (impacts[at] ?? 0);
        const before = impact[doc] ?? 0;
        if (before === 0) touched.push(doc);
        if (gain > before) {
          impact[doc] = gain;
          rarity[doc] = rare;
        }
        const named = weight * (nameShares[at] ?? 0);
        if (named > (share[doc] ?? 0)) share[doc] = named;
      }
    }
    const take = (from: Float64Array): Float64Array => {
      const taken = new Float64Array(touched.length);
      for (let at = 0; at < touched.length; at++) {
        const doc = touched[at] ?? 0;
        taken[at] = from[doc] ?? 0;
        from[doc] = 0;
      }
      return taken;
    };
    return { docs: touched, impacts: take(impact), nameShares: take(share), found: take(rarity), sought };
  }
}

/** Words of the tools that are two neighbouring words of the query in one: `time zone` finds `timezone`. */
function joinedTerms(
  terms: readonly QueryTerm[],
  numbers: ReadonlyMap<string, number>,
): readonly (readonly [string, number])[] {
  const own = new Set(terms.map(({ term }) => term));
  return terms.slice(1).flatMap(({ term, weight }, index): (readonly [string, number])[] => {
    const before = terms[index];
    const joined = (before?.word ?? "") + term;
    if (!numbers.has(joined) || own.has(joined)) return [];
    return [[joined, JOINED_WEIGHT * Math.min(weight, before?.weight ?? 0)]];
  });
}
