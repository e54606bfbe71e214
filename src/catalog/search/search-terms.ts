import { stem } from "./stem.ts";

/** Words of questions and of politeness: they are in every request and tell nothing of a tool. */
const STOP_WORDS = new Set(
  (
    "a about able all also am an and any are as assist assistance at be but by can could currently d do does doesn don feel " +
    "feeling for forgot from given going had has have he hello help her here hey hi him his how i if in interested into is it " +
    "its just kindly know let lets like ll look looking m many me mood more most much my need now of ok okay on one or our " +
    "please re right s say see she should so some such sure t tell than thank thanks that the their them then there these " +
    "they think this to too try trying two us use using ve very via want wanted was we what when where which who will " +
    "with would you your"
  ).split(" "),
);

const INITIALS = /(?<![\p{L}\p{N}])(?:\p{Lu}\.){2,}/gu;
/** `us` in small letters is a country only where an identifier begins with it. */
const COUNTRY = /(?<![\p{L}\p{N}])(?:United States(?: of America)?|USA?)(?![\p{L}\p{N}])|^us(?=[_.])/gu;

/** A text with its initials as words: `U.K.` → `UK`. The one country whose short name is a word that tells nothing is `USA`. */
export function spellOut(text: string): string {
  return text.replaceAll(INITIALS, (initials) => initials.replaceAll(".", "")).replaceAll(COUNTRY, "USA");
}

/** Most texts of a query are one such word, which has nothing to split. */
const PLAIN_WORD = /^[A-Za-z]?[a-z]+$/u;

/** Words of a text, lower case: split at everything but letters and digits, and inside camelCase. In the text's order. */
export function splitWords(text: string): string[] {
  if (PLAIN_WORD.test(text)) return [text.toLowerCase()];
  const spaced = spellOut(text)
    .replaceAll(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1 $2")
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2");
  return spaced
    .normalize("NFKC")
    .toLowerCase()
    .split(/[^\p{L}\p{N}\p{M}]+/u)
    .filter((word) => word !== "");
}

/** Whether a word, in lower case, tells nothing of a tool. */
export function isStopWord(word: string): boolean {
  return STOP_WORDS.has(word);
}

/** A word with one capital, or capitals at its end, after small letters. */
const TWO_PARTS = /(?<![\p{L}\p{N}])(?:\p{Lu}\p{Ll}+|\p{Ll}+)(?:\p{Lu}\p{Ll}+|\p{Lu}{2,})(?![\p{L}\p{N}])/gu;

/** Terms of words with a capital within, as one: `JavaScript`, `GitHub`, `MongoDB` are asked for in lower case. */
export function joinedTerms(text: string): string[] {
  return [...text.matchAll(TWO_PARTS)].map(([word]) => stem(word.toLowerCase()));
}

/** Two neighbouring words as one term, in whichever order they stand: `area of a triangle` is `triangle area`. */
export function pairOf(first: string, second: string): string {
  return first < second ? `${first} ${second}` : `${second} ${first}`;
}

/** Whether a term is a pair: words hold no space. */
export function isPair(term: string): boolean {
  return term.includes(" ");
}

/**
 * What a text is found by: its words without those that tell nothing, each cut to its stem, in the text's order. A text of
 * nothing but such words keeps them.
 */
export function toTerms(text: string): string[] {
  const words = splitWords(text);
  const telling = words.filter((word) => !STOP_WORDS.has(word));
  return (telling.length > 0 ? telling : words).map(stem);
}
