import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { emptyResource } from "@opentelemetry/resources";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import { describe, expect, test } from "vitest";
import { toMetricData } from "../../../src/observability/metric-data.ts";
import { METRICS } from "../../../src/observability/metric-names.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { parsePrometheus } from "../../support/prometheus-parser.ts";

const TIMES = { start: [1, 0], end: [2, 5] } as const;
const times = { start: [...TIMES.start] as [number, number], end: [...TIMES.end] as [number, number] };
const SERVER = 'a"b\\c\nd';

function filled() {
  const metrics = createMetrics();
  metrics.add("runlet_runs_total", { outcome: "succeeded", source: "script" }, 3);
  metrics.add("runlet_gateway_calls_total", { server: SERVER, tool: "", outcome: "ok" });
  for (const seconds of [0.000_001, 0.000_005, 0.3, 7]) metrics.observe("runlet_gateway_overhead_seconds", {}, seconds);
  for (const bytes of [1, 5e6, 1e12]) metrics.observe("runlet_run_heap_bytes", {}, bytes);
  metrics.observe("runlet_run_duration_seconds", { outcome: "failed" }, 0.01);
  metrics.gauge("runlet_upstreams", () => [
    { labels: { state: "ready" }, value: 2 },
    { labels: { state: "failed" }, value: 0 },
  ]);
  return metrics;
}

describe("the metrics", () => {
  test("are text that a strict reader of the format takes, with every value", () => {
    const families = parsePrometheus(filled().render());
    expect([...families.keys()]).toEqual([
      "runlet_runs_total",
      "runlet_run_duration_seconds",
      "runlet_run_heap_bytes",
      "runlet_gateway_calls_total",
      "runlet_gateway_overhead_seconds",
      "runlet_upstreams",
    ]);
    expect(families.get("runlet_gateway_calls_total")?.samples).toEqual([
      { name: "runlet_gateway_calls_total", labels: { server: SERVER, outcome: "ok" }, value: 1 },
    ]);
    for (const { name, help, type } of families.values()) {
      expect({ help, kind: type }).toEqual({
        help: METRICS[name as keyof typeof METRICS].help,
        kind: METRICS[name as keyof typeof METRICS].kind,
      });
    }
    expect(parsePrometheus("").size).toBe(0);
  });

  test("are what OpenTelemetry's own exporter for Prometheus writes of them", () => {
    const metrics = filled();
    const ours = metrics.render();
    const data = toMetricData(metrics.read(), times).map((each) => ({
      ...each,
      descriptor: { ...each.descriptor, unit: "" },
    }));
    const theirs = new PrometheusSerializer(undefined, false, undefined, true, true).serialize({
      resource: emptyResource(),
      scopeMetrics: [{ scope: { name: "runlet" }, metrics: data }],
    });
    const sorted = (text: string) => text.trim().split("\n").toSorted();
    expect(sorted(ours)).toEqual(sorted(theirs));
  });

  test("have the conventions' names and units where there are such", () => {
    const metrics = createMetrics();
    const labels = {
      mcp_method_name: "tools/list",
      gen_ai_tool_name: "",
      gen_ai_operation_name: "",
      error_type: "",
      mcp_protocol_version: "2026-07-28",
      network_transport: "tcp",
    };
    metrics.observe("mcp_server_operation_duration_seconds", labels, 0.03);
    metrics.observe("runlet_run_heap_bytes", {}, 1);
    metrics.add("runlet_gateway_cache_total", { result: "hit" });
    expect(toMetricData(metrics.read(), times).map(({ descriptor: { name, unit } }) => [name, unit])).toEqual([
      ["runlet_run_heap_bytes", "By"],
      ["runlet_gateway_cache_total", ""],
      ["mcp.server.operation.duration", "s"],
    ]);
    expect(toMetricData(metrics.read(), times).at(-1)).toMatchObject({
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: [
        {
          startTime: [1, 0],
          endTime: [2, 5],
          attributes: {
            "mcp.method.name": "tools/list",
            "mcp.protocol.version": "2026-07-28",
            "network.transport": "tcp",
          },
          value: { count: 1, sum: 0.03, buckets: { counts: [0, 0, 1, ...Array<number>(12).fill(0)] } },
        },
      ],
    });
  });

  test("that were read do not change when more is counted", () => {
    const metrics = filled();
    const before = metrics.read();
    const copy = structuredClone(before);
    metrics.observe("runlet_run_duration_seconds", { outcome: "failed" }, 0.01);
    metrics.add("runlet_runs_total", { outcome: "succeeded", source: "script" });
    expect(before).toEqual(copy);
  });
});
