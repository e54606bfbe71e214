import { checkHttpUrl } from "./compile-upstreams.ts";
import type { FaultReport } from "./fault-report.ts";
import type { Options } from "./options.ts";
import { TELEMETRY_KEYS } from "./telemetry-keys.ts";
import type { OtlpConfig, TelemetryConfig, TelemetryOptions } from "./telemetry-keys.ts";
import { parseDuration } from "./units.ts";

/** What is told of the service's work, and where to. */
export function compileTelemetry({ telemetry = {} }: Options, report: FaultReport): TelemetryConfig {
  const { serviceName = TELEMETRY_KEYS.serviceName.default, traces = true, metrics = true } = telemetry;
  return {
    serviceName,
    otlp: compileOtlp(telemetry.otlp, report),
    traceRatio: traces === false ? undefined : ratioOf(traces),
    metricsIntervalMs: metrics === false ? undefined : intervalOf(metrics),
  };
}

function compileOtlp(otlp: TelemetryOptions["otlp"], report: FaultReport): OtlpConfig | undefined {
  const { endpoint, headers = {}, timeout = "" } = otlp ?? {};
  if (endpoint === undefined) {
    if (Object.keys(headers).length === 0) return undefined;
    const rule = "must be there where headers for it are";
    report({
      path: ["telemetry", "otlp", "endpoint"],
      rule,
      value: undefined,
      remedy: "Write the receiver's address.",
    });
    return undefined;
  }
  checkHttpUrl(endpoint, ["telemetry", "otlp", "endpoint"], report);
  return {
    endpoint: endpoint.replace(/\/+$/u, ""),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    timeoutMs: parseDuration(timeout) ?? TELEMETRY_KEYS.otlp.properties.timeout.default,
  };
}

function ratioOf(traces: Exclude<TelemetryOptions["traces"], false | undefined>): number {
  const usual = TELEMETRY_KEYS.traces.properties.ratio.default;
  return traces === true ? usual : (traces.ratio ?? usual);
}

function intervalOf(metrics: Exclude<TelemetryOptions["metrics"], false | undefined>): number {
  const usual = TELEMETRY_KEYS.metrics.properties.interval.default;
  return metrics === true ? usual : (parseDuration(metrics.interval ?? "") ?? usual);
}
