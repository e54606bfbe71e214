import type { Random } from "./random.ts";
import { VOCABULARY } from "./vocabulary.ts";
import { WORDS } from "./words.ts";

/** What may be written at a place. */
interface Place {
  readonly awaits: boolean;
  readonly yields: boolean;
  readonly loops: boolean;
  readonly depth: number;
}

/** How a part's inside differs from its outside: `{async:block}`. */
const WITHIN: Readonly<Record<string, Partial<Place>>> = {
  async: { awaits: true, yields: false, loops: false },
  sync: { awaits: false, yields: false, loops: false },
  gen: { awaits: false, yields: true, loops: false },
  agen: { awaits: true, yields: true, loops: false },
  loop: { loops: true },
};

const PART = /\{(?:(?<within>\w+):)?(?<name>[a-zA-Z]\w*)\}/gu;
/** Parts that end soon: what is written where a program is deep enough. */
const SHORT: ReadonlySet<string> = new Set(["value", "ref", "builtin", ...Object.keys(WORDS)]);
const MAX_DEPTH = 6;
/** Parts of one program: a bound for grammars that grow. */
const MAX_PARTS = 400;

/** Writes programs: bodies of async functions, as scripts are. Most of them parse. */
export class Grammar {
  readonly #random: Random;
  #names: string[] = [];
  #parts = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A whole program. */
  program(): string {
    this.#names = [];
    this.#parts = 0;
    const place: Place = { awaits: true, yields: false, loops: false, depth: 0 };
    const lines: string[] = [];
    if (this.#random.chance(0.25)) lines.push(this.#part("sabotage", place));
    for (let count = 1 + this.#random.int(8); count > 0; count--)
      lines.push(this.#resilient(this.#part("statement", place)));
    if (this.#random.chance(0.7)) lines.push(`return ${this.#part("expr", place)};`);
    return lines.join("\n");
  }

  /** One expression: to put into a program that is there already. */
  expression(): string {
    this.#parts = MAX_PARTS / 2;
    return this.#part("expr", { awaits: false, yields: false, loops: false, depth: MAX_DEPTH - 3 });
  }

  /** Mostly a program goes on where a statement fails; what it declares must stay in sight. */
  #resilient(statement: string): string {
    if (/^(?:let|const|class|function|async function|return)/u.test(statement) || this.#random.chance(0.3))
      return statement;
    return `try { ${statement} } catch (e) { console.log(e); }`;
  }

  #part(name: string, place: Place): string {
    this.#parts++;
    if (name === "new") return this.#newName();
    if (name === "ref") return this.#names.length === 0 ? "globalThis" : this.#random.pick(this.#names);
    const all = WAYS.get(name);
    if (all === undefined) throw new Error(`the grammar has no part ${name}`);
    const isDeep = place.depth >= MAX_DEPTH || this.#parts > MAX_PARTS;
    const fitting = all.filter((way) => fits(way, place));
    const ending = isDeep ? fitting.filter(({ isShort }) => isShort) : fitting;
    const { text } = this.#random.pick(ending.length > 0 ? ending : fitting.length > 0 ? fitting : [NOTHING]);
    return text.replace(PART, (_, within: string | undefined, inner: string) =>
      this.#part(inner, { ...place, ...(within === undefined ? {} : WITHIN[within]), depth: place.depth + 1 }),
    );
  }

  #newName(): string {
    const name = `v${this.#names.length}`;
    this.#names.push(name);
    return name;
  }
}

/** One alternative, and where it may stand. */
interface Way {
  readonly text: string;
  readonly awaits: boolean;
  readonly yields: boolean;
  readonly jumps: boolean;
  /** Whether it leads to little more. */
  readonly isShort: boolean;
}

const NOTHING = toWay("0");
const WAYS: ReadonlyMap<string, readonly Way[]> = new Map(
  Object.entries(VOCABULARY).map(([name, texts]) => [name, texts.map(toWay)]),
);

function toWay(text: string): Way {
  const outer = text.replace(/\{(?:async|agen|gen|sync):\w+\}/gu, "");
  return {
    text,
    awaits: /\bawait\b/u.test(outer) && !outer.includes("async"),
    yields: /\byield\b/u.test(outer) && !/function\*|\*\[/u.test(outer),
    jumps: /\b(?:break|continue)\b/u.test(outer) && !/\b(?:for|while|do|switch)\b/u.test(outer),
    isShort: text.matchAll(PART).every(([, , name = ""]) => SHORT.has(name)),
  };
}

function fits({ awaits, yields, jumps }: Way, place: Place): boolean {
  return (place.awaits || !awaits) && (place.yields || !yields) && (place.loops || !jumps);
}
