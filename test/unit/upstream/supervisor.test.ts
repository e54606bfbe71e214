import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import type { RunletError } from "../../../src/lib/errors.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { Upstream } from "../../../src/upstream/upstream.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import {
  createBench,
  killProcess,
  lifecycle,
  fixturePath,
  patiently,
  stdioConfig,
  until,
  type UpstreamBench,
} from "../../support/upstreams.ts";

const STABLE_MS = 300_000;

let bench: UpstreamBench;

beforeEach(() => {
  bench = createBench();
});

afterEach(() => bench.close());

function missing(): ReturnType<typeof stdioConfig> {
  return {
    ...stdioConfig([]),
    transport: { kind: "stdio", command: "no-such-program", args: [], env: {}, cwd: undefined },
  };
}

async function failureOf(upstream: Upstream): Promise<RunletError> {
  return upstream.tools().then(
    () => Promise.reject(new Error("it started")),
    (error: unknown) => error as RunletError,
  );
}

function retryAfter(error: RunletError): unknown {
  return (error.context.details as { retryAfterMs?: number }).retryAfterMs;
}

describe("an upstream that fails to start", () => {
  it("is not tried again before its back-off, which doubles up to half a minute", async () => {
    const clock = createManualClock();
    const upstream = bench.upstream(missing(), { clock, random: () => 1 });
    const waits: unknown[] = [];
    for (let attempt = 0; attempt < 7; attempt++) {
      expect(retryAfter(await failureOf(upstream))).toBeUndefined();
      const refused = await failureOf(upstream);
      expect(refused.code).toBe("UPSTREAM_UNAVAILABLE");
      waits.push(retryAfter(refused));
      clock.advance(Number(retryAfter(refused)));
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it("tells during its back-off what went wrong and when to come again", async () => {
    const clock = createManualClock();
    const upstream = bench.upstream(missing(), { clock, random: () => 1 });
    const first = await failureOf(upstream);
    clock.advance(400);
    const { message, context } = await failureOf(upstream);
    expect(message).toBe(
      `Cannot use server "server" as it must have started: next try in 600 ms. The last one failed: ${first.message}`,
    );
    expect(context).toMatchObject({ hint: first.context.hint, details: { sent: false, retryAfterMs: 600 } });
    expect(upstream.status()).toMatchObject({
      state: "failed",
      lastFailure: { stage: "spawn", message: first.message, at: 1_700_000_000_000 },
    });
  });

  it("starts over with short waits after five minutes without a failure", async () => {
    const clock = createManualClock();
    const program = join(bench.folder, "server.mjs");
    const config = stdioConfig([program], { lifecycle: lifecycle({ idleStopMs: undefined }) });
    const upstream = bench.upstream(config, { clock, random: () => 1 });
    await failureOf(upstream);
    clock.advance(1_000);
    await failureOf(upstream);
    expect(retryAfter(await failureOf(upstream))).toBe(2_000);
    clock.advance(2_000);
    writeFileSync(program, `import ${JSON.stringify(fixturePath("tiny"))};`);
    expect(await upstream.tools()).toHaveLength(10);
    writeFileSync(program, "process.exit(1);");
    clock.advance(STABLE_MS);
    killProcess(upstream);
    await until(() => upstream.status().state === "stopped");
    await failureOf(upstream);
    expect(retryAfter(await failureOf(upstream))).toBe(1_000);
  });

  it("is tried at once after a restart", async () => {
    const clock = createManualClock();
    const upstream = bench.upstream(missing(), { clock, random: () => 1 });
    await failureOf(upstream);
    await upstream.restart();
    expect(upstream.status().state).toBe("stopped");
    expect(retryAfter(await failureOf(upstream))).toBeUndefined();
  });

  it("tells of each start after the first one", async () => {
    const restarted: string[] = [];
    const upstream = bench.upstream(bench.fixture("tiny"), { onRestart: (server) => restarted.push(server) });
    await upstream.tools();
    expect(restarted).toEqual([]);
    await upstream.restart();
    await upstream.tools();
    expect(restarted).toEqual([upstream.config.name]);
  });

  it("keeps the tools it listed when it last was well", async () => {
    const program = join(bench.folder, "server.mjs");
    writeFileSync(program, `import ${JSON.stringify(fixturePath("tiny"))};`);
    const upstream = bench.upstream(stdioConfig([program]));
    expect(upstream.knownTools()).toBeUndefined();
    await upstream.tools();
    writeFileSync(program, "process.exit(1);");
    await upstream.restart();
    await failureOf(upstream);
    expect(upstream.knownTools()).toHaveLength(10);
    expect(upstream.status()).toMatchObject({ state: "failed", tools: 10 });
  });
});

it("a server that does not start leaves what it said in the log, secrets hidden", async () => {
  const program = join(bench.folder, "server.mjs");
  writeFileSync(program, 'console.error("cannot reach db with hunter22"); process.exit(3);');
  const logged: unknown[] = [];
  const log = { ...silentLog, warn: (fields: object) => void logged.push(fields) };
  const upstream = bench.upstream(stdioConfig([program]), {
    log,
    redact: (text) => text.replaceAll("hunter22", "***"),
  });
  await failureOf(upstream);
  expect(logged).toContainEqual(expect.objectContaining({ stderr: ["cannot reach db with ***"] }));
});

describe("an upstream's status", () => {
  it("before its first use knows nothing and starts nothing", () => {
    expect(bench.upstream(bench.fixture("tiny")).status()).toEqual({
      name: "server",
      state: "stopped",
      transport: "stdio",
      tools: undefined,
      protocolVersion: undefined,
      serverInfo: undefined,
      pid: undefined,
      sessions: [],
      lastFailure: undefined,
      droppedTools: [],
      stderr: [],
    });
    expect(bench.events()).toEqual([]);
  });

  it("tells of each change of readiness once", async () => {
    const states: string[] = [];
    const upstream: Upstream = bench.upstream(bench.fixture("tiny"), {
      onChange: () => states.push(upstream.status().state),
    });
    await upstream.tools();
    await upstream.restart();
    await upstream.tools();
    await upstream.close();
    expect(states).toEqual(["starting", "ready", "stopped", "starting", "ready", "stopped"]);
  });

  it("has secrets taken out of what the server wrote", async () => {
    const redact = (text: string): string => text.replaceAll("configuration", "***");
    const upstream = bench.upstream(bench.fixture("exit-at-once"), { redact });
    await failureOf(upstream);
    expect(upstream.status().stderr).toEqual(["fixture: no *** found"]);
  });

  it("is logged when it becomes ready, with what it cannot serve", async () => {
    const lines: unknown[] = [];
    const keep = (fields: object, message: string): void => void lines.push([message, fields]);
    const log = { debug: () => undefined, info: keep, warn: keep, error: keep };
    const upstream = bench.upstream(bench.fixture("bad-tools", { name: "bad" }), { log });
    await upstream.tools();
    expect(lines).toMatchObject([
      ["MCP server is ready", { server: "bad", tools: 3, protocolVersion: "2025-11-25" }],
      ["MCP server lists unusable tools", { server: "bad" }],
    ]);
  });
});

describe("a call", () => {
  it("times out by the clock it is given", async () => {
    const clock = createManualClock();
    const upstream = bench.upstream(bench.fixture("tiny"), { clock });
    await upstream.tools();
    const call = upstream.callTool("sleep", { ms: 60_000 }, patiently(5_000));
    await until(() => bench.events().some(({ event }) => event === "tools/call"));
    clock.advance(5_000);
    await expect(call).rejects.toMatchObject({ code: "TOOL_TIMEOUT" });
    await upstream.close();
  });

  it("spends its timeout on the call and not on the start", async () => {
    const upstream = bench.upstream(bench.fixture("deaf-to-unknown", { connectTimeoutMs: 1_000 }), {
      clock: systemClock,
    });
    const { content } = await upstream.callTool("speak", {}, patiently(300));
    expect(content).toEqual([{ type: "text", text: "spoken" }]);
  });
});
