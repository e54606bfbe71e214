import type { MetricName } from "./metric-names.ts";

/** One series of a metric. */
export interface MetricPoint {
  /** In the order of the metric's labels; an empty value means that the label is absent. */
  readonly labelValues: readonly string[];
  readonly sum: number;
  /** Values per bucket, not cumulative, the last one `+Inf`; empty where the metric is no histogram. */
  readonly counts: readonly number[];
}

/** A metric with its series. */
export interface MetricFamily {
  readonly name: MetricName;
  readonly points: readonly MetricPoint[];
}
