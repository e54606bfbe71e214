import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compileConfig } from "../../src/config/compile.ts";
import type { Options } from "../../src/config/options.ts";
import type { LogDestination } from "../../src/observability/logger.ts";
import { createRedactor } from "../../src/observability/redact.ts";
import { createLogger } from "../../src/observability/logger.ts";
import { createService } from "../../src/service.ts";
import { startModernServer } from "../support/mcp-http-server.ts";
import { startModelServer } from "../support/model-server.ts";
import { startOtlpReceiver } from "../support/otlp-receiver.ts";
import type { OtlpReceiver, ReceivedSpan } from "../support/otlp-receiver.ts";
import { openClient } from "../support/service-client.ts";
import type { ServiceClient } from "../support/service-client.ts";
import { fixturePath } from "../support/upstreams.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";
const SAMPLED = `00-${TRACE}-${CALLER}-01`;
const META = { command: process.execPath, args: [fixturePath("meta")] };
const SCRIPT =
  'const { meta } = await mcp.meta.meta({ q: "argument-of-a-caller" }); await mcp.meta.meta({ q: 2 });' +
  "const { progressToken, ...context } = meta ?? {}; return Object.keys(context).length === 0 ? null : context;";

let receiver: OtlpReceiver;
let lines: string[];
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  lines = [];
  receiver = await startOtlpReceiver();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await receiver.close();
});

/** A service with a server that answers with the `_meta` it got. */
async function start(telemetry: Options["telemetry"], more: Options = {}) {
  const config = compileConfig({
    dataDir: ":memory:",
    port: 0,
    executors: { processes: 1 },
    mcpServers: { meta: META },
    ...(telemetry === undefined ? {} : { telemetry }),
    ...more,
  });
  const destination: LogDestination = { write: (text) => void lines.push(text) };
  const log = createLogger({ level: "debug", pretty: false }, createRedactor(config.secrets), destination);
  const service = await createService(config, { log, spares: 0 });
  closers.push(() => service.close());
  const { url } = await service.listen();
  return { service, client: openClient(url) };
}

const pushed = (): Options["telemetry"] => ({
  otlp: { endpoint: receiver.url, headers: { "x-team": "key-of-the-team" } },
});

/** The spans as a tree of names, once the service has pushed all. */
function treeOf(spans: readonly ReceivedSpan[], parent: string): unknown[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === parent)
    .toSorted((a, b) => a.startMs - b.startMs)
    .map(({ name, spanId }) => [name, ...treeOf(spans, spanId)]);
}

function named(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  return spans.find((span) => span.name === name) ?? expect.fail(`no span ${name}`);
}

const runWith = (client: ServiceClient, headers: Readonly<Record<string, string>>, body: object = { script: SCRIPT }) =>
  client.post<{ status: string; result: unknown }>("/run", body, { headers });

describe("a service that pushes", () => {
  test("tells of a run as the tree of what was done for it, under the caller's own span", async () => {
    const { service, client } = await start(pushed());
    const { body } = await runWith(client, { traceparent: SAMPLED, tracestate: "vendor=1" });
    expect(body.status).toBe("succeeded");
    await service.close();
    const spans = receiver.spans();
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
    expect(treeOf(spans, CALLER)).toEqual([
      ["POST /run", ["run", ["execute", ["tools/call meta"], ["tools/call meta"]]]],
    ]);
    expect(named(spans, "POST /run")).toMatchObject({
      kind: 2,
      attributes: { "http.request.method": "POST", "http.route": "/run", "http.response.status_code": 200 },
    });
    expect(named(spans, "run").attributes).toMatchObject({
      "runlet.run.status": "succeeded",
      "runlet.run.tool_calls": 2,
    });
    const calls = spans.filter(({ name }) => name === "tools/call meta");
    for (const { kind, attributes, startMs, endMs } of calls) {
      expect(kind).toBe(3);
      expect(endMs).toBeGreaterThanOrEqual(startMs);
      expect(attributes).toEqual({
        "mcp.method.name": "tools/call",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "meta",
        "runlet.server.name": "meta",
        "runlet.call.outcome": "ok",
        "mcp.protocol.version": "2025-11-25",
        "network.transport": "pipe",
      });
    }
    expect(body.result).toEqual({
      traceparent: `00-${TRACE}-${calls.toSorted((a, b) => a.startMs - b.startMs)[0]?.spanId}-01`,
      tracestate: "vendor=1",
    });
    expect(receiver.requests.every(({ headers }) => headers["x-team"] === "key-of-the-team")).toBe(true);
    expect(receiver.resources()).toEqual(
      receiver.requests.map(() => ({ "service.name": "runlet", "service.version": expect.any(String) as string })),
    );
  });

  test("shows no script, argument, result or secret to the receiver, and no trace of it in the log but the id", async () => {
    const { service, client } = await start(pushed());
    await runWith(client, { traceparent: SAMPLED, baggage: "user=somebody" });
    await client.post("/invoke", { server: "meta", tool: "made-up-name", arguments: { q: "argument-of-a-caller" } });
    await service.close();
    const sent = receiver.requests.map(({ body }) => body).join("\n");
    for (const hidden of [
      "argument-of-a-caller",
      "await mcp",
      "key-of-the-team",
      "made-up-name",
      "somebody",
      CALLER + "-01",
    ])
      expect(sent).not.toContain(hidden);
    const traced = lines
      .filter((line) => line.includes(`"trace_id":"${TRACE}"`))
      .map((line) => String(JSON.parse(line).msg));
    expect(traced.toSorted((a, b) => a.localeCompare(b))).toEqual(["request", "tool call", "tool call"]);
    expect(lines.join("")).not.toContain("key-of-the-team");
  });

  test("tells what went wrong by a name, of tools that fail, scripts that throw and tools that are none", async () => {
    const { service, client } = await start(pushed());
    await client.run("await mcp.meta.fail({})");
    await client.post("/invoke", { server: "nobody", tool: "x".repeat(300), arguments: {} });
    await service.close();
    const spans = receiver.spans();
    const errors = spans
      .filter(({ status }) => status === 2)
      .map(({ name, attributes }) => `${name}: ${String(attributes["error.type"])}`);
    expect(errors.toSorted((a, b) => a.localeCompare(b))).toEqual([
      "execute: TOOL_FAILED",
      "run: TOOL_FAILED",
      "tools/call _unknown: TOOL_NOT_FOUND",
      "tools/call fail: tool_error",
    ]);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(2);
  });

  test("tells of a planned run which model wrote and what it took", async () => {
    const model = await startModelServer();
    closers.push(() => model.close());
    const usage = { inputTokens: 120, outputTokens: 30 };
    model.enqueue({ kind: "text", text: "```js\nreturn 1;\n```", usage });
    const { service, client } = await start(pushed(), { model: { baseURL: model.baseURL, model: "planner-1" } });
    const { body } = await runWith(client, { traceparent: SAMPLED }, { task: "a task of a caller" });
    expect(body).toMatchObject({ status: "succeeded", result: 1 });
    await service.close();
    const spans = receiver.spans();
    expect(treeOf(spans, CALLER)).toEqual([["POST /run", ["run", ["plan"], ["execute"]]]]);
    expect(named(spans, "plan")).toMatchObject({
      kind: 3,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "planner-1",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 30,
      },
    });
    expect(JSON.stringify(spans)).not.toContain("a task of a caller");
  });

  test("pushes the metrics in the words of the conventions, and what is left when it closes", async () => {
    const { service, client } = await start(pushed());
    await client.run(SCRIPT);
    await service.close();
    const points = receiver.points();
    const duration = points.find(({ name }) => name === "mcp.client.operation.duration");
    expect(duration).toMatchObject({
      unit: "s",
      kind: "histogram",
      bounds: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
      attributes: {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "meta",
        "gen_ai.operation.name": "execute_tool",
        "mcp.protocol.version": "2025-11-25",
        "network.transport": "pipe",
      },
    });
    expect(duration?.counts.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(points).toContainEqual(
      expect.objectContaining({
        name: "runlet_runs_total",
        kind: "sum",
        value: 1,
        attributes: { outcome: "succeeded", source: "script" },
      }),
    );
    expect(points).toContainEqual(expect.objectContaining({ name: "runlet_queue_depth", kind: "gauge", value: 0 }));
  });

  test("leaves a trace alone that its caller does not record", async () => {
    const { service, client } = await start(pushed());
    const { body } = await runWith(client, { traceparent: `00-${TRACE}-${CALLER}-00` });
    await service.close();
    expect(body.result).toEqual({ traceparent: `00-${TRACE}-${CALLER}-00` });
    expect(receiver.spans()).toEqual([]);
  });
});

describe("a service that pushes nothing", () => {
  test("passes the caller's context on to the server as it came, through runs, calls and batches", async () => {
    const { client } = await start(undefined);
    const headers = { traceparent: SAMPLED, tracestate: "vendor=1", baggage: "user=1" };
    const call = { server: "meta", tool: "meta", arguments: {} };
    const passed = { traceparent: SAMPLED, tracestate: "vendor=1" };
    expect((await runWith(client, headers)).body.result).toEqual(passed);
    const invoked = await client.post<{ result: unknown }>("/invoke", call, { headers });
    expect(invoked.body.result).toEqual({ meta: passed });
    const batch = await client.post<{ results: { result: unknown }[] }>("/batch", { calls: [call, call] }, { headers });
    expect(batch.body.results.map(({ result }) => result)).toEqual([{ meta: passed }, { meta: passed }]);
    expect(receiver.requests).toEqual([]);
  });

  test.each([{}, { traceparent: "00-nonsense-01", tracestate: "a=1" }])(
    "adds nothing where there is no context: %j",
    async (headers) => {
      const { client } = await start(undefined);
      expect((await runWith(client, headers as Record<string, string>)).body.result).toBeNull();
      expect(lines.join("")).not.toContain("trace_id");
    },
  );

  test("passes a context on to a server over HTTP in the message and in a header", async () => {
    const upstream = await startModernServer(() => [{ name: "meta", inputSchema: { type: "object" } }]);
    closers.push(() => upstream.close());
    const { client } = await start(undefined, { mcpServers: { web: { url: upstream.url } } });
    const call = { server: "web", tool: "meta", arguments: {} };
    await client.post("/invoke", call, { headers: { traceparent: SAMPLED } });
    await client.post("/invoke", { ...call, arguments: { again: true } });
    expect(upstream.requests.map((headers) => headers.get("traceparent")).filter((value) => value !== null)).toEqual([
      SAMPLED,
    ]);
    expect(upstream.metas).toEqual([{ traceparent: SAMPLED }, undefined]);
  });
});

test("the context in an MCP request's `_meta` counts more than that of its HTTP exchange", async () => {
  const { service, client } = await start(pushed());
  const other = "1".repeat(32);
  const request = (meta: object) => ({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "run_script", arguments: { script: SCRIPT }, _meta: meta },
  });
  const headers = {
    traceparent: SAMPLED,
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2025-11-25",
  };
  await client.post("/mcp", request({ traceparent: `00-${other}-${CALLER}-01` }), { headers });
  await client.post("/mcp", request({ traceparent: "malformed" }), { headers });
  await service.close();
  const spans = receiver.spans();
  const ofTrace = (id: string) => spans.filter(({ traceId }) => traceId === id);
  const run = ["run", ["execute", ["tools/call meta"], ["tools/call meta"]]];
  expect(treeOf(ofTrace(other), CALLER)).toEqual([["tools/call run_script", run]]);
  expect(treeOf(ofTrace(TRACE), CALLER)).toEqual([["POST /mcp"], ["POST /mcp", ["tools/call run_script", run]]]);
  expect(named(spans, "tools/call run_script")).toMatchObject({
    kind: 2,
    attributes: { "mcp.method.name": "tools/call", "gen_ai.tool.name": "run_script", "network.transport": "tcp" },
  });
});
