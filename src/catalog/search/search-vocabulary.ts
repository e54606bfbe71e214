import { isPair, isStopWord } from "./search-terms.ts";
import { stem } from "./stem.ts";

/** A word of the tools that stands for an unknown one. */
export interface StandIn {
  readonly number: number;
  readonly weight: number;
}

/** What a word is worth that only contains the one that was asked for, times the part of it that this is. */
const PARTIAL_WEIGHT = 0.6;
/** What each of two words is worth that were written as one. */
const SPLIT_WEIGHT = 0.7;
const GRAM = 3;
const MIN_SPLIT_CHARS = 6;

/** Finds words of the tools by parts of them. */
export interface Vocabulary {
  /** The words that contain an unknown one; if there are none, the two that it is when cut somewhere. */
  standIns(word: string): readonly StandIn[];
}

/** @param numbers Each word's number. The table of three-letter parts is made at the first unknown word. */
export function createVocabulary(numbers: ReadonlyMap<string, number>): Vocabulary {
  let table: ReadonlyMap<string, readonly string[]> | undefined;
  return {
    standIns(word) {
      if (word.length < GRAM) return [];
      table ??= gramTable(numbers.keys());
      const found = containing(table, word).map((term) => ({
        number: numbers.get(term) ?? 0,
        weight: PARTIAL_WEIGHT * Math.sqrt(word.length / term.length),
      }));
      return found.length > 0 ? found : cut(numbers, word);
    },
  };
}

function gramTable(terms: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  const table = new Map<string, string[]>();
  for (const term of terms) {
    if (isPair(term)) continue;
    const grams = new Set<string>();
    for (let at = 0; at + GRAM <= term.length; at++) grams.add(term.slice(at, at + GRAM));
    for (const gram of grams) {
      const list = table.get(gram);
      if (list === undefined) table.set(gram, [term]);
      else list.push(term);
    }
  }
  return table;
}

function containing(table: ReadonlyMap<string, readonly string[]>, word: string): readonly string[] {
  let fewest: readonly string[] | undefined;
  for (let at = 0; at + GRAM <= word.length; at++) {
    const list = table.get(word.slice(at, at + GRAM));
    if (list === undefined) return [];
    if (fewest === undefined || list.length < fewest.length) fewest = list;
  }
  return fewest?.filter((term) => term.includes(word)) ?? [];
}

/** `timezone` is `time` and `zone`; of `historyof` only `history` is left. */
function cut(numbers: ReadonlyMap<string, number>, word: string): readonly StandIn[] {
  if (word.length < MIN_SPLIT_CHARS) return [];
  for (let at = GRAM; at <= word.length - 2; at++) {
    const [head, tail] = [word.slice(0, at), word.slice(at)];
    const first = numbers.get(stem(head));
    if (first === undefined || isStopWord(head)) continue;
    if (isStopWord(tail)) return at > GRAM ? [{ number: first, weight: SPLIT_WEIGHT }] : [];
    const second = tail.length >= GRAM ? numbers.get(stem(tail)) : undefined;
    if (second !== undefined) return [first, second].map((number) => ({ number, weight: SPLIT_WEIGHT }));
  }
  return [];
}
