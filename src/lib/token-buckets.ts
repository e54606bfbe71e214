import type { Clock } from "./clock.ts";

/** Bursts and refill of a bucket: at most `limit` at once, and `limit` in each period from then on. */
export interface BucketSize {
  readonly limit: number;
  readonly periodMs: number;
}

/** Token buckets by key; each is full when it is first asked for. */
export interface TokenBuckets {
  /** Takes a token. @returns 0, or the ms until there is one: then none was taken. */
  take(key: string, size: BucketSize): number;
  /** Buckets that are kept: those that are not full, and some that have filled up since. */
  readonly size: number;
}

const FIRST_SWEEP = 1_024;

/**
 * Makes buckets. Needs no closing: it owns no timers. What is kept of one is the instant at which it is full again, so that a
 * full one is as good as none; those are swept out whenever twice as many are kept as were left the last time.
 *
 * @source ITU-T I.371, the virtual scheduling form of the generic cell rate algorithm
 */
export function createTokenBuckets(clock: Clock): TokenBuckets {
  const fullAtMs = new Map<string, number>();
  let sweepAt = FIRST_SWEEP;

  function sweep(nowMs: number): void {
    for (const [key, atMs] of fullAtMs) if (atMs <= nowMs) fullAtMs.delete(key);
    sweepAt = Math.max(FIRST_SWEEP, fullAtMs.size * 2);
  }

  return {
    take(key, { limit, periodMs }) {
      const nowMs = clock.monotonic();
      const tokenMs = periodMs / limit;
      const full = Math.max(nowMs, fullAtMs.get(key) ?? nowMs) + tokenMs;
      const overMs = full - nowMs - periodMs;
      // Sums of fractions are not exact.
      if (overMs > tokenMs * 1e-6) return Math.max(1, Math.ceil(overMs));
      fullAtMs.set(key, full);
      if (fullAtMs.size >= sweepAt) sweep(nowMs);
      return 0;
    },
    get size() {
      return fullAtMs.size;
    },
  };
}
