import type { MetricFamily } from "./metric-family.ts";
import { METRICS } from "./metric-names.ts";

/** What a histogram's lines are made of. */
interface HistogramData {
  /** Upper bounds, ascending, without `+Inf`. */
  readonly buckets: readonly number[];
  /** Values per bucket, not cumulative; one more than `buckets`. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Metrics with their help and type; empty when there are none. */
export function prometheusText(families: readonly MetricFamily[]): string {
  const lines = families.flatMap(({ name, points }) => {
    const metric = METRICS[name];
    const samples = points.flatMap(({ labelValues, sum, counts }) =>
      metric.kind === "histogram"
        ? histogramLines(name, metric.labels, labelValues, { buckets: metric.buckets, counts, sum })
        : [sampleLine(name, metric.labels, labelValues, sum)],
    );
    return [`# HELP ${name} ${metric.help}`, `# TYPE ${name} ${metric.kind}`, ...samples];
  });
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/**
 * One sample as Prometheus text. Labels with an empty value are left out, as Prometheus treats them as absent.
 *
 * @source Prometheus exposition formats, text-based format 0.0.4.
 */
function sampleLine(
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
function histogramLines(
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
