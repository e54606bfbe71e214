/** Bounds of a back-off, in milliseconds. */
export interface BackoffBounds {
  /** Upper bound of the first wait. */
  readonly baseMs: number;
  /** Upper bound of every wait. */
  readonly maxMs: number;
}

/**
 * How long to wait before the next attempt: exponential growth with full jitter, so that many waiters spread evenly.
 *
 * @param failures Failures in a row so far, from 1.
 * @param random A number in [0, 1).
 * @returns Between 0 and `min(maxMs, baseMs × 2^(failures − 1))`, rounded up to whole milliseconds.
 */
export function fullJitterMs(failures: number, bounds: BackoffBounds, random: () => number): number {
  const ceiling = Math.min(bounds.maxMs, bounds.baseMs * 2 ** Math.max(0, Math.min(failures - 1, 52)));
  return Math.ceil(random() * ceiling);
}
