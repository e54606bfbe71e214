import { describe, expect, test } from "vitest";
import type { CallTool } from "../../../src/gateway/call.ts";
import { telemetry } from "../../../src/gateway/interceptors/telemetry.ts";
import type { TracedCall } from "../../../src/gateway/policy.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { createGateway } from "../../../src/gateway/gateway.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { TraceSpan, Tracing } from "../../../src/observability/tracing.ts";
import {
  createFakeCatalogs,
  createFakeRegistry,
  createFakeUpstream,
  type FakeAnswer,
  textResult,
  toolCall,
} from "../../support/gateway-parts.ts";
import { parsePrometheus } from "../../support/prometheus-parser.ts";
import { createManualClock } from "../../support/manual-clock.ts";

type Line = { readonly level: string; readonly message: string } & Readonly<Record<string, unknown>>;

function setup(next: CallTool<TracedCall>) {
  const clock = createManualClock();
  const metrics = createMetrics();
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ ...fields, level, message });
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const call = telemetry({ clock, log, metrics })(next);
  return { clock, metrics, lines, call };
}

describe("telemetry", () => {
  test("counts as overhead what was neither the upstream's time nor waiting", async () => {
    const { clock, metrics, call, lines } = setup(async ({ trace }) => {
      clock.advance(100);
      trace.upstreamMs = 70;
      trace.queueMs = 29;
      trace.server = "s";
      trace.tool = "t";
      return { value: 1, content: [], outcome: "cached", bytes: 1 };
    });
    await call(toolCall("s", "t"));
    expect(metrics.render()).toContain("runlet_gateway_overhead_seconds_sum 0.001\n");
    expect(metrics.render()).toContain('runlet_gateway_calls_total{server="s",tool="t",outcome="cached"} 1');
    expect(lines).toMatchObject([{ level: "debug", outcome: "cached", ms: 100, upstreamMs: 70, queueMs: 29 }]);
  });

  test("never makes a label or a long log field of a name from outside", async () => {
    const { metrics, call, lines } = setup(() => Promise.reject(new RunletError("TOOL_NOT_FOUND", "none")));
    await expect(call(toolCall("made\nup", "x".repeat(10_000)))).rejects.toMatchObject({ code: "TOOL_NOT_FOUND" });
    expect(metrics.render()).toContain(
      'runlet_gateway_calls_total{server="_unknown",tool="_unknown",outcome="error"} 1',
    );
    expect(metrics.render()).not.toContain("made");
    expect(String(lines[0]?.["tool"]).length).toBeLessThan(200);
  });

  test("lets nothing but a RunletError out: a defect is logged with its cause and told without it", async () => {
    const defect = new TypeError("x of undefined in /secret/place");
    const { call, lines } = setup(() => Promise.reject(defect));
    const error = await call(toolCall("s", "t")).catch((thrown: unknown) => thrown as RunletError);
    expect(error).toMatchObject({
      code: "INTERNAL",
      message: "Cannot call s.t as Runlet failed; the operator's log has the cause.",
      cause: defect,
    });
    expect(lines.map(({ level, err }) => [level, err])).toEqual([
      ["debug", undefined],
      ["error", defect],
    ]);
  });

  test("passes a RunletError on as it is", async () => {
    const failure = new RunletError("TOOL_FAILED", "no");
    const { call, lines } = setup(() => Promise.reject(failure));
    await expect(call(toolCall("s", "t"))).rejects.toBe(failure);
    expect(lines).toMatchObject([{ level: "debug", code: "TOOL_FAILED", outcome: "error" }]);
  });

  test("counts a cancelled call as cancelled", async () => {
    const { call, metrics } = setup(() => Promise.reject(new RunletError("RUN_CANCELLED", "gone")));
    await call(toolCall("s", "t")).catch(() => undefined);
    expect(metrics.render()).toContain('outcome="cancelled"} 1');
  });

  test("overhead, the upstream's time and waiting add up to the whole of the calls", async () => {
    const clock = createManualClock();
    const metrics = createMetrics();
    const answer: FakeAnswer = async () => {
      clock.advance(40);
      return textResult("done");
    };
    const upstream = createFakeUpstream("s", [{ name: "t" }], { answer, config: { concurrency: 1 } });
    const registry = createFakeRegistry([upstream]);
    const catalogs = createFakeCatalogs(registry);
    const gateway = createGateway({ registry, catalogs, clock, log: silentLog, metrics });
    const startedMs = clock.monotonic();
    for (let n = 0; n < 3; n++) await gateway.call(toolCall("s", "t", { arguments: { n } }));
    const families = parsePrometheus(metrics.render());
    const sum = (name: string) => families.get(name)?.samples.find((sample) => sample.name === `${name}_sum`)?.value;
    const upstreamSeconds = sum("mcp_client_operation_duration_seconds") ?? Number.NaN;
    const overheadSeconds = sum("runlet_gateway_overhead_seconds") ?? Number.NaN;
    expect(upstreamSeconds).toBeCloseTo(0.12, 9);
    expect(upstreamSeconds + overheadSeconds).toBeCloseTo((clock.monotonic() - startedMs) / 1_000, 9);
  });

  test("the call's own span is what the policies below see, and it ends with what the call was", async () => {
    const ended: unknown[] = [];
    const context = { traceId: "1".repeat(32), spanId: "2".repeat(16), flags: 1 };
    const noted: Record<string, unknown> = {};
    const span: TraceSpan = {
      context,
      set: (attributes) => void Object.assign(noted, attributes),
      rename: (name) => void (noted["name"] = name),
      end: (errorType) => void ended.push(errorType),
    };
    const clock = createManualClock();
    const parent = { ...context, spanId: "3".repeat(16) };
    const parents: unknown[] = [];
    const tracing: Tracing = { start: (_, from) => (parents.push(from), span) };
    const seen: unknown[] = [];
    const call = telemetry({ clock, log: silentLog, metrics: createMetrics(), tracing })((traced) => {
      seen.push(traced.traceContext);
      return Promise.reject(new RunletError("TOOL_NOT_FOUND", "none"));
    });
    await expect(call(toolCall("made up", "by a script", { traceContext: parent }))).rejects.toThrow("none");
    expect({ parents, seen, ended }).toEqual({ parents: [parent], seen: [context], ended: ["TOOL_NOT_FOUND"] });
    expect(noted).toEqual({
      name: "tools/call _unknown",
      "gen_ai.tool.name": "_unknown",
      "runlet.server.name": "_unknown",
      "runlet.call.outcome": "error",
    });
  });
});
