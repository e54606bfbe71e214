import type { Rate } from "./rates.ts";

/** What one principal may use. A missing part is not limited. */
export interface Quotas {
  /** Runs submitted. */
  readonly runs?: Rate;
  /** Calls of tools, through whichever door. */
  readonly calls?: Rate;
  /** Bytes of tools' results, as JSON. */
  readonly bytes?: Rate;
  /** Tokens of models that write scripts, those of the question and of the answer. */
  readonly tokens?: Rate;
  /** Calls in flight at once; the rest wait in line. */
  readonly concurrency?: number;
}

/** What is counted over time. */
export type QuotaKind = "runs" | "calls" | "bytes" | "tokens";

/** How often each principal may call some tools of one server. */
export interface RateRule {
  /** Glob of tool names; of several rules the first that fits counts. */
  readonly tools: string;
  readonly rate: Rate;
}
