/** What is known of a metric beside its name. */
export interface MetricSpec {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, ascending. */
  readonly buckets?: readonly number[];
  /** What OpenTelemetry calls it, where that is another name; the labels are its attributes then. */
  readonly otel?: { readonly name: string; readonly attributes: readonly string[] };
}

/** @source OpenTelemetry semantic conventions for MCP: advised bucket boundaries of operation durations, in seconds. */
const OPERATION_SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300] as const;
/** Labels of an MCP request's duration, and the attributes that they are. @source OpenTelemetry semantic conventions for MCP */
const OPERATION_LABELS = [
  "mcp_method_name",
  "gen_ai_tool_name",
  "gen_ai_operation_name",
  "error_type",
  "mcp_protocol_version",
  "network_transport",
] as const;
const OPERATION_ATTRIBUTES = [
  "mcp.method.name",
  "gen_ai.tool.name",
  "gen_ai.operation.name",
  "error.type",
  "mcp.protocol.version",
  "network.transport",
] as const;
const OVERHEAD_SECONDS = [
  0.000005, 0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1,
] as const;
const MIB = 1024 * 1024;
const HEAP_BYTES = [2, 4, 8, 16, 32, 64, 128, 256].map((mib) => mib * MIB);

/** Every metric of the service: Prometheus names, base units, labels. No label takes a value from outside. */
export const METRICS = {
  runlet_runs_total: { kind: "counter", help: "Runs that ended.", labels: ["outcome", "source"] },
  runlet_run_duration_seconds: {
    kind: "histogram",
    help: "Time from submission to the end of a run.",
    labels: ["outcome"],
    buckets: OPERATION_SECONDS,
  },
  runlet_run_cpu_seconds: {
    kind: "histogram",
    help: "Computing time of a run in its isolate.",
    labels: [],
    buckets: [0.001, 0.002, 0.005, ...OPERATION_SECONDS],
  },
  runlet_run_heap_bytes: { kind: "histogram", help: "Largest heap of a run.", labels: [], buckets: HEAP_BYTES },
  runlet_gateway_calls_total: {
    kind: "counter",
    help: "Tool calls that ended: ok, cached, error, denied or cancelled.",
    labels: ["server", "tool", "outcome"],
  },
  runlet_gateway_overhead_seconds: {
    kind: "histogram",
    help: "Time of a call that was neither the upstream's nor waiting for a place.",
    labels: [],
    buckets: OVERHEAD_SECONDS,
  },
  runlet_gateway_rejected_total: {
    kind: "counter",
    help: "Calls that a policy refused, by reason and by whose rule it was.",
    labels: ["reason", "scope"],
  },
  runlet_audit_dropped_total: {
    kind: "counter",
    help: "Lines of the audit that are lost, as the disk failed or was too slow.",
    labels: [],
  },
  runlet_gateway_cache_total: {
    kind: "counter",
    help: "Calls that the cache could answer: hit or miss; and answers that had to make room: evicted.",
    labels: ["result"],
  },
  runlet_gateway_retries_total: {
    kind: "counter",
    help: "Attempts after the first one of a call.",
    labels: ["server"],
  },
  runlet_gateway_breaker_state: {
    kind: "gauge",
    help: "Whether calls of a server pass: 0 closed (they do), 1 half-open (one does), 2 open (none does).",
    labels: ["server"],
  },
  mcp_client_operation_duration_seconds: {
    kind: "histogram",
    help: "Duration of an MCP request as its sender saw it.",
    labels: OPERATION_LABELS,
    buckets: OPERATION_SECONDS,
    otel: { name: "mcp.client.operation.duration", attributes: OPERATION_ATTRIBUTES },
  },
  mcp_server_operation_duration_seconds: {
    kind: "histogram",
    help: "Duration of an MCP request to Runlet.",
    labels: OPERATION_LABELS,
    buckets: OPERATION_SECONDS,
    otel: { name: "mcp.server.operation.duration", attributes: OPERATION_ATTRIBUTES },
  },
  runlet_upstreams: { kind: "gauge", help: "Configured MCP servers by state.", labels: ["state"] },
  runlet_upstream_restarts_total: {
    kind: "counter",
    help: "Starts in place of a session that did not end for want of use.",
    labels: ["server"],
  },
  runlet_queue_depth: { kind: "gauge", help: "Runs that wait for an executor.", labels: [] },
  runlet_isolates: { kind: "gauge", help: "Isolates by state.", labels: ["state"] },
  runlet_executor_crashes_total: {
    kind: "counter",
    help: "Executor processes that died, or were killed as they took too much or did not answer: signal, exit, silent, memory, cpu or protocol.",
    labels: ["reason"],
  },
} as const satisfies Record<string, MetricSpec>;

type Names<Kind extends MetricSpec["kind"]> = {
  [Name in keyof typeof METRICS]: (typeof METRICS)[Name]["kind"] extends Kind ? Name : never;
}[keyof typeof METRICS];

/** Name of a metric that only grows. */
export type CounterName = Names<"counter">;
/** Name of a metric that is read when it is asked for. */
export type GaugeName = Names<"gauge">;
/** Name of a metric that counts values into buckets. */
export type HistogramName = Names<"histogram">;
/** Name of any metric. */
export type MetricName = keyof typeof METRICS;
/** The labels of a metric, all of them required; an empty value means that the label is absent. */
export type LabelsOf<Name extends MetricName> = Readonly<Record<(typeof METRICS)[Name]["labels"][number], string>>;
