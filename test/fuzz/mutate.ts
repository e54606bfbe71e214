import { partsOf } from "./corpus.ts";
import type { Part, Source } from "./corpus.ts";
import { Grammar } from "./grammar.ts";
import type { Random } from "./random.ts";

type Change = (text: string, donor: Source, random: Random) => string;

const WRAPPINGS: readonly (readonly [string, string])[] = [
  ["try {", "} catch (e) { console.log(e); } finally { await null; }"],
  ["for (let round = 0; round < 3; round++) {", "}"],
  ["await (async () => {", "})();"],
  ["setTimeout(async () => {", "}, 1); await mcp.test.sleep({ ms: 20 });"],
  ["await Promise.all([1, 2, 3].map(async () => {", "}));"],
  ["queueMicrotask(() => {", "}); await null;"],
  ["(function* () {", "})().next();"],
  ["with ({}) {", "}"],
];
const MARKS = [
  "(",
  ")",
  "{",
  "}",
  "[",
  "]",
  "`",
  "'",
  '"',
  "/",
  ";",
  ",",
  ".",
  "?.",
  "=>",
  "await ",
  "//",
  "/*",
  "\\",
  "\u2028",
  "\0",
  "${",
  "#",
  "@",
];

const CHANGES: readonly Change[] = [
  /** A part becomes one of another program. */
  (text, donor, random) => {
    const part = pickPart(text, random);
    const other = part === undefined ? undefined : pickOf(donor.parts, part.kind, random);
    return part === undefined || other === undefined
      ? text
      : replaced(text, part, donor.text.slice(other.start, other.end));
  },
  /** An expression becomes one that nobody wrote. */
  (text, _, random) => {
    const part = pickOf(partsOf(text), "expression", random);
    return part === undefined ? text : replaced(text, part, new Grammar(random).expression());
  },
  /** A statement goes. */
  (text, _, random) => {
    const part = pickOf(partsOf(text), "statement", random);
    return part === undefined ? text : replaced(text, part, "");
  },
  /** A statement happens twice. */
  (text, _, random) => {
    const part = pickOf(partsOf(text), "statement", random);
    return part === undefined ? text : replaced(text, part, `${text.slice(part.start, part.end)}\n`.repeat(2));
  },
  /** Two parts change places. */
  (text, _, random) => {
    const [one, two] = [pickPart(text, random), pickPart(text, random)].sort(
      (a, b) => (a?.start ?? 0) - (b?.start ?? 0),
    );
    if (one === undefined || two === undefined || one.end > two.start) return text;
    const swapped = text.slice(one.end, two.start);
    return `${text.slice(0, one.start)}${text.slice(two.start, two.end)}${swapped}${text.slice(one.start, one.end)}${text.slice(two.end)}`;
  },
  /** What another program does first happens before. */
  (text, donor) => `${donor.text}\n${text}`,
  /** What another program does happens in the middle. */
  (text, donor, random) => {
    const part = pickOf(partsOf(text), "statement", random);
    return part === undefined ? text : `${text.slice(0, part.start)}{ ${donor.text}\n}\n${text.slice(part.start)}`;
  },
  /** All of it happens within something. */
  (text, _, random) => {
    const [before, after] = random.pick(WRAPPINGS);
    return `${before}\n${text}\n${after}`;
  },
  /** Something is made false before it begins. */
  (text, _, random) => new Grammar(random).program().split("\n").slice(0, 2).join("\n") + `\n${text}`,
  /** A few characters change. */
  (text, _, random) => {
    const at = random.int(text.length + 1);
    return text.slice(0, at) + random.pick(MARKS) + text.slice(at + random.int(3));
  },
];

/** A program changed in one way. @param donor Another, to take parts from. */
export function mutate(text: string, donor: Source, random: Random): string {
  return random.pick(CHANGES)(text, donor, random);
}

function pickPart(text: string, random: Random): Part | undefined {
  const parts = partsOf(text);
  return parts.length === 0 ? undefined : random.pick(parts);
}

function pickOf(parts: readonly Part[], kind: Part["kind"], random: Random): Part | undefined {
  const fitting = parts.filter((part) => part.kind === kind);
  return fitting.length === 0 ? undefined : random.pick(fitting);
}

function replaced(text: string, { start, end }: Part, by: string): string {
  return text.slice(0, start) + by + text.slice(end);
}
