import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "./metrics.ts";
import type { Tracing } from "./tracing.ts";

/** What is pushed, and where to. */
export interface TelemetrySettings {
  readonly serviceName: string;
  /** `undefined`: nothing is pushed. */
  readonly otlp: OtlpSettings | undefined;
  /** Share of the traces that begin here which are recorded, from 0 to 1; `undefined`: none. */
  readonly traceRatio: number | undefined;
  /** Time between two pushes of the metrics; `undefined`: they are not pushed. */
  readonly metricsIntervalMs: number | undefined;
}

/** A receiver of OpenTelemetry's protocol over HTTP. */
export interface OtlpSettings {
  /** Without the `/v1/traces` that follows. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Longest one push may take, attempts included. */
  readonly timeoutMs: number;
}

/** What the service tells others of its work. */
export interface Telemetry {
  readonly tracing: Tracing;
  /** Pushes what is left, for two seconds at most, then nothing more. Never rejects. Safe to call twice. */
  close(): Promise<void>;
}

/** What telemetry works with. */
export interface TelemetryDeps {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  /** Version of Runlet. */
  readonly version: string;
}
