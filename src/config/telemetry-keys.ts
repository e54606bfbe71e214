import { duration, mapOf, section, text } from "./schema-nodes.ts";

/** What is told of the service's work to others, and where to. */
export interface TelemetryConfig {
  /** Name of this service among those that report to the same place. @default "runlet" */
  readonly serviceName: string;
  /** Where traces and metrics are pushed, by OTLP over HTTP; `undefined`: nowhere. @default undefined */
  readonly otlp: OtlpConfig | undefined;
  /** Share of the traces that begin here which are recorded, from 0 to 1; `undefined`: none are pushed. @default 1 */
  readonly traceRatio: number | undefined;
  /** Time between two pushes of the metrics; `undefined`: they are not pushed. @default 60000 */
  readonly metricsIntervalMs: number | undefined;
}

/** A receiver of OpenTelemetry's protocol. */
export interface OtlpConfig {
  /** Without the `/v1/traces` that follows. */
  readonly endpoint: string;
  /** Sent with each push; each value counts as a secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** Longest one push may take, attempts included. @default 10000 */
  readonly timeoutMs: number;
}

/** Telemetry as people write it. */
export interface TelemetryOptions {
  readonly serviceName?: string;
  readonly otlp?: {
    readonly endpoint?: string;
    readonly headers?: Readonly<Record<string, string | number | boolean>>;
    readonly timeout?: number | string;
  };
  readonly traces?: boolean | { readonly ratio?: number };
  readonly metrics?: boolean | { readonly interval?: number | string };
}

/** Keys of `telemetry`, and their defaults; two of them have the names that OpenTelemetry gives to variables. */
export const TELEMETRY_KEYS = {
  serviceName: text("Name of this service among those that report to the same place.", {
    minLength: 1,
    default: "runlet",
    environment: "OTEL_SERVICE_NAME",
  }),
  otlp: section(
    "Where traces and metrics are pushed: OTLP over HTTP, as JSON.",
    {
      endpoint: text("Address of the receiver, such as http://localhost:4318; nothing is pushed when missing.", {
        minLength: 1,
        environment: "OTEL_EXPORTER_OTLP_ENDPOINT",
      }),
      headers: mapOf("Headers of each push.", {
        description: "Text; numbers and true/false are written out.",
        type: ["string", "number", "boolean"],
        secret: true,
      }),
      timeout: duration("Longest one push may take, attempts included.", 10_000),
    },
    {},
  ),
  traces: section(
    "Whether traces are pushed, or `{ratio}`.",
    {
      ratio: {
        description:
          "Share of the traces that begin here which are recorded; a caller's own decision counts for its traces.",
        type: "number",
        minimum: 0,
        maximum: 1,
        default: 1,
      },
    },
    { type: ["boolean", "object"] },
  ),
  metrics: section(
    "Whether metrics are pushed, or `{interval}`; GET /metrics has them either way.",
    { interval: duration("Time between two pushes.", 60_000, { min: 1_000 }) },
    { type: ["boolean", "object"] },
  ),
} as const;
