/** Value below which the given share of the samples lies. @param share From 0 to 1. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** A number with two decimals. */
export function show(value: number): string {
  return value.toFixed(2);
}

/** Median and 99th percentile, in the unit of the samples. */
export function p50p99(samples: readonly number[]): string {
  return `p50 ${show(quantile(samples, 0.5))}, p99 ${show(quantile(samples, 0.99))}`;
}
