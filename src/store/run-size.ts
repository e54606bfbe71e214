import type { RunRecord } from "./run-store.ts";

/** Size of a run's texts, in UTF-16 units. */
export function runSize({ requestJson, outcomeJson }: RunRecord): number {
  return requestJson.length + (outcomeJson?.length ?? 0);
}

/** The first runs, up to and including the one whose texts make all of them together larger than `maxSize`. */
export function takeBySize(runs: Iterable<RunRecord>, maxSize: number = Infinity): readonly RunRecord[] {
  const taken: RunRecord[] = [];
  let size = 0;
  for (const run of runs) {
    taken.push(run);
    size += runSize(run);
    if (size > maxSize) break;
  }
  return taken;
}
