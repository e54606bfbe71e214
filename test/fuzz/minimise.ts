import { partsOf } from "./corpus.ts";
import type { Part } from "./corpus.ts";

/** How far a program is made smaller. */
export interface MinimiseOptions {
  /** Whether a smaller program still shows what is looked for. */
  readonly stillShows: (text: string) => Promise<boolean>;
  /** Programs to try at most. */
  readonly tries: number;
}

const STAND_INS = ["", "0", "{}", "()=>{}"];

/**
 * Makes a program smaller for as long as it shows the same: without some of its lines, then without some of its parts.
 *
 * @returns The smallest that was found: the program itself when none is.
 */
export async function minimise(text: string, { stillShows, tries }: MinimiseOptions): Promise<string> {
  let left = tries;
  let best = text;
  const isSmaller = async (candidate: string): Promise<boolean> => {
    if (candidate.length >= best.length || candidate.trim() === "" || left <= 0) return false;
    left--;
    if (!(await stillShows(candidate))) return false;
    best = candidate;
    return true;
  };
  await withoutLines(() => best, isSmaller);
  for (let goesOn = true; goesOn;) goesOn = await withoutAPart(() => best, isSmaller);
  return best;
}

type TryText = (candidate: string) => Promise<boolean>;

/** Takes out halves, quarters and so on to single lines. */
async function withoutLines(best: () => string, isSmaller: TryText): Promise<void> {
  for (let size = Math.ceil(best().split("\n").length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best().split("\n").length;) {
      const lines = best().split("\n");
      const isOut = await isSmaller(lines.toSpliced(at, size).join("\n"));
      if (!isOut) at += size;
    }
  }
}

/** Takes out the largest part that can go. @returns Whether there was one. */
async function withoutAPart(best: () => string, isSmaller: TryText): Promise<boolean> {
  const text = best();
  for (const part of partsOf(text)) {
    for (const candidate of without(text, part)) if (await isSmaller(candidate)) return true;
  }
  return false;
}

/** The program with something smaller in the place of a part: one of its own parts, or next to nothing. */
function without(text: string, part: Part): readonly string[] {
  const inside = text.slice(part.start, part.end);
  const inner = partsOf(inside)
    .filter(({ start, end }) => end - start < inside.length)
    .slice(0, 3)
    .map(({ start, end }) => inside.slice(start, end));
  const standIns = part.kind === "statement" ? [""] : STAND_INS;
  return [...standIns, ...inner].map((other) => text.slice(0, part.start) + other + text.slice(part.end));
}
