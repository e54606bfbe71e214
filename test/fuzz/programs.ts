import { isProgram, readCorpus } from "./corpus.ts";
import type { Source } from "./corpus.ts";
import { Grammar } from "./grammar.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";

/** A random program and how it is to be run. */
export interface Program {
  readonly index: number;
  readonly text: string;
  /** JSON for `input`; `undefined` when it has none. */
  readonly input: unknown;
  readonly check: "none" | "names" | "types";
}

const TRIES = 6;
const MAX_CHARACTERS = 8_000;
/** How often a text that does not parse is taken as it is. */
const AS_IT_IS = 0.04;
/** How often types are checked: that costs more than the run. */
const TYPES_CHECKED = 0.02;
const INPUTS: readonly unknown[] = [
  undefined,
  null,
  0,
  "text",
  [1, { a: 2 }],
  { constructor: { prototype: 2 }, toJSON: 1 },
];

/** The random programs of one seed: the same seed and number give the same program, whatever came before. */
export class Programs {
  readonly #seed: number;
  readonly #corpus: readonly Source[] = readCorpus();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The program of a number. */
  at(index: number): Program {
    const random = new Random(this.#seed, index);
    const text = this.#text(random);
    const check = random.chance(TYPES_CHECKED) ? "types" : random.chance(0.2) ? "names" : "none";
    return { index, text, input: random.pick(INPUTS), check };
  }

  #text(random: Random): string {
    for (let tries = 1; ; tries++) {
      const text = this.#draw(random).slice(0, MAX_CHARACTERS);
      if (tries >= TRIES || random.chance(AS_IT_IS) || isProgram(text)) return text === "" ? ";" : text;
    }
  }

  #draw(random: Random): string {
    if (random.chance(0.55)) return new Grammar(random).program();
    let { text } = random.pick(this.#corpus);
    for (let changes = 1 + random.int(4); changes > 0; changes--)
      text = mutate(text, random.pick(this.#corpus), random);
    return text;
  }
}
