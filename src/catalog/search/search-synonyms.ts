import { stem } from "./stem.ts";

/** A word that may stand for one that was asked for. */
export interface RelatedTerm {
  readonly term: string;
  /** What a hit of it is worth beside a hit of the word itself. */
  readonly weight: number;
}

/** Short forms that names of tools and parameters are full of: nearly the word itself. */
const SHORT_FORM_WEIGHT = 0.9;
/** Names of the same thing. */
const THING_WEIGHT = 0.7;
/** Verbs and kinds that come close. */
const SYNONYM_WEIGHT = 0.55;

const SHORT_FORMS = [
  "address addr",
  "administrator admin",
  "advertisement ad",
  "application app",
  "argument arg",
  "authentication auth",
  "average avg",
  "calculate calc",
  "category cat",
  "command cmd",
  "configuration config",
  "database db",
  "developer dev",
  "directory dir",
  "distribution dist",
  "document doc",
  "environment env",
  "equation eq",
  "examination exam",
  "execute exec",
  "identifier id",
  "image img",
  "information info",
  "initialize init",
  "javascript js",
  "kubernetes k8s",
  "laboratory lab",
  "language lang",
  "mathematics math",
  "maximum max",
  "memory mem",
  "message msg",
  "minimum min",
  "number num",
  "organization org",
  "parameter param",
  "photograph photo",
  "probability prob",
  "production prod",
  "quantity qty",
  "reference ref",
  "repository repo",
  "specification spec",
  "standard std",
  "statistics stats",
  "synchronize sync",
  "telephone phone",
  "television tv",
  "temperature temp",
  "typescript ts",
  "version ver",
];

/** Each word of a group finds the others. */
const SYNONYMS = [
  "create add make new generate insert register",
  "save store persist write record keep",
  "insert write append attach add put",
  "row record entry",
  "column field",
  "sheet table",
  "remove delete erase drop clear destroy purge wipe forget uninstall",
  "get fetch retrieve show read view display obtain give",
  "list enumerate",
  "find search lookup query locate look",
  "send post submit publish deliver",
  "update edit modify change set adjust alter patch",
  "change diff difference compare",
  "calculate compute determine evaluate",
  "convert transform translate",
  "book reserve schedule",
  "buy purchase order",
  "start run launch execute begin trigger open",
  "stop end cancel terminate close abort",
  "check verify validate",
  "estimate predict forecast",
  "analyze assess evaluate measure",
  "recommend suggest",
  "rename move",
  "copy duplicate clone fork",
  "join merge combine",
  "connect link relate join associate",
  "upload attach import",
  "download export save",
  "describe detail info information",
  "select choose pick",

  "compress zip gzip",
  "secret password credential",
  "permission role access",
  "member user",
  "news article headline",
  "hire recruit",
  "learn study",
];

/** The same for names of things. */
const SAME_THINGS = [
  "directory folder",
  "file document",
  "issue ticket bug",
  "picture image photo",
  "movie film",
  "song music track",
  "price cost",
  "amount sum total",
  "restaurant dining food",
  "recipe cook dish food meal",
  "car vehicle",
  "doctor physician",
  "hospital clinic",
  "illness disease sickness",
  "medicine drug medication",
  "job position",
  "salary wage income",
  "house property home",
  "flat apartment",
  "email mail",
  "message text",
  "person user people",
  "kid child",
  "student pupil",
  "teacher instructor",
  "artist painter",
  "author writer",
  "error exception failure",
  "place location",
  "country nation",
  "city town",
  "trip travel journey",
  "vacation holiday",
  "luggage baggage",
  "nearby nearest near close",
  "chance probability likelihood odds",
  "distance far",
  "time duration long",
  "fast quick speed",
  "big large",
  "schedule timetable",
  "history log record",
  "state status condition",
  "comment remark note reply",
  "weather temperature forecast",
  "law legal court",
  "lawsuit case court",
  "contract agreement",
  "game match",
  "team club",
  "company business firm",
  "store shop market",
  "stock share",
  "route direction",
  "exercise workout training",
];

/** A word before the colon finds those after it, and not the other way: kinds of things, questions and what they ask for. */
const KINDS = [
  "when: date time",
  "where: location place address",
  "who: person name artist author leader",
  "near nearby around: location",
  "january february march april june july august september october november december: date month",
  "monday tuesday wednesday thursday friday saturday sunday today tomorrow tonight weekend: date",
  "hour opening: schedule time",
  "dollar euro yen pound rupee yuan peso franc usd eur gbp jpy: currency money convert",
  "ounce gram kilogram cup tablespoon teaspoon liter gallon kg lb inch foot celsius fahrenheit: unit convert conversion",
  "mile kilometer km: distance",
  "tall height width wide long: dimension height",
  "country city town village: location",
  "times plus minus: multiply add subtract math",
  "cheap expensive: price",
  "old: age",
  "rain sunny snow: weather forecast",
  "humidity precipitation wind: weather",
  "protein calorie carbohydrate carb fat vitamin: nutrition",
  "vegan vegetarian gluten kosher halal: diet",
  "cuisine: food restaurant",
  "psychologist counselor therapist dentist: doctor provider service",
  "football basketball soccer tennis baseball: sport",
  "king queen emperor: monarch ruler leader",
  "war battle treaty revolution: history event",
  "christianity islam hinduism buddhism judaism: religion",
  "tune song: music",
  "wake: alarm",
  "remind: reminder alarm",
  "pr: pull request",
];

const RELATED: ReadonlyMap<string, readonly RelatedTerm[]> = relate();

/** The words that may stand for a stem, none twice. */
export function relatedTerms(term: string): readonly RelatedTerm[] {
  return RELATED.get(term) ?? [];
}

function relate(): ReadonlyMap<string, readonly RelatedTerm[]> {
  const weights = new Map<string, Map<string, number>>();
  const add = (from: readonly string[], to: readonly string[], weight: number): void => {
    for (const word of from) {
      const known = weights.get(word) ?? new Map<string, number>();
      weights.set(word, known);
      for (const other of to) if (other !== word) known.set(other, Math.max(weight, known.get(other) ?? 0));
    }
  };
  for (const group of SHORT_FORMS.map(stems)) add(group, group, SHORT_FORM_WEIGHT);
  for (const group of SYNONYMS.map(stems)) add(group, group, SYNONYM_WEIGHT);
  for (const group of SAME_THINGS.map(stems)) add(group, group, THING_WEIGHT);
  for (const [words = "", kinds = ""] of KINDS.map((line) => line.split(": "))) {
    add(stems(words), stems(kinds), SYNONYM_WEIGHT);
  }
  return new Map(
    [...weights].map(([word, others]) => [word, [...others].map(([term, weight]) => ({ term, weight }))] as const),
  );
}

function stems(words: string): string[] {
  return words.split(" ").map(stem);
}
