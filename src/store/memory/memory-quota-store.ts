import { RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible";
import type { Rate } from "../../config/rates.ts";
import type { QuotaStore, QuotaUse } from "../quota-store.ts";

/**
 * Counts in this process: each process has quotas of its own, and a new one begins with none used. Reads the machine's clock
 * itself, and forgets a key when its period ends.
 */
export function createMemoryQuotaStore(): QuotaStore {
  /** By period: a limit that is changed in the middle of one finds what is used of it. */
  const limiters = new Map<number, RateLimiterMemory>();

  function limiterOf({ periodMs }: Rate): RateLimiterMemory {
    let limiter = limiters.get(periodMs);
    if (limiter === undefined) {
      limiter = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: periodMs / 1_000 });
      limiters.set(periodMs, limiter);
    }
    return limiter;
  }

  return {
    async take(key, rate) {
      const use = toUse(await limiterOf(rate).penalty(key));
      return { granted: use.used <= rate.limit, ...use };
    },
    async add(key, rate, amount) {
      return toUse(await limiterOf(rate).penalty(key, amount));
    },
    async read(key, rate) {
      const known = await limiterOf(rate).get(key);
      // The timer that forgets a key may be late.
      return known === null || known.msBeforeNext <= 0 ? { used: 0, resetMs: rate.periodMs } : toUse(known);
    },
  };
}

function toUse({ consumedPoints, msBeforeNext }: RateLimiterRes): QuotaUse {
  return { used: Math.max(0, consumedPoints), resetMs: Math.max(0, Math.ceil(msBeforeNext)) };
}
