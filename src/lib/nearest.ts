/**
 * The names most like a wrong one, best first: for "did you mean".
 *
 * Compares letters and digits only, without case, so that `readFile`, `read_file` and `read-file` are the same name.
 *
 * @param wrong The name that was written.
 * @param names The names there are.
 * @param count How many to return at most. @default 3
 * @returns Names whose distance is at most half of the longer name's length, or that contain the wrong one.
 */
export function nearestNames(wrong: string, names: Iterable<string>, count = 3): string[] {
  const target = fold(wrong);
  const scored: { name: string; score: number }[] = [];
  for (const name of names) {
    const folded = fold(name);
    const longest = Math.max(target.length, folded.length, 1);
    const contains = target.length >= 3 && (folded.includes(target) || (folded.length >= 3 && target.includes(folded)));
    const score = contains
      ? 0.25 * (1 - Math.min(target.length, folded.length) / longest)
      : distance(target, folded) / longest;
    if (score <= 0.5) scored.push({ name, score });
  }
  scored.sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1));
  return scored.slice(0, count).map((entry) => entry.name);
}

/** Longest part of a name that is compared: the work grows with the square of it, and names come from outside. */
const MAX_COMPARED = 128;

function fold(name: string): string {
  return name
    .slice(0, MAX_COMPARED)
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, "");
}

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a.charAt(i - 1) === b.charAt(j - 1);
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a.charAt(i - 1) === b.charAt(j - 2) && a.charAt(i - 2) === b.charAt(j - 1);
      if (swapped) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
