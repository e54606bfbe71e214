/** What a histogram's lines are made of. */
export interface HistogramData {
  /** Upper bounds, ascending, without `+Inf`. */
  readonly buckets: readonly number[];
  /** Values per bucket, not cumulative; one more than `buckets`. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/**
 * One sample as Prometheus text. Labels with an empty value are left out, as Prometheus treats them as absent.
 *
 * @source Prometheus exposition formats, text-based format 0.0.4.
 */
export function sampleLine(
  name: string,
  labelNames: readonly string[],
  labelValues: readonly string[],
  value: number,
): string {
  const pairs: string[] = [];
  for (const [index, label] of labelNames.entries()) {
    const text = labelValues[index] ?? "";
    if (text !== "") pairs.push(`${label}="${escapeLabel(text)}"`);
  }
  const labels = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
  return `${name}${labels} ${numberText(value)}`;
}

/** The cumulative `_bucket` lines of a histogram, then `_sum` and `_count`. */
export function histogramLines(
  name: string,
  labelNames: readonly string[],
  labelValues: readonly string[],
  { buckets, counts, sum }: HistogramData,
): string[] {
  const lines: string[] = [];
  let total = 0;
  for (const [index, count] of counts.entries()) {
    total += count;
    const bound = numberText(buckets[index] ?? Infinity);
    lines.push(sampleLine(`${name}_bucket`, [...labelNames, "le"], [...labelValues, bound], total));
  }
  lines.push(sampleLine(`${name}_sum`, labelNames, labelValues, sum));
  lines.push(sampleLine(`${name}_count`, labelNames, labelValues, total));
  return lines;
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
