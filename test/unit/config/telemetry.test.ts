import { describe, expect, test } from "vitest";
import { compileConfig } from "../../../src/config/compile.ts";
import type { Options } from "../../../src/config/options.ts";
import { loadOptions } from "../../../src/config/load.ts";
import { listSettings } from "../../../src/config/settings.ts";

const telemetryOf = (telemetry: Options["telemetry"]) =>
  compileConfig(telemetry === undefined ? {} : { telemetry }).telemetry;
const ENDPOINT = "http://localhost:4318";

describe("telemetry", () => {
  test("goes nowhere when nobody says where", () => {
    expect(telemetryOf(undefined).otlp).toBeUndefined();
    expect(telemetryOf({ traces: { ratio: 0.5 } }).otlp).toBeUndefined();
    expect(telemetryOf({ otlp: {} }).otlp).toBeUndefined();
  });

  test("goes to an address with all that is needed by default", () => {
    expect(telemetryOf({ otlp: { endpoint: ENDPOINT } })).toEqual({
      serviceName: "runlet",
      otlp: { endpoint: ENDPOINT, headers: {}, timeoutMs: 10_000 },
      traceRatio: 1,
      metricsIntervalMs: 60_000,
    });
  });

  test("is of either kind alone when the other is off", () => {
    expect(telemetryOf({ traces: false })).toMatchObject({ traceRatio: undefined, metricsIntervalMs: 60_000 });
    expect(telemetryOf({ metrics: false })).toMatchObject({ traceRatio: 1, metricsIntervalMs: undefined });
    expect(telemetryOf({ traces: true, metrics: true })).toMatchObject({ traceRatio: 1, metricsIntervalMs: 60_000 });
  });

  test.each<[string, Options["telemetry"]]>([
    ["telemetry.otlp.endpoint", { otlp: { endpoint: "localhost:4318" } }],
    ["telemetry.otlp.endpoint", { otlp: { endpoint: "http://user:password@localhost" } }],
    ["telemetry.otlp.endpoint", { otlp: { headers: { Authorization: "Bearer abcdefgh" } } }],
    ["telemetry.traces.ratio", { traces: { ratio: 2 } }],
    ["telemetry.metrics.interval", { metrics: { interval: "10ms" } }],
  ])("is refused with a fault at %s", (key, telemetry) => {
    const refused = (): unknown => compileConfig({ telemetry: telemetry ?? {} });
    expect(refused).toThrow(key);
    expect(refused).not.toThrow(/abcdefgh|password@/u);
  });

  test("takes the two names that OpenTelemetry gives to variables", () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318", OTEL_SERVICE_NAME: "gate" };
    const loaded = loadOptions({ env, cwd: import.meta.dirname });
    expect(compileConfig(loaded.options, loaded).telemetry).toMatchObject({
      serviceName: "gate",
      otlp: { endpoint: "http://collector:4318" },
    });
    expect(loaded.warnings).toEqual([]);
  });

  test("shows no header's value, whatever its name, and knows it for a secret", () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT };
    const loaded = loadOptions({ env, cwd: import.meta.dirname });
    const options = {
      ...loaded.options,
      telemetry: { otlp: { endpoint: ENDPOINT, headers: { "x-team": "hidden-value" } } },
    };
    const shown = listSettings({ ...loaded, options });
    expect(shown.find(({ key }) => key.includes("x-team"))?.value).toBe("***");
    expect(JSON.stringify(shown)).not.toContain("hidden-value");
  });
});
