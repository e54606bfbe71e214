import type { ProcessExecutor } from "../executor/process-executor.ts";
import type { Breakers } from "../gateway/breakers.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { RunQueue } from "../queue/run-queue.ts";
import type { RunOutcome } from "../runs/run.ts";
import type { UpstreamRegistry } from "../upstream/upstream.ts";

/** Counts a run that ended. */
export function countRun(metrics: Metrics, source: "script" | "task", { status, usage }: RunOutcome): void {
  metrics.add("runlet_runs_total", { outcome: status, source });
  metrics.observe("runlet_run_duration_seconds", { outcome: status }, usage.wallMs / 1_000);
  metrics.observe("runlet_run_cpu_seconds", {}, usage.cpuMs / 1_000);
  metrics.observe("runlet_run_heap_bytes", {}, usage.heapPeakMiB * 1024 * 1024);
}

const BREAKER_STATES = { closed: 0, "half-open": 1, open: 2 } as const;

/** Tells the metrics where to read what is counted elsewhere. */
export function readGauges(
  metrics: Metrics,
  {
    registry,
    queue,
    executor,
    breakers,
  }: {
    readonly registry: UpstreamRegistry;
    readonly queue: RunQueue;
    readonly executor: ProcessExecutor;
    readonly breakers: Breakers;
  },
): void {
  metrics.gauge("runlet_queue_depth", () => [{ labels: {}, value: queue.depth().waiting }]);
  metrics.gauge("runlet_isolates", () => [{ labels: { state: "running" }, value: executor.status().running }]);
  metrics.gauge("runlet_upstreams", () => {
    const counts = new Map<string, number>();
    for (const upstream of registry.list()) {
      const { state } = upstream.status();
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    return [...counts].map(([state, value]) => ({ labels: { state }, value }));
  });
  metrics.gauge("runlet_gateway_breaker_state", () =>
    registry.list().map((upstream) => ({
      labels: { server: upstream.config.name },
      value: BREAKER_STATES[breakers.stateOf(upstream)],
    })),
  );
  executor.onCrash((reason) => metrics.add("runlet_executor_crashes_total", { reason }));
}
