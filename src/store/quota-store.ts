import type { Rate } from "../config/rates.ts";

/** How much of a quota is used. */
export interface QuotaUse {
  /** Used in this period; may be over the limit, as refused tries count too and what a call gives is known when it has ended. */
  readonly used: number;
  /** Time until the period ends and nothing is used, ms; a whole period when none has begun. */
  readonly resetMs: number;
}

/**
 * Counts what is used of quotas, by key and length of the period: another limit finds what is used. A period begins with the first use and ends for all that was used in it at once. Each
 * method is one step: two at the same time cannot both take the last of a quota.
 */
export interface QuotaStore {
  /** Takes one if the quota is not used up. @returns `granted: false` when it is; then nothing was taken. */
  take(key: string, rate: Rate): Promise<QuotaUse & { readonly granted: boolean }>;
  /** Adds what was used, also beyond the limit. */
  add(key: string, rate: Rate, amount: number): Promise<QuotaUse>;
  /** What is used, changing nothing. */
  read(key: string, rate: Rate): Promise<QuotaUse>;
}
