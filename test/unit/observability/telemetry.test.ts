import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseTraceContext } from "../../../src/lib/trace-context.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { createTelemetry } from "../../../src/observability/telemetry.ts";
import type { TelemetrySettings } from "../../../src/observability/telemetry-parts.ts";
import { noTracing } from "../../../src/observability/tracing.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { startOtlpReceiver } from "../../support/otlp-receiver.ts";
import type { OtlpReceiver } from "../../support/otlp-receiver.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = parseTraceContext(`00-${TRACE}-b7ad6b7169203331-01`, "vendor=1") ?? expect.fail();

let receiver: OtlpReceiver;
beforeEach(async () => {
  receiver = await startOtlpReceiver();
});
afterEach(() => receiver.close());

async function start(change: Partial<TelemetrySettings> = {}) {
  const clock = createManualClock(1_700_000_000_000);
  const metrics = createMetrics();
  const lines: object[] = [];
  const note = (fields: object, message: string): void => void lines.push({ ...fields, message });
  const log = { debug: note, info: note, warn: note, error: note };
  const otlp = { endpoint: receiver.url, headers: { authorization: "Bearer of-the-receiver" }, timeoutMs: 500 };
  const settings = { serviceName: "gate", otlp, traceRatio: 1, metricsIntervalMs: undefined, ...change };
  const telemetry = await createTelemetry(settings, { metrics, clock, log, version: "1.2.3" });
  return { clock, metrics, lines, tracing: telemetry.tracing, close: () => telemetry.close() };
}

describe("spans", () => {
  test("have the clock's times, their parent, their attributes and what went wrong", async () => {
    const { clock, tracing, close } = await start();
    const outer = tracing.start("outer", PARENT, { kind: "server", attributes: { a: 1 } }) ?? expect.fail();
    expect(outer.context).toEqual({
      traceId: TRACE,
      spanId: expect.stringMatching(/^[\da-f]{16}$/u),
      flags: 1,
      state: "vendor=1",
    });
    clock.advance(5.25);
    const inner = tracing.start("inner", outer.context, { startedAtMs: 1_700_000_000_001 }) ?? expect.fail();
    inner.rename("renamed");
    inner.set({ b: "x".repeat(1_000), c: true });
    inner.end("TOOL_FAILED");
    clock.advance(1);
    outer.end();
    await close();
    const [first, second] = receiver.spans();
    expect(first).toMatchObject({
      name: "renamed",
      parentSpanId: outer.context.spanId,
      attributes: { b: "x".repeat(256), c: true, "error.type": "TOOL_FAILED" },
      status: 2,
    });
    expect(second).toMatchObject({
      name: "outer",
      kind: 2,
      parentSpanId: PARENT.spanId,
      attributes: { a: 1 },
      status: 0,
    });
    expect(
      [first?.startMs, first?.endMs, second?.startMs, second?.endMs].map((ms) => (ms ?? 0) - 1_700_000_000_000),
    ).toEqual([1, 5.25, 0, 6.25].map((ms) => expect.closeTo(ms, 2)));
    expect(receiver.requests.map(({ headers }) => headers["authorization"])).toEqual(["Bearer of-the-receiver"]);
  });

  test("of a trace that its caller does not record are none, and cost no id", async () => {
    const { tracing, close } = await start();
    expect(tracing.start("x", { ...PARENT, flags: 0 })).toBeUndefined();
    await close();
    expect(receiver.requests).toEqual([]);
  });

  test("of a trace that begins here follow the ratio, and children follow their parent", async () => {
    const { tracing, close } = await start({ traceRatio: 0 });
    const root = tracing.start("root", undefined) ?? expect.fail();
    expect(root.context.flags).toBe(0);
    expect(tracing.start("child", root.context)).toBeUndefined();
    root.end();
    tracing.start("asked for", PARENT)?.end();
    await close();
    expect(receiver.spans().map(({ name }) => name)).toEqual(["asked for"]);
  });

  test.each([{ otlp: undefined }, { traceRatio: undefined }])("are none with %j", async (change) => {
    const { tracing, close } = await start(change);
    expect(tracing).toBe(noTracing);
    expect(tracing.start("x", undefined)).toBeUndefined();
    await close();
    expect(receiver.requests).toEqual([]);
  });
});

describe("a receiver that fails", () => {
  test("is told of once a minute, without what it said or what it was sent", async () => {
    const { clock, lines, tracing, close } = await start({ metricsIntervalMs: 60_000 });
    receiver.answer = (response) => void response.writeHead(400).end("Bearer of-the-receiver is wrong");
    tracing.start("secret name", undefined)?.end();
    clock.advance(1);
    await close();
    expect(receiver.requests.length).toBeGreaterThan(0);
    expect(lines).toEqual([
      { failures: 1, reason: "OTLPExporterError: Bad Request", message: "telemetry could not be pushed" },
    ]);
  });

  test("that never answers keeps nobody waiting for more than two seconds at the close", async () => {
    const { clock, tracing, close } = await start();
    const asked = Promise.withResolvers<void>();
    receiver.answer = () => asked.resolve();
    tracing.start("x", undefined)?.end();
    const closed = close();
    await asked.promise;
    expect(clock.pending()).toBe(1);
    clock.advance(2_000);
    await closed;
    expect(await close()).toBeUndefined();
  });

  test("that is gone neither delays nor fails the work", async () => {
    const { clock, tracing, close } = await start({
      otlp: { endpoint: "http://127.0.0.1:9", headers: {}, timeoutMs: 100 },
    });
    for (let index = 0; index < 5_000; index++) tracing.start("x", undefined)?.end();
    const closed = close();
    clock.advance(2_000);
    await closed;
  });
});

test("metrics are pushed once more at the close, with the resource that they are of", async () => {
  const { metrics, close } = await start({ metricsIntervalMs: 60_000 });
  metrics.add("runlet_gateway_cache_total", { result: "hit" }, 4);
  await close();
  expect(receiver.points()).toEqual([
    {
      name: "runlet_gateway_cache_total",
      unit: "",
      kind: "sum",
      attributes: { result: "hit" },
      value: 4,
      bounds: [],
      counts: [],
    },
  ]);
  expect(receiver.resources()).toEqual([{ "service.name": "gate", "service.version": "1.2.3" }]);
});
