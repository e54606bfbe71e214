import { describe, expect, test } from "vitest";
import { METRICS } from "../../../src/observability/metric-names.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";

describe("metrics", () => {
  test("render nothing before anything happened", () => {
    expect(createMetrics().render()).toBe("");
  });

  test("count per distinct labels", () => {
    const metrics = createMetrics();
    metrics.add("runlet_runs_total", { outcome: "succeeded", source: "script" });
    metrics.add("runlet_runs_total", { outcome: "succeeded", source: "script" }, 2);
    metrics.add("runlet_runs_total", { outcome: "failed", source: "task" });
    expect(metrics.render()).toBe(
      [
        "# HELP runlet_runs_total Runs that ended.",
        "# TYPE runlet_runs_total counter",
        'runlet_runs_total{outcome="succeeded",source="script"} 3',
        'runlet_runs_total{outcome="failed",source="task"} 1',
        "",
      ].join("\n"),
    );
  });

  test("render histograms cumulatively, with a value on a bound inside its bucket", () => {
    const metrics = createMetrics();
    for (const seconds of [0.005, 0.01, 0.3, 1_000]) {
      metrics.observe("runlet_run_duration_seconds", { outcome: "succeeded" }, seconds);
    }
    const lines = metrics.render().split("\n");
    const bucket = (le: string) => lines.find((line) => line.includes(`_bucket{outcome="succeeded",le="${le}"}`));
    expect(bucket("0.01")).toMatch(/ 2$/u);
    expect(bucket("0.2")).toMatch(/ 2$/u);
    expect(bucket("0.5")).toMatch(/ 3$/u);
    expect(bucket("300")).toMatch(/ 3$/u);
    expect(bucket("+Inf")).toMatch(/ 4$/u);
    expect(lines).toContain('runlet_run_duration_seconds_sum{outcome="succeeded"} 1000.315');
    expect(lines).toContain('runlet_run_duration_seconds_count{outcome="succeeded"} 4');
  });

  test("escape label values and leave empty ones out", () => {
    const metrics = createMetrics();
    metrics.add("runlet_gateway_calls_total", { server: 'a"b\\c\nd', tool: "", outcome: "ok" });
    expect(metrics.render()).toContain('runlet_gateway_calls_total{server="a\\"b\\\\c\\nd",outcome="ok"} 1');
  });

  test("read gauges when they are asked for", () => {
    const metrics = createMetrics();
    let depth = 1;
    metrics.gauge("runlet_queue_depth", () => [{ labels: {}, value: depth }]);
    depth = 7;
    expect(metrics.render()).toContain("\nrunlet_queue_depth 7\n");
  });

  test("bound their memory: after ten thousand series of a metric the rest share one", () => {
    const metrics = createMetrics();
    for (let index = 0; index < 10_005; index++) {
      metrics.add("runlet_gateway_calls_total", { server: `s${index}`, tool: "t", outcome: "ok" });
    }
    const lines = metrics.render().trimEnd().split("\n");
    expect(lines).toHaveLength(2 + 10_001);
    expect(lines.at(-1)).toBe('runlet_gateway_calls_total{server="_overflow",tool="_overflow",outcome="_overflow"} 5');
  });

  test("have names, kinds and buckets that Prometheus accepts", () => {
    for (const [name, metric] of Object.entries(METRICS)) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/u);
      expect(name.endsWith("_total")).toBe(metric.kind === "counter");
      for (const label of metric.labels) expect(label).toMatch(/^[a-z][a-z0-9_]*$/u);
      if (metric.kind === "histogram") expect(metric.buckets).toEqual(metric.buckets.toSorted((a, b) => a - b));
    }
  });
});
