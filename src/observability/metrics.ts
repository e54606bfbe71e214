import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  METRICS,
  type MetricName,
} from "./metric-names.ts";
import type { MetricFamily, MetricPoint } from "./metric-family.ts";
import { prometheusText } from "./prometheus-text.ts";

/** One value of a gauge. */
export interface GaugeReading<Name extends GaugeName> {
  readonly labels: LabelsOf<Name>;
  readonly value: number;
}

/**
 * The service's numbers, kept in process: read as Prometheus text, or pushed by whoever reads them. They are counted here and
 * not by OpenTelemetry's instruments, which take two to three times as long for each value and are on every call's way.
 */
export interface Metrics {
  /** @param by How much more. @default 1 */
  add<Name extends CounterName>(name: Name, labels: LabelsOf<Name>, by?: number): void;
  /** @param value In the base unit of the metric's name. */
  observe<Name extends HistogramName>(name: Name, labels: LabelsOf<Name>, value: number): void;
  /** Says how to read a gauge when it is asked for; the last reader of a name counts. */
  gauge<Name extends GaugeName>(name: Name, read: () => Iterable<GaugeReading<Name>>): void;
  /**
   * Prometheus text, format 0.0.4, metrics in the table's order.
   * @throws Whatever a gauge's reader throws.
   */
  render(): string;
  /**
   * Every metric that has values, in the table's order.
   * @throws Whatever a gauge's reader throws.
   */
  read(): readonly MetricFamily[];
}

/** Content type of `render()`. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Series of one metric; what comes after is counted in one series whose labels are all `_overflow`. */
const MAX_SERIES = 10_000;

interface Series {
  readonly labelValues: readonly string[];
  sum: number;
  /** Per bucket, not cumulative, the last one `+Inf`; empty for a counter. */
  readonly counts: number[];
}

type LabelValues = Readonly<Record<string, string>>;

interface LabelledValue {
  readonly labels: LabelValues;
  readonly value: number;
}

/** Makes an empty set of metrics. */
export function createMetrics(): Metrics {
  const series = new Map<CounterName | HistogramName, Map<string, Series>>();
  const gauges = new Map<GaugeName, () => Iterable<LabelledValue>>();

  function find(name: CounterName | HistogramName, labels: LabelValues): Series {
    let family = series.get(name);
    if (family === undefined) series.set(name, (family = new Map()));
    const { labels: labelNames } = METRICS[name];
    let key = "";
    for (const label of labelNames) key += `${labels[label]}\u0000`;
    let found = family.get(key);
    if (found === undefined) {
      const full = family.size >= MAX_SERIES;
      if (full) key = "_overflow";
      found = family.get(key) ?? createSeries(name, full ? () => "_overflow" : (label) => labels[label] ?? "");
      family.set(key, found);
    }
    return found;
  }

  function pointsOf(name: MetricName): MetricPoint[] {
    if (METRICS[name].kind !== "gauge")
      return [...(series.get(name as CounterName | HistogramName)?.values() ?? [])].map(toPoint);
    const { labels: names } = METRICS[name];
    return [...(gauges.get(name as GaugeName)?.() ?? [])].map(({ labels, value }) => ({
      labelValues: names.map((label) => labels[label] ?? ""),
      sum: value,
      counts: [],
    }));
  }

  function read(): MetricFamily[] {
    return (Object.keys(METRICS) as MetricName[])
      .map((name) => ({ name, points: pointsOf(name) }))
      .filter(({ points }) => points.length > 0);
  }

  return {
    add(name, labels, by = 1) {
      find(name, labels).sum += by;
    },
    observe(name, labels, value) {
      const target = find(name, labels);
      const { buckets } = METRICS[name];
      let index = 0;
      while (index < buckets.length && value > (buckets[index] ?? Infinity)) index++;
      target.counts[index] = (target.counts[index] ?? 0) + 1;
      target.sum += value;
    },
    gauge(name, read) {
      gauges.set(name, read);
    },
    render: () => prometheusText(read()),
    read,
  };
}

/** What is counted goes on being counted: whoever reads gets a copy. */
function toPoint({ labelValues, sum, counts }: Series): MetricPoint {
  return { labelValues, sum, counts: [...counts] };
}

function createSeries(name: CounterName | HistogramName, valueOf: (label: string) => string): Series {
  const metric = METRICS[name];
  const counts = metric.kind === "histogram" ? Array.from({ length: metric.buckets.length + 1 }, () => 0) : [];
  return { labelValues: metric.labels.map(valueOf), sum: 0, counts };
}
