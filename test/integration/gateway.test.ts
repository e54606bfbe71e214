import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createCatalogSource } from "../../src/catalog/catalog-source.ts";
import type { UpstreamConfig } from "../../src/config/config.ts";
import type { ToolCall } from "../../src/gateway/call.ts";
import { createGateway } from "../../src/gateway/gateway.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { RunletError } from "../../src/lib/errors.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createMetrics } from "../../src/observability/metrics.ts";
import { createUpstreamRegistry } from "../../src/upstream/registry.ts";
import { toolCall } from "../support/gateway-parts.ts";
import { processesWithMark } from "../support/processes.ts";
import { createBench, packageProgram, stdioConfig, until } from "../support/upstreams.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "runlet-gateway-")));
const mark = `gateway-${process.pid}-${performance.now()}`;

const official = (name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  stdioConfig([packageProgram(`@modelcontextprotocol/server-${name}`), ...args], {
    name,
    callTimeoutMs: 20_000,
    env: { MARK: mark, ...env },
  });

function open(configs: readonly UpstreamConfig[]) {
  const registry = createUpstreamRegistry(configs, { clock: systemClock, log: silentLog, env: process.env });
  const metrics = createMetrics();
  const catalogs = createCatalogSource(registry);
  const gateway = createGateway({ registry, catalogs, clock: systemClock, log: silentLog, metrics });
  const call = async (server: string, tool: string, args: ToolCall["arguments"], change: Partial<ToolCall> = {}) =>
    (await gateway.call(toolCall(server, tool, { arguments: args, ...change }))).value;
  const failure = (...args: Parameters<typeof call>) =>
    call(...args).then(
      (value) => expect.fail(`went well: ${JSON.stringify(value)}`),
      (error: unknown) => error as RunletError,
    );
  return { registry, metrics, call, failure };
}

describe("the gateway over the official servers", () => {
  let gateway: ReturnType<typeof open>;

  beforeAll(() => {
    writeFileSync(join(folder, "a.txt"), "hello");
    gateway = open([
      official("filesystem", [folder]),
      official("memory", [], { MEMORY_FILE_PATH: join(folder, "memory.jsonl") }),
      official("everything", ["stdio"]),
    ]);
  });

  afterAll(async () => {
    await gateway.registry.close();
    rmSync(folder, { recursive: true, force: true });
    await until(() => processesWithMark(mark).length === 0);
  });

  test("starts a server for its first call and gives structured content", async () => {
    expect(gateway.registry.get("filesystem")?.knownTools()).toBeUndefined();
    expect(await gateway.call("filesystem", "read_text_file", { path: join(folder, "a.txt") })).toEqual({
      content: "hello",
    });
  });

  test("keeps a server's state between calls", async () => {
    const entity = { name: "Ada", entityType: "person", observations: ["counts"] };
    await gateway.call("memory", "create_entities", { entities: [entity] });
    expect(await gateway.call("memory", "read_graph", {})).toEqual({ entities: [entity], relations: [] });
  });

  test("gives text as a string and mixed content as blocks", async () => {
    expect(await gateway.call("everything", "echo", { message: "hi" })).toBe("Echo: hi");
    const blocks = (await gateway.call("everything", "get-tiny-image", {})) as { readonly type: string }[];
    expect(blocks.map(({ type }) => type)).toEqual(["text", "image", "text"]);
  });

  test("throws a tool's own error with its text", async () => {
    const error = await gateway.failure("filesystem", "read_text_file", { path: "/etc/hostname" });
    expect(error).toMatchObject({ code: "TOOL_FAILED", context: { server: "filesystem", tool: "read_text_file" } });
    expect(error.message).toContain("Access denied");
  });

  test("refuses wrong arguments before the server sees them, with the expected call", async () => {
    const error = await gateway.failure("everything", "get-sum", { a: "1", c: 2 });
    expect(error.code).toBe("TOOL_ARGUMENTS_INVALID");
    expect(error.context.details).toMatchObject({
      problems: expect.arrayContaining([
        { pointer: "/b", message: "is required: expected number (given, but not known: c)" },
        { pointer: "/a", message: 'must be number: current value is "1"' },
      ]),
    });
    expect(error.context.hint).toMatch(/^Call it as mcp\.everything\.getSum\(/u);
  });

  test("suggests the nearest tools for a wrong name", async () => {
    const error = await gateway.failure("filesystem", "readTextFiles", {});
    expect(error.code).toBe("TOOL_NOT_FOUND");
    expect(error.context.details).toMatchObject({ nearest: expect.arrayContaining(["filesystem.read_text_file"]) });
  });

  test("keeps a principal that may only read from writing", async () => {
    const principal = { id: "reader", access: { classes: ["read"] }, admin: false } as const;
    const path = join(folder, "b.txt");
    const denied = await gateway.failure("filesystem", "write_file", { path, content: "x" }, { principal });
    expect(denied.code).toBe("TOOL_NOT_FOUND");
    const missing = await gateway.failure("filesystem", "read_text_file", { path }, { principal });
    expect(missing.code).toBe("TOOL_FAILED");
  });

  test("takes the operator's word on a tool's class over the server's own", async () => {
    const config = { ...official("filesystem", [folder]), classes: new Map([["read_text_file", "write"]] as const) };
    const judged = open([{ ...config, name: "judged" }]);
    const principal = { id: "reader", access: { classes: ["read"] }, admin: false } as const;
    const path = join(folder, "a.txt");
    try {
      expect((await judged.failure("judged", "read_text_file", { path }, { principal })).code).toBe("TOOL_NOT_FOUND");
      expect(await judged.call("judged", "get_file_info", { path }, { principal })).toBeTypeOf("object");
    } finally {
      await judged.registry.close();
    }
  });

  test("refuses an answer over the limit", async () => {
    const error = await gateway.failure("everything", "echo", { message: "x".repeat(1_000) }, { maxResultBytes: 999 });
    expect(error.code).toBe("TOOL_RESULT_TOO_LARGE");
  });

  test("makes calls in parallel", async () => {
    const startedMs = performance.now();
    const once = () => gateway.call("everything", "trigger-long-running-operation", { duration: 0.5, steps: 1 });
    await Promise.all(Array.from({ length: 8 }, once));
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  test("cancels one call and lets the others of the server be", async () => {
    const controller = new AbortController();
    const slow = gateway.failure(
      "everything",
      "trigger-long-running-operation",
      { duration: 10, steps: 10 },
      { signal: controller.signal },
    );
    const other = gateway.call("everything", "trigger-long-running-operation", { duration: 0.3, steps: 1 });
    setTimeout(() => controller.abort(), 50);
    expect((await slow).code).toBe("RUN_CANCELLED");
    expect(await other).toContain("completed");
  });

  test("counts calls by server, tool and outcome", () => {
    const text = gateway.metrics.render();
    expect(text).toContain('runlet_gateway_calls_total{server="everything",tool="get-sum",outcome="error"} 1');
    expect(text).toContain('runlet_gateway_calls_total{server="filesystem",tool="write_file",outcome="denied"} 1');
    expect(text).toContain('runlet_gateway_rejected_total{reason="access",scope="principal"} 1');
  });
});

describe("the gateway over servers that misbehave", () => {
  const cleanUps: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  });

  function setup(...configs: readonly ((bench: ReturnType<typeof createBench>) => UpstreamConfig)[]) {
    const bench = createBench();
    const opened = open(configs.map((config) => config(bench)));
    cleanUps.push(async () => {
      await opened.registry.close();
      await bench.close();
      await until(() => processesWithMark(bench.mark).length === 0);
    });
    return { ...opened, bench };
  }

  test("says that a server cannot start, why, and what to do, and serves the others", async () => {
    const { failure, call } = setup(
      (bench) => bench.fixture("exit-at-once", { name: "broken" }),
      (bench) => bench.fixture("tiny", { name: "tiny" }),
    );
    const error = await failure("broken", "anything", {});
    expect(error).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", context: { server: "broken", tool: "anything" } });
    expect(error.message).toMatch(/^Cannot call broken\.anything as its MCP server must be running: .*broken/u);
    expect(error.context.hint).toContain("mcpServers.broken");
    expect(await call("tiny", "echo", { text: "still here" })).toEqual({ text: "still here" });
  });

  test("times one slow call out alone, names the key to raise, and cancels it at the server", async () => {
    const { failure, call, bench } = setup((bench) => bench.fixture("tiny", { name: "tiny", callTimeoutMs: 300 }));
    const pid = await call("tiny", "pid", {});
    const slow = failure("tiny", "sleep", { ms: 5_000 });
    expect(await call("tiny", "echo", { text: "quick" })).toEqual({ text: "quick" });
    const error = await slow;
    expect(error.code).toBe("TOOL_TIMEOUT");
    expect(error.context.hint).toContain("mcpServers.tiny.timeout");
    expect(await call("tiny", "pid", {})).toEqual(pid);
    expect(bench.events().filter(({ event }) => event === "notifications/cancelled")).toHaveLength(1);
  });

  test("sheds what a server's queue cannot take", async () => {
    const { failure, call } = setup((bench) => bench.fixture("tiny", { name: "tiny", concurrency: 1, queueLimit: 1 }));
    await call("tiny", "pid", {});
    const first = call("tiny", "sleep", { ms: 300 });
    const second = call("tiny", "sleep", { ms: 1 });
    const third = await failure("tiny", "sleep", { ms: 1 });
    expect(third).toMatchObject({ code: "UPSTREAM_OVERLOADED", context: { details: { reason: "queue full" } } });
    await Promise.all([first, second]);
  });
});
