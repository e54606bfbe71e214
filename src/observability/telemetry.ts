import type { Telemetry, TelemetryDeps, TelemetrySettings } from "./telemetry-parts.ts";
import { noTracing } from "./tracing.ts";

/**
 * Starts to push traces and metrics as configured. Without a receiver there is nothing to push, OpenTelemetry's libraries are
 * not even loaded, which takes a tenth of a second and 17 MB, and contexts of callers are passed on as they came.
 */
export async function createTelemetry(settings: TelemetrySettings, deps: TelemetryDeps): Promise<Telemetry> {
  const { otlp } = settings;
  if (otlp === undefined) return { tracing: noTracing, close: () => Promise.resolve() };
  const { startPushing } = await import("./push.ts");
  return startPushing({ ...settings, otlp }, deps);
}
