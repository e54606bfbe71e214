import { afterEach, describe, expect, test } from "vitest";
import { createCatalogSource } from "../../src/catalog/catalog-source.ts";
import type { CachePolicy } from "../../src/config/call-policies.ts";
import type { Principal } from "../../src/config/principal.ts";
import { createBreakers } from "../../src/gateway/breakers.ts";
import type { ToolCall } from "../../src/gateway/call.ts";
import { createGateway } from "../../src/gateway/gateway.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { RunletError } from "../../src/lib/errors.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createMetrics } from "../../src/observability/metrics.ts";
import { createUpstreamRegistry } from "../../src/upstream/registry.ts";
import { toolCall } from "../support/gateway-parts.ts";
import { startSessionServer } from "../support/mcp-http-server.ts";
import { processesWithMark } from "../support/processes.ts";
import { type ConfigChanges, createBench, httpConfig, until } from "../support/upstreams.ts";

const CACHE: CachePolicy = { ttlMs: 60_000, tools: undefined, maxBytes: 1_000_000, maxEntries: 100 };
const NO_WAIT = { retries: 2, baseMs: 1, maxMs: 30_000 };

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A gateway over one server that counts its calls. */
function open(changes: ConfigChanges = {}) {
  const bench = createBench();
  const registry = createUpstreamRegistry([bench.fixture("tally", { name: "tally", ...changes })], {
    clock: systemClock,
    log: silentLog,
    env: process.env,
    random: () => 0,
  });
  const metrics = createMetrics();
  const breakers = createBreakers({ clock: systemClock, log: silentLog });
  const catalogs = createCatalogSource(registry);
  const gateway = createGateway({ registry, catalogs, clock: systemClock, log: silentLog, metrics, breakers });
  cleanups.push(async () => {
    await registry.close();
    await bench.close();
    await until(() => processesWithMark(bench.mark).length === 0);
  });
  const call = (tool: string, args: ToolCall["arguments"] = {}, change: Partial<ToolCall> = {}) =>
    gateway.call(toolCall("tally", tool, { arguments: args, ...change }));
  const failure = (...args: Parameters<typeof call>) =>
    call(...args).then(
      ({ value }) => expect.fail(`went well: ${JSON.stringify(value)}`),
      (error: unknown) => error as RunletError,
    );
  const calls = (tool: string) =>
    bench.events().filter((event) => event.event === "call" && event["tool"] === tool).length;
  const state = () => registry.list().map((upstream) => breakers.stateOf(upstream))[0];
  return { bench, registry, metrics, call, failure, calls, state };
}

const as = (id: string): Partial<ToolCall> => ({ principal: { id, access: {}, admin: false } satisfies Principal });

describe("the cache over a real server", () => {
  test("answers the second read itself, and to each principal what its own call got", async () => {
    const { call, calls, metrics } = open({ cache: CACHE });
    const ada = await call("read", { a: 1, b: 2 }, as("ada"));
    const bob = await call("read", { a: 1, b: 2 }, as("bob"));
    expect([ada.value, bob.value]).toMatchObject([{ call: 1 }, { call: 2 }]);
    for (const [id, first] of [["ada", ada] as const, ["bob", bob] as const]) {
      expect(await call("read", { b: 2, a: 1 }, as(id))).toEqual({ ...first, outcome: "cached" });
    }
    expect(calls("read")).toBe(2);
    expect(metrics.render()).toContain('runlet_gateway_cache_total{result="hit"} 2');
    expect(metrics.render()).toContain('runlet_gateway_cache_total{result="miss"} 2');
    expect(metrics.render()).toContain('runlet_gateway_calls_total{server="tally",tool="read",outcome="cached"} 2');
  });

  test("never answers for a tool that writes, nor with a failure", async () => {
    const { call, failure, calls } = open({ cache: CACHE });
    for (let time = 0; time < 2; time++) {
      await call("write");
      expect((await failure("fail")).code).toBe("TOOL_FAILED");
    }
    expect([calls("write"), calls("fail")]).toEqual([2, 2]);
  });

  test("answers while the server is gone", async () => {
    const { call, registry } = open({ cache: CACHE });
    const first = await call("read");
    await registry.close();
    expect((await call("read")).value).toEqual(first.value);
  });
});

describe("coalescing over a real server", () => {
  test("makes exactly one call of 100 identical reads", async () => {
    const { call, calls } = open();
    await call("read");
    const answers = await Promise.all(Array.from({ length: 100 }, () => call("slow", { ms: 100 })));
    expect(new Set(answers.map(({ value }) => value))).toEqual(new Set(["call 1"]));
    expect(calls("slow")).toBe(1);
  });

  test("makes one call for each principal", async () => {
    const { call, calls } = open();
    await call("read");
    const answers = await Promise.all(["ada", "bob", "ada", "bob"].map((id) => call("slow", { ms: 100 }, as(id))));
    expect(calls("slow")).toBe(2);
    expect(answers[0]?.value).toBe(answers[2]?.value);
    expect(answers[1]?.value).toBe(answers[3]?.value);
  });

  test("goes on for those who wait when the first has given up", async () => {
    const { call, failure, calls } = open();
    await call("read");
    const controller = new AbortController();
    const first = failure("slow", { ms: 200 }, { signal: controller.signal });
    const second = call("slow", { ms: 200 });
    await until(() => calls("slow") === 1);
    controller.abort();
    expect((await first).code).toBe("RUN_CANCELLED");
    expect((await second).value).toBe("call 1");
  });

  test("sends each write on its own", async () => {
    const { call, calls } = open();
    await Promise.all(Array.from({ length: 10 }, () => call("write")));
    expect(calls("write")).toBe(10);
  });

  test("can be off", async () => {
    const { call, calls } = open({ coalesce: false });
    await Promise.all(Array.from({ length: 10 }, () => call("slow", { ms: 10 })));
    expect(calls("slow")).toBe(10);
  });
});

describe("a server over HTTP that limits its requests", () => {
  /** Turns the first calls away. @returns The outcome of one call, and how many were carried out. */
  async function callThrough(refusals: number, retryAfter: string) {
    let left = refusals;
    const server = await startSessionServer(404, (_, response) => {
      if (left-- <= 0) return false;
      response.writeHead(429, { "retry-after": retryAfter }).end("slow down");
      return true;
    });
    const config = { ...httpConfig(server.url, { name: "limits", retry: NO_WAIT }) };
    const registry = createUpstreamRegistry([config], {
      clock: systemClock,
      log: silentLog,
      env: process.env,
      random: () => 0,
    });
    cleanups.push(async () => {
      await registry.close();
      await server.close();
    });
    const breakers = createBreakers({ clock: systemClock, log: silentLog });
    const catalogs = createCatalogSource(registry);
    const gateway = createGateway({ registry, catalogs, clock: systemClock, log: silentLog, breakers });
    const outcome = await gateway.call(toolCall("limits", "count")).then(
      ({ value }) => value,
      (error: unknown) => (error as RunletError).context.details,
    );
    const [upstream] = registry.list();
    return { outcome, calls: server.calls.length, circuit: upstream && breakers.stateOf(upstream) };
  }

  test("gets a call again that it turned away, also one that changes something, when it asked for it", async () => {
    expect(await callThrough(2, "0")).toEqual({ outcome: "1", calls: 1, circuit: "closed" });
  });

  test("that asks for a longer wait than a call takes, is told to the caller, and is not taken for sick", async () => {
    const { outcome, calls, circuit } = await callThrough(1, "3600");
    expect(outcome).toEqual({ sent: false, reason: "refused", retryAfterMs: 3_600_000 });
    expect([calls, circuit]).toEqual([0, "closed"]);
  });
});

describe("retries over a real server", () => {
  test.each(["crashRead", "crashRepeatable"])("%s is called again until the server stays up", async (tool) => {
    const { call, calls, bench } = open({ retry: NO_WAIT });
    expect((await call(tool, { times: 2 })).value).toBe("call 3");
    expect([calls(tool), bench.started()]).toEqual([3, 3]);
  });

  test("a write that may have happened is never called again", async () => {
    const { failure, calls } = open({ retry: NO_WAIT });
    expect(await failure("crashWrite", { times: 1 })).toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      context: { details: { sent: true } },
    });
    expect(calls("crashWrite")).toBe(1);
  });

  test("a read that keeps crashing its server ends after three attempts", async () => {
    const { failure, calls, metrics } = open({ retry: NO_WAIT });
    expect((await failure("crashRead", { times: 99 })).code).toBe("UPSTREAM_UNAVAILABLE");
    expect(calls("crashRead")).toBe(3);
    expect(metrics.render()).toContain('runlet_gateway_retries_total{server="tally"} 2');
  });
});

describe("the breaker over a real server", () => {
  const BREAKER = { failures: 3, errorRate: 1, minCalls: 1_000, windowMs: 60_000, openMs: 100 };
  const retry = { ...NO_WAIT, retries: 0 };

  test("opens for time-outs and closes after a probe that went well", async () => {
    const { call, failure, calls, state } = open({ breaker: BREAKER, retry, callTimeoutMs: 300 });
    await call("read");
    for (let time = 0; time < 3; time++) expect((await failure("never")).code).toBe("TOOL_TIMEOUT");
    await until(() => state() === "half-open");
    await call("read");
    expect([state(), calls("never")]).toEqual(["closed", 3]);
  });

  test("stays open as long as it is to, and sends nothing", async () => {
    const { failure, calls, state, metrics } = open({ breaker: { ...BREAKER, openMs: 60_000 }, retry });
    for (let time = 0; time < 3; time++) await failure("crashRead", { times: 99 });
    expect(state()).toBe("open");
    expect(await failure("read")).toMatchObject({
      code: "UPSTREAM_CIRCUIT_OPEN",
      context: { server: "tally", tool: "read", details: { reason: "breaker open" } },
    });
    expect([calls("crashRead"), calls("read")]).toEqual([3, 0]);
    expect(metrics.render()).toContain('runlet_gateway_rejected_total{reason="breaker_open",scope="server"} 1');
  });

  test("does not open for tools that say they failed", async () => {
    const { failure, state, calls } = open({ breaker: BREAKER, retry });
    for (let time = 0; time < 10; time++) expect((await failure("fail")).code).toBe("TOOL_FAILED");
    expect([state(), calls("fail")]).toEqual(["closed", 10]);
  });

  test("one principal's five time-outs leave another served", async () => {
    const breaker = { ...BREAKER, failures: 5, openMs: 60_000 };
    const { call, failure, state, calls } = open({ breaker, retry, callTimeoutMs: 300 });
    await call("read", {}, as("bob"));
    for (let time = 0; time < 5; time++) expect((await failure("never", {}, as("ada"))).code).toBe("TOOL_TIMEOUT");
    await until(() => state() === "open");
    expect((await failure("read", {}, as("ada"))).code).toBe("UPSTREAM_CIRCUIT_OPEN");
    expect((await call("read", {}, as("bob"))).outcome).toBe("ok");
    expect([state(), calls("never"), calls("read")]).toEqual(["open", 5, 2]);
  });

  test("a crash with eight calls in flight is one failure", async () => {
    const { call, failure, state, calls } = open({ breaker: BREAKER, retry });
    await call("read");
    for (const crash of [1, 2, 3]) {
      const hit = Array.from({ length: 8 }, (_, index) => failure("slow", { ms: 60_000 + index }));
      await until(() => calls("slow") === 8 * crash);
      const all = [failure("crashWrite", { times: 99 }), ...hit];
      expect(new Set((await Promise.all(all)).map(({ code }) => code))).toEqual(new Set(["UPSTREAM_UNAVAILABLE"]));
      expect(state()).toBe(crash < 3 ? "closed" : "open");
    }
  });
});
