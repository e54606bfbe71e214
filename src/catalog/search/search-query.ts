import { impliedWords } from "./search-literals.ts";
import { isStopWord, spellOut, splitWords } from "./search-terms.ts";
import { stem } from "./stem.ts";

/** One word of a query. */
export interface QueryTerm {
  readonly term: string;
  /** The word as it was written, lower case. */
  readonly word: string;
  /** How much the word tells of the tool, 0 to 1. */
  readonly weight: number;
}

/** A query as it is searched for. */
export interface SearchQuery {
  /** Distinct words in their order; empty when the text has none. */
  readonly terms: readonly QueryTerm[];
  /** Words that the values in the text imply, none that it says itself. */
  readonly implied: readonly QueryTerm[];
  /** The same as `terms` for each clause, where there are several: a request often needs several tools. */
  readonly clauses: readonly (readonly QueryTerm[])[];
}

/** Values of arguments are in requests too; as words of a tool they are mostly noise. */
const NUMBER_WEIGHT = 0.3;
const QUOTED_WEIGHT = 0.5;
const NAME_WEIGHT = 0.9;
/** The country that `spellOut` knows is mostly where to look, or whose money is meant. */
const COUNTRY_WEIGHT = 0.45;
const COUNTRY = "usa";
/** `when`, `where` and `who` ask for a kind of thing. */
const QUESTION_WEIGHT = 0.5;
const QUESTION_WORDS = new Set(["when", "where", "who"]);

const MAX_QUERY_CHARS = 2_000;
const MAX_TERMS = 100;
const MAX_CLAUSES = 16;
const MIN_CLAUSE_TERMS = 2;

const QUOTED = /(?<=^|[\s(,:])(["'“‘`])(?<inner>.{1,80}?)["'”’`](?=$|[\s).,;:?!])/gu;
const BETWEEN_CLAUSES = /[.;?!]\s+|,?\s+(?:and then|and|then|also)\s+|,\s+/u;

/** Reads a request, of which the first 2,000 characters count. */
export function parseQuery(text: string): SearchQuery {
  const head = spellOut(text.slice(0, MAX_QUERY_CHARS));
  const terms = readTerms(head);
  if (terms.length === 0) return { terms: readWords(head), implied: [], clauses: [] };
  const said = new Set(terms.map(({ term }) => term));
  const implied = impliedWords(head).map(({ word, weight }) => ({ term: stem(word), word, weight }));
  return {
    terms,
    implied: implied.filter(({ term }) => !said.has(term)),
    clauses: readClauses(head).map((clause) => clause.terms),
  };
}

/** The clauses of a request that say something each; none when it is of one. At most 16. */
export function splitClauses(text: string): readonly string[] {
  return readClauses(text.slice(0, MAX_QUERY_CHARS)).map((clause) => clause.text);
}

function readClauses(text: string): readonly { readonly text: string; readonly terms: readonly QueryTerm[] }[] {
  const parts = text.split(BETWEEN_CLAUSES);
  if (parts.length === 1) return [];
  const clauses = parts.map((part) => ({ text: part, terms: readTerms(part) }));
  const telling = clauses.filter(({ terms }) => terms.length >= MIN_CLAUSE_TERMS);
  return telling.length > 1 ? telling.slice(0, MAX_CLAUSES) : [];
}

function readTerms(text: string): readonly QueryTerm[] {
  const found = new Map<string, QueryTerm>();
  const reader = { isFirst: true };
  let last = 0;
  for (const match of text.matchAll(QUOTED)) {
    read(text.slice(last, match.index), 1, reader, found);
    read(match.groups?.["inner"] ?? "", QUOTED_WEIGHT, reader, found);
    last = match.index + match[0].length;
  }
  read(text.slice(last), 1, reader, found);
  return [...found.values()].slice(0, MAX_TERMS);
}

/** The words of a text of nothing but words that tell nothing: then these are what is meant. */
function readWords(text: string): readonly QueryTerm[] {
  const words = new Set(splitWords(text));
  return [...words].slice(0, MAX_TERMS).map((word) => ({ term: stem(word), word, weight: 1 }));
}

/** @param reader Whether the next word begins a sentence: there its capital says nothing. */
function read(text: string, factor: number, reader: { isFirst: boolean }, found: Map<string, QueryTerm>): void {
  for (const raw of text.split(/\s+/u)) {
    if (raw === "") continue;
    const isName = !reader.isFirst && /^\p{Lu}/u.test(raw);
    reader.isFirst = /[.!?:]$/u.test(raw);
    for (const word of splitWords(raw)) {
      if (isStopWord(word) && !QUESTION_WORDS.has(word)) continue;
      const term = stem(word);
      const weight = factor * kindWeight(word, isName);
      if (weight > (found.get(term)?.weight ?? 0)) found.set(term, { term, word, weight });
    }
  }
}

function kindWeight(word: string, isName: boolean): number {
  if (/^\p{N}/u.test(word)) return NUMBER_WEIGHT;
  if (QUESTION_WORDS.has(word)) return QUESTION_WEIGHT;
  if (word === COUNTRY) return COUNTRY_WEIGHT;
  return isName ? NAME_WEIGHT : 1;
}
