import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Rate } from "../../config/rates.ts";
import type { QuotaStore, QuotaUse } from "../quota-store.ts";

/**
 * Counts in this process: each process has quotas of its own, and a new one begins with none used. Reads the machine's clock
 * itself, and forgets a key when its period ends.
 */
export function createMemoryQuotaStore(): QuotaStore {
  const limiters = new Map<string, RateLimiterMemory>();

  function limiterOf({ limit, periodMs }: Rate): RateLimiterMemory {
    const name = `${limit}/${periodMs}`;
    let limiter = limiters.get(name);
    if (limiter === undefined) {
      limiter = new RateLimiterMemory({ points: limit, duration: periodMs / 1_000 });
      limiters.set(name, limiter);
    }
    return limiter;
  }

  return {
    async take(key, rate) {
      try {
        return { granted: true, ...toUse(await limiterOf(rate).consume(key)) };
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal;
        return { granted: false, ...toUse(refusal) };
      }
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
