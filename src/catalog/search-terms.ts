const STOP_WORDS = new Set(
  (
    "a about all am an and any are as at be but by can could do does for from had has have how i if in into is it its me " +
    "my of on or our please should so that the their them then there these they this to us want was we what when where " +
    "which who will with would you your need like using use via such given"
  ).split(" "),
);

/** Words of a text, lower case: split at everything but letters and digits, and inside camelCase. In the text's order. */
export function splitWords(text: string): string[] {
  const spaced = text.replaceAll(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1 $2").replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2");
  return spaced
    .normalize("NFKC")
    .toLowerCase()
    .split(/[^\p{L}\p{N}\p{M}]+/u)
    .filter((word) => word !== "");
}

/**
 * What a text is found by: its words without those that mean nothing, each cut to a light stem, in the text's order. A text of
 * nothing but stop words keeps them.
 */
export function toTerms(text: string): string[] {
  const words = splitWords(text);
  const telling = words.filter((word) => !STOP_WORDS.has(word));
  return (telling.length > 0 ? telling : words).map(stem);
}

/**
 * A light stem of an English word: plural, `-ing` and `-ed` go, and what then differs only by a final `e` or a doubled
 * consonant meets (`listing`, `listed`, `lists` → `list`; `queries`, `query` → `query`; `creating`, `create` → `creat`).
 */
export function stem(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/u.test(word)) return word;
  return withoutEnding(singular(word));
}

function singular(word: string): string {
  if (/(?:ss|us|is)$/u.test(word) || !word.endsWith("s")) return word;
  if (word.endsWith("ies")) return word.length > 4 ? `${word.slice(0, -3)}y` : word.slice(0, -1);
  return /(?:ss|sh|ch|x|zz)es$/u.test(word) ? word.slice(0, -2) : word.slice(0, -1);
}

function withoutEnding(word: string): string {
  const bare = word.replace(/(?:ing|ed)$/u, "");
  const stripped = bare !== word && bare.length >= 3 && /[aeiouy]/u.test(bare) && !bare.endsWith("e");
  const base = stripped ? bare.replace(/([^aeiouylsz])\1$/u, "$1") : word;
  return base.length > 3 && base.endsWith("e") ? base.slice(0, -1) : base;
}
