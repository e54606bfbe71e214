import { ValueType } from "@opentelemetry/api";
import type { Attributes, HrTime } from "@opentelemetry/api";
import { AggregationTemporality, DataPointType } from "@opentelemetry/sdk-metrics";
import type { MetricData } from "@opentelemetry/sdk-metrics";
import type { MetricFamily } from "./metric-family.ts";
import { METRICS } from "./metric-names.ts";
import type { MetricName, MetricSpec } from "./metric-names.ts";

/** The span of time that values are of. */
export interface MetricTimes {
  readonly start: HrTime;
  readonly end: HrTime;
}

/** The metrics as OpenTelemetry has them, with the names of its conventions where there are such. */
export function toMetricData(families: readonly MetricFamily[], times: MetricTimes): MetricData[] {
  return families.map((family) => familyData(family, times));
}

function familyData({ name, points }: MetricFamily, { start: startTime, end: endTime }: MetricTimes): MetricData {
  const spec: MetricSpec = METRICS[name];
  const names = spec.otel?.attributes ?? spec.labels;
  const common = {
    descriptor: {
      name: spec.otel?.name ?? name,
      description: spec.help,
      unit: unitOf(name),
      valueType: ValueType.DOUBLE,
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const values = points.map(({ labelValues, sum }) => {
    const attributes = attributesOf(names, labelValues);
    return { startTime, endTime, attributes, value: sum };
  });
  switch (spec.kind) {
    case "counter":
      return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: values };
    case "gauge":
      return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: values };
    case "histogram": {
      const boundaries = [...(spec.buckets ?? [])];
      const dataPoints = points.map(({ labelValues, sum, counts }) => {
        const count = counts.reduce((total, each) => total + each, 0);
        const value = { buckets: { boundaries, counts: [...counts] }, sum, count };
        return { startTime, endTime, attributes: attributesOf(names, labelValues), value };
      });
      return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints };
    }
    default:
      return spec.kind satisfies never;
  }
}

function attributesOf(names: readonly string[], values: readonly string[]): Attributes {
  const pairs = names.map((name, index): [string, string] => [name, values[index] ?? ""]);
  return Object.fromEntries(pairs.filter(([, value]) => value !== ""));
}

/** @source Unified Code for Units of Measure, as OpenTelemetry writes units. */
function unitOf(name: MetricName): string {
  if (name.endsWith("_seconds")) return "s";
  return name.endsWith("_bytes") ? "By" : "";
}
