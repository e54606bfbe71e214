import type { Principal } from "../config/principal.ts";
import type { QuotaKind, Quotas } from "../config/quotas.ts";
import { formatRate, periodName } from "../config/rates.ts";
import type { Rate } from "../config/rates.ts";
import { RunletError } from "../lib/errors.ts";
import type { QuotaStore } from "../store/quota-store.ts";

/** How a quota of a principal stands. */
export interface QuotaState {
  readonly kind: QuotaKind;
  readonly rate: Rate;
  /** What is left of it in this period. */
  readonly left: number;
  /** Time until the period ends, ms. */
  readonly resetMs: number;
}

/** What each principal may use over time, and what it has used. */
export interface QuotaKeeper {
  /** The principal's own quotas, and for those it has none of, those of everybody. */
  of(principal: Principal): Quotas;
  /** Exchanges the quotas of everybody; what was used of a period stays used. */
  replace(everybody: Quotas): void;
  /**
   * Takes one call or run.
   *
   * @param work What is refused otherwise, to follow "Cannot".
   * @throws QUOTA_EXCEEDED when none is left in this period; then nothing is taken.
   */
  take(principal: Principal, kind: "runs" | "calls", work: string): Promise<void>;
  /** @throws QUOTA_EXCEEDED when nothing is left of what is only known afterwards. */
  require(principal: Principal, kind: "bytes" | "tokens", work: string): Promise<void>;
  /** Counts what was used, also beyond what was left. */
  spend(principal: Principal, kind: "bytes" | "tokens", amount: number): Promise<void>;
  /** How the principal's quotas of these kinds stand; those that are not limited are left out. */
  states(principal: Principal, kinds: readonly QuotaKind[]): Promise<readonly QuotaState[]>;
}

const WORDS: Readonly<Record<QuotaKind, string>> = {
  runs: "runs",
  calls: "tool calls",
  bytes: "bytes of tool results",
  tokens: "model tokens",
};

/** Makes a keeper. @param initial Quotas of those who have none of their own of that kind. */
export function createQuotaKeeper(store: QuotaStore, initial: Quotas): QuotaKeeper {
  let everybody = initial;
  const rateOf = (principal: Principal, kind: QuotaKind): Rate | undefined =>
    principal.quotas?.[kind] ?? everybody[kind];

  return {
    of: (principal) => (principal.quotas === undefined ? everybody : { ...everybody, ...principal.quotas }),
    replace(quotas) {
      everybody = quotas;
    },
    async take(principal, kind, work) {
      const rate = rateOf(principal, kind);
      if (rate === undefined) return;
      const { granted, resetMs } = await store.take(keyOf(principal, kind), rate);
      if (!granted) throw exceeded(kind, rate, resetMs, work);
    },
    async require(principal, kind, work) {
      const rate = rateOf(principal, kind);
      if (rate === undefined) return;
      const { used, resetMs } = await store.read(keyOf(principal, kind), rate);
      if (used >= rate.limit) throw exceeded(kind, rate, resetMs, work);
    },
    async spend(principal, kind, amount) {
      const rate = rateOf(principal, kind);
      if (rate !== undefined && amount > 0) await store.add(keyOf(principal, kind), rate, amount);
    },
    async states(principal, kinds) {
      const states: QuotaState[] = [];
      for (const kind of kinds) {
        const rate = rateOf(principal, kind);
        if (rate === undefined) continue;
        const { used, resetMs } = await store.read(keyOf(principal, kind), rate);
        states.push({ kind, rate, left: Math.max(0, rate.limit - used), resetMs });
      }
      return states;
    },
  };
}

function keyOf({ id }: Principal, kind: QuotaKind): string {
  return `${kind}:${id}`;
}

function exceeded(kind: QuotaKind, rate: Rate, resetMs: number, work: string): RunletError {
  const { limit, periodMs } = rate;
  const period = periodName(periodMs);
  const retryAfterMs = Math.max(1, resetMs);
  const written = formatRate(rate, kind === "bytes" ? "bytes" : "count");
  return new RunletError(
    "QUOTA_EXCEEDED",
    `Cannot ${work} as its caller may use ${limit} ${WORDS[kind]} per ${period}: current value is ${limit}. Stop: every further try is refused for ${inSeconds(retryAfterMs)}.`,
    {
      hint: `Wait ${inSeconds(retryAfterMs)} before the next try, or have the operator raise the quota ${kind}: ${written}.`,
      details: { scope: kind, limit, period, retryAfterMs },
    },
  );
}

function inSeconds(ms: number): string {
  return `${Math.ceil(ms / 1_000)} s`;
}
