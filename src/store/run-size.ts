import type { CallRecord } from "./journal.ts";
import type { RunRecord } from "./run-store.ts";

/** Size of a run's texts, in UTF-16 units. */
export function runSize({ requestJson, outcomeJson }: RunRecord): number {
  return requestJson.length + (outcomeJson?.length ?? 0);
}

/** Size of a call's texts, in UTF-16 units. */
export function callSize({ argumentsJson, resultJson }: CallRecord): number {
  return argumentsJson.length + (resultJson?.length ?? 0);
}

/** The first records, up to and including the one whose texts make all of them together larger than `maxSize`. */
export function takeBySize<T>(records: Iterable<T>, sizeOf: (record: T) => number, maxSize = Infinity): readonly T[] {
  const taken: T[] = [];
  let size = 0;
  for (const record of records) {
    taken.push(record);
    size += sizeOf(record);
    if (size > maxSize) break;
  }
  return taken;
}
