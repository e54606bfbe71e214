import * as http from "node:http";
import * as https from "node:https";
import { ExportResultCode } from "@opentelemetry/core";
import type { ExportResult } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import type { PushMetricExporter } from "@opentelemetry/sdk-metrics";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { OtlpSettings } from "./telemetry-parts.ts";

/** Pushes to one receiver. */
export interface OtlpExporters {
  readonly spans: SpanExporter;
  readonly metrics: PushMetricExporter;
  /** Breaks off what is under way and sends nothing more, so that nothing keeps the process alive. */
  abandon(): void;
}

/**
 * Connects to a receiver of OTLP over HTTP. A push that fails is told to `onFailure` and to nobody else: what was to be pushed
 * is dropped.
 */
export function createOtlpExporters(config: OtlpSettings, onFailure: (error: Error) => void): OtlpExporters {
  const agents = new Set<http.Agent>();
  let abandoned = false;
  const options = (path: string) => ({
    url: `${config.endpoint}/${path}`,
    timeoutMillis: config.timeoutMs,
    // Asked before each attempt, so that the exporter's own retries end here too.
    headers: async (): Promise<Record<string, string>> => {
      if (abandoned) throw new Error("the service is closing");
      return { ...config.headers };
    },
    httpAgentOptions: (protocol: string): http.Agent => {
      const agent = protocol === "https:" ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
      agents.add(agent);
      return agent;
    },
  });
  const spans = new OTLPTraceExporter(options("v1/traces"));
  const metrics = new OTLPMetricExporter(options("v1/metrics"));
  return {
    spans: {
      export: (items, done) => guarded((report) => spans.export(items, report), onFailure, done),
      forceFlush: () => spans.forceFlush(),
      shutdown: () => spans.shutdown(),
    },
    metrics: {
      export: (items, done) => guarded((report) => metrics.export(items, report), onFailure, done),
      forceFlush: () => metrics.forceFlush(),
      shutdown: () => metrics.shutdown(),
    },
    abandon() {
      abandoned = true;
      for (const agent of agents) agent.destroy();
    },
  };
}

/** Whoever asked for the push is told that it went well: the SDK would write failures to a global place that is nobody's. */
function guarded(
  push: (report: (result: ExportResult) => void) => void,
  onFailure: (error: Error) => void,
  done: (result: ExportResult) => void,
): void {
  push(({ code, error }) => {
    if (code !== ExportResultCode.SUCCESS) onFailure(error ?? new Error("the receiver took it not"));
    done({ code: ExportResultCode.SUCCESS });
  });
}
