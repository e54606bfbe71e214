/** What a rule cannot make of a word: irregular forms by their base form. */
const IRREGULAR = new Map(
  Object.entries({
    analyze: "analyse analyses analysing analysis analytics",
    begin: "began begun",
    break: "broke broken",
    build: "built",
    buy: "bought",
    catch: "caught",
    child: "children",
    choose: "chose chosen",
    criterion: "criteria",
    diagnose: "diagnoses diagnosis",
    draw: "drawn drew",
    drive: "driven drove",
    feed: "fed",
    find: "found",
    fly: "flew flies flight flown",
    foot: "feet",
    get: "got",
    give: "gave given",
    grow: "grew grown",
    hide: "hid hidden",
    hold: "held",
    index: "indices",
    keep: "kept",
    leaf: "leaves",
    lend: "lent",
    lose: "lost",
    make: "made",
    man: "men",
    matrix: "matrices",
    mouse: "mice",
    pay: "paid",
    person: "people",
    rise: "rose",
    run: "ran",
    sell: "sold",
    send: "sent",
    shelf: "shelves",
    show: "shown",
    speak: "spoke spoken",
    spend: "spent",
    steal: "stolen",
    take: "taken took",
    teach: "taught",
    throw: "threw thrown",
    vertex: "vertices",
    wear: "wore worn",
    win: "won",
    woman: "women",
    write: "written wrote",
  }).flatMap(([base, forms]) => forms.split(" ").map((form) => [form, base] as const)),
);

/** Endings that make other kinds of words; the first that fits and leaves enough of the word is replaced. */
const ENDINGS: readonly (readonly [RegExp, string])[] = [
  [/(?:orical|oric|ory)$/u, "or"],
  [/over(?:y|er)?$/u, "over"],
  [/rsion$/u, "rt"],
  [/(?:ization|isation|izer|iser|ize|ise)$/u, "iz"],
  [/(?:ations?|ative|ators?|ate)$/u, ""],
  [/(?:ition|itive)$/u, "it"],
  [/ction$/u, "ct"],
  [/(?<=.{5})ion$/u, ""],
  [/ments?$/u, ""],
  [/(?:ically|ical)$/u, "ic"],
  [/(?:ally|al)$/u, ""],
  [/ly$/u, ""],
  [/(?<!f)(?:ers?|ors?)$/u, ""],
  [/ness$/u, ""],
  [/(?:ability|able|ible)$/u, ""],
  [/ity$/u, ""],
  [/(?:ance|ence|ancy|ency)$/u, ""],
  [/ive$/u, ""],
  [/ful$/u, ""],
];

/** Letters that an ending must leave over: less says nothing about the word any more. */
const MIN_STEM = 4;

/** Words come again and again in the tools of one service; what is kept of them is bounded. */
const MAX_KEPT = 20_000;
const kept = new Map<string, string>();

/**
 * The stem of an English word in lower case, so that forms of one word meet: plurals, `-ing`, `-ed`, irregular verbs and
 * nouns, and nouns of verbs (`lists`, `listing` → `list`; `conversion`, `convert` → `convert`; `sent` → `send`). Other
 * words, short ones and identifiers with digits stay as they are. A stem is a key, not a word: `create` → `creat`.
 */
export function stem(word: string): string {
  let found = kept.get(word);
  if (found === undefined) {
    found = stemOf(word);
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(word, found);
  }
  return found;
}

function stemOf(word: string): string {
  const base = IRREGULAR.get(word) ?? word;
  if (base.length < MIN_STEM || !/^[a-z]+$/u.test(base)) return base;
  const one = singular(base);
  const bare = withoutKind(withoutInflection(IRREGULAR.get(one) ?? one));
  const short = bare.length >= MIN_STEM && bare.endsWith("e") ? bare.slice(0, -1) : bare;
  return short.length >= MIN_STEM && short.endsWith("y") ? `${short.slice(0, -1)}i` : short;
}

function singular(word: string): string {
  if (/(?:ss|us|is)$/u.test(word) || !word.endsWith("s")) return word;
  if (word.endsWith("ies")) return word.length > MIN_STEM ? `${word.slice(0, -3)}y` : word.slice(0, -1);
  return /(?:ss|sh|ch|x|zz)es$/u.test(word) ? word.slice(0, -2) : word.slice(0, -1);
}

function withoutInflection(word: string): string {
  const bare = word.replace(/(?:ing|ed)$/u, "");
  const stripped = bare !== word && bare.length >= 3 && /[aeiouy]/u.test(bare) && !bare.endsWith("e");
  return stripped ? bare.replace(/([^aeiouylsz])\1$/u, "$1") : word;
}

function withoutKind(word: string): string {
  // `nutritional` is of `nutrition`, which has an ending of its own.
  const inner = word.replace(/(?<=.{3}ion)al(?:ly)?$/u, "").replace(/(?<=.{4})ship$/u, "");
  for (const [ending, replacement] of ENDINGS) {
    const at = inner.search(ending);
    if (at >= MIN_STEM) return inner.slice(0, at) + replacement;
  }
  return inner;
}
