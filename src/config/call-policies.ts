import type { RateRule } from "./quotas.ts";

/** Answers of one server that are kept, and how long. */
export interface CachePolicy {
  /** How long an answer is given again, ms. @default 60000 */
  readonly ttlMs: number;
  /** Globs of the tools that are cached, whatever their class. `undefined` = every tool of class `read`. */
  readonly tools: readonly string[] | undefined;
  /** The server's part of the whole cache, bytes. @default the whole */
  readonly maxBytes: number;
  /** The server's part of the whole cache, answers. @default the whole */
  readonly maxEntries: number;
}

/** Further attempts after one that failed. */
export interface RetryPolicy {
  /** 0: none. @default 2 */
  readonly retries: number;
  /** Upper bound of the first wait, ms. @default 100 */
  readonly baseMs: number;
  /** Upper bound of every wait, ms. @default 2000 */
  readonly maxMs: number;
}

/** When calls of a server that keeps failing are refused without being sent, and for how long. */
export interface BreakerPolicy {
  /** Failures in a row that open it. @default 5 */
  readonly failures: number;
  /** Share of failures that opens it. @default 0.5 */
  readonly errorRate: number;
  /** Calls there must be for the share to mean anything. @default 10 */
  readonly minCalls: number;
  /** The time that the share is of, ms. @default 60000 */
  readonly windowMs: number;
  /** How long calls are refused before one is let through to probe, ms. @default 30000 */
  readonly openMs: number;
}

/** Bounds of what is kept of all servers' answers together. */
export interface CacheLimits {
  /** @default 64 MiB */
  readonly maxBytes: number;
  /** @default 10000 */
  readonly maxEntries: number;
}

/** What the gateway does around the calls of one server. */
export interface CallPolicies {
  /** How often each principal may call each of its tools. @default no rules */
  readonly rateLimits: readonly RateRule[];
  /** `undefined` = off. @default off */
  readonly cache: CachePolicy | undefined;
  /** Whether identical reads in flight of one principal share one call. @default true */
  readonly coalesce: boolean;
  readonly retry: RetryPolicy;
  /** `undefined` = off. @default on */
  readonly breaker: BreakerPolicy | undefined;
}
