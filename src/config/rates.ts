import { formatBytes, parseBytes, parseCount } from "./units.ts";

/** So much in each period of time. */
export interface Rate {
  /** Calls, runs, tokens or bytes; at least 1. */
  readonly limit: number;
  readonly periodMs: number;
}

/** What a rate counts: `bytes` may be written with `k`, `m` and `g`. */
export type RateUnit = "count" | "bytes";

const PERIOD_MS: ReadonlyMap<string, number> = new Map([
  ["second", 1_000],
  ["minute", 60_000],
  ["hour", 3_600_000],
  ["day", 86_400_000],
]);

const PERIOD = String.raw`(s|sec|seconds?|m|min|minutes?|h|hr|hours?|d|days?)`;
const RATE = {
  count: new RegExp(String.raw`^\s*(\d{1,15})\s*(?:/|per\s)\s*${PERIOD}\s*$`, "iu"),
  bytes: new RegExp(String.raw`^\s*(\d{1,15}(?:\.\d{1,3})?\s*(?:[kmg]i?b?|b)?)\s*(?:/|per\s)\s*${PERIOD}\s*$`, "iu"),
} as const satisfies Record<RateUnit, RegExp>;

/**
 * A rate as people write it.
 *
 * @param text Such as `"100/minute"`, `"10/s"`, `"5 per hour"`; in bytes also `"100m/hour"`.
 * @returns `undefined` when it is not a rate, or one of nothing at all.
 */
export function parseRate(text: string, unit: RateUnit = "count"): Rate | undefined {
  const match = RATE[unit].exec(text);
  const amount = match?.[1] ?? "";
  const limit = unit === "bytes" ? parseBytes(amount) : parseCount(amount);
  const periodMs = periodOf(match?.[2] ?? "");
  return limit === undefined || limit < 1 || periodMs === undefined ? undefined : { limit, periodMs };
}

/** A period in one word: `minute`. A period that has no word is told in ms. */
export function periodName(periodMs: number): string {
  for (const [name, ms] of PERIOD_MS) if (ms === periodMs) return name;
  return `${periodMs} ms`;
}

/** A rate as it is written: `100/minute`, `100m/hour`. `parseRate` reads it again. */
export function formatRate({ limit, periodMs }: Rate, unit: RateUnit = "count"): string {
  return `${unit === "bytes" ? formatBytes(limit) : limit}/${periodName(periodMs)}`;
}

/** No two periods start with the same letter. */
function periodOf(word: string): number | undefined {
  const letter = word.charAt(0).toLowerCase();
  for (const [name, ms] of PERIOD_MS) if (letter !== "" && name.startsWith(letter)) return ms;
  return undefined;
}
