import { createTraceState, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Context, HrTime, Tracer } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { Resource } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import type { MetricProducer } from "@opentelemetry/sdk-metrics";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { boundText } from "../lib/bounded-text.ts";
import type { Clock } from "../lib/clock.ts";
import { isSampled } from "../lib/trace-context.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import { toMetricData } from "./metric-data.ts";
import { createOtlpExporters } from "./otlp.ts";
import type { OtlpExporters } from "./otlp.ts";
import type { OtlpSettings, Telemetry, TelemetryDeps, TelemetrySettings } from "./telemetry-parts.ts";
import { noTracing } from "./tracing.ts";
import type { SpanStart, TraceSpan, Tracing } from "./tracing.ts";

const SCOPE = "runlet";
const CLOSE_WITHIN_MS = 2_000;
const TELL_FAILURE_EVERY_MS = 60_000;
const MAX_ATTRIBUTE_CHARS = 256;
const MAX_FAILURE_CHARS = 200;
const KINDS = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;

/** Settings that have a receiver. */
export type PushSettings = TelemetrySettings & { readonly otlp: OtlpSettings };

/** Starts to push to the receiver. Nothing here is global. A push that fails costs no run anything. */
export function startPushing(settings: PushSettings, deps: TelemetryDeps): Telemetry {
  const { otlp, serviceName, traceRatio, metricsIntervalMs } = settings;
  const exporters = createOtlpExporters(otlp, failureTeller(deps));
  const resource = resourceFromAttributes({ "service.name": serviceName, "service.version": deps.version });
  const traces = traceRatio === undefined ? undefined : createTraces(exporters, resource, traceRatio, otlp.timeoutMs);
  const meters =
    metricsIntervalMs === undefined
      ? undefined
      : pushMetrics(exporters, resource, metricsIntervalMs, otlp.timeoutMs, deps);
  const flush = async (): Promise<void> => {
    await Promise.allSettled([traces?.shutdown(), meters?.shutdown()]);
  };
  let closing: Promise<void> | undefined;
  return {
    tracing: traces === undefined ? noTracing : createTracing(traces.getTracer(SCOPE, deps.version), deps.clock),
    close: () => (closing ??= within(deps.clock, flush()).finally(() => exporters.abandon())),
  };
}

function createTraces(
  { spans }: OtlpExporters,
  resource: Resource,
  ratio: number,
  exportTimeoutMillis: number,
): TracerProvider {
  return new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE_CHARS },
    spanProcessors: [new BatchSpanProcessor({ exporter: spans, exportTimeoutMillis })],
  });
}

function pushMetrics(
  { metrics: exporter }: OtlpExporters,
  resource: Resource,
  intervalMs: number,
  timeoutMs: number,
  { metrics, clock, version }: TelemetryDeps,
): MeterProvider {
  const start = toHrTime(clock.now());
  const producer: MetricProducer = {
    async collect() {
      const data = toMetricData(metrics.read(), { start, end: toHrTime(clock.now()) });
      return {
        resourceMetrics: { resource, scopeMetrics: [{ scope: { name: SCOPE, version }, metrics: data }] },
        errors: [],
      };
    },
  };
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(timeoutMs, intervalMs),
    metricProducers: [producer],
  });
  return new MeterProvider({ resource, readers: [reader] });
}

/** Spans of the SDK behind our port; times are the clock's, with fractions of a millisecond. */
function createTracing(tracer: Tracer, clock: Clock): Tracing {
  const epochMs = clock.now() - clock.monotonic();
  const now = (): HrTime => toHrTime(epochMs + clock.monotonic());
  return {
    start(name, parent, { kind = "internal", attributes = {}, startedAtMs }: SpanStart = {}): TraceSpan | undefined {
      if (parent !== undefined && !isSampled(parent)) return undefined;
      const startTime = startedAtMs === undefined ? now() : toHrTime(startedAtMs);
      const span = tracer.startSpan(
        name,
        { kind: KINDS[kind], attributes: { ...attributes }, startTime },
        toContext(parent),
      );
      const { traceId, spanId, traceFlags: flags, traceState } = span.spanContext();
      return {
        context: { traceId, spanId, flags, state: traceState?.serialize() },
        set: (more) => void span.setAttributes({ ...more }),
        rename: (newName) => void span.updateName(newName),
        end(errorType) {
          if (errorType !== undefined) {
            span.setAttribute("error.type", errorType);
            span.setStatus({ code: SpanStatusCode.ERROR });
          }
          span.end(now());
        },
      };
    },
  };
}

function toContext(parent: TraceContext | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, flags, state } = parent;
  const traceState = state === undefined ? {} : { traceState: createTraceState(state) };
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags, isRemote: true, ...traceState });
}

/** Seconds and nanoseconds. */
function toHrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1_000) * 1_000_000))];
}

/** Says that pushing fails, once a minute at most, with how many pushes failed since it was said last. */
function failureTeller({ clock, log }: TelemetryDeps): (error: Error) => void {
  let toldAtMs: number | undefined;
  let failures = 0;
  return ({ name, message }) => {
    failures++;
    const nowMs = clock.monotonic();
    if (toldAtMs !== undefined && nowMs - toldAtMs < TELL_FAILURE_EVERY_MS) return;
    toldAtMs = nowMs;
    log.warn(
      { failures, reason: boundText(`${name}: ${message}`, MAX_FAILURE_CHARS) },
      "telemetry could not be pushed",
    );
    failures = 0;
  };
}

async function within(clock: Clock, work: Promise<void>): Promise<void> {
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(CLOSE_WITHIN_MS, resolve);
  await Promise.race([work, enough]);
  timer.cancel();
}
