import { splitWords } from "./search-terms.ts";
import { stem } from "./stem.ts";

/** A word that a request does not say but means, by the values in it. */
export interface ImpliedWord {
  readonly word: string;
  /** What it is worth beside a word that is said, 0 to 1. */
  readonly weight: number;
}

/**
 * Values by their form, and what tools call a parameter that takes one.
 *
 * @source Weights tuned like those of `FIELDS`. Places, amounts and percentages gained nothing, so they are left out.
 */
const LITERALS: readonly (ImpliedWord & { readonly form: RegExp })[] = [
  { word: "year", weight: 0.3, form: /(?<![\d.,$])(?:1\d|20)\d\d(?![\d.,]?\d)/u },
  {
    word: "date",
    weight: 0.4,
    form: /\b(?:\d{4}-\d\d-\d\d|\d{1,2}\/\d{1,2}\/\d{2,4}|\d{1,2}(?:st|nd|rd|th)|january|february|march|april|june|july|august|september|october|november|december)\b/iu,
  },
  { word: "time", weight: 0.3, form: /\b\d{1,2}(?:(?::\d\d)?\s?[ap]\.?m|:\d\d)\b/iu },
];

/** Units of one quantity each: who asks how many of one there are in another wants a conversion. */
const QUANTITIES: readonly ReadonlySet<string>[] = [
  "dollar euro yen pound rupee yuan peso franc usd eur gbp jpy",
  "ounce pound gram kilogram kg lb ton",
  "cup tablespoon teaspoon liter litre milliliter gallon pint quart",
  "meter metre kilometer km mile yard foot inch centimeter cm",
  "second minute hour day week month year",
].map((units) => new Set(units.split(" ").map(stem)));

const CONVERSION: ImpliedWord = { word: "convert", weight: 0.2 };

/** What the values of a request imply: a date in it fits a tool that takes dates, and two units of one quantity one that converts. */
export function impliedWords(text: string): readonly ImpliedWord[] {
  const implied = LITERALS.filter(({ form }) => form.test(text));
  return asksToConvert(text) ? [...implied, CONVERSION] : implied;
}

function asksToConvert(text: string): boolean {
  if (!/\bhow (?:many|much)\b/iu.test(text)) return false;
  const terms = splitWords(text).map(stem);
  return QUANTITIES.some((units) => terms.filter((term) => units.has(term)).length > 1);
}
