import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createUpstreamRegistry } from "../../src/upstream/registry.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { startModernServer, startSessionServer, type TestServer } from "../support/mcp-http-server.ts";
import { isAlive, processesWithMark } from "../support/processes.ts";
import {
  createBench,
  httpConfig,
  lifecycle,
  patiently,
  textOf,
  until,
  type UpstreamBench,
} from "../support/upstreams.ts";

const ADA = { principal: "ada" };
const BOB = { principal: "bob" };

let bench: UpstreamBench;
const servers: TestServer[] = [];

beforeEach(() => {
  bench = createBench();
});

afterEach(async () => {
  const { mark } = bench;
  await bench.close();
  for (const server of servers.splice(0)) await server.close();
  expect(processesWithMark(mark), "processes left behind").toEqual([]);
});

function notes(changes: Parameters<typeof lifecycle>[0] = {}): Upstream {
  return bench.upstream(bench.fixture("notes", { lifecycle: lifecycle(changes) }));
}

async function read(upstream: Upstream, caller: { principal: string; runId?: string }): Promise<unknown> {
  return JSON.parse(String(await textOf(upstream, "notes", {}, caller)));
}

describe("a server that keeps state", () => {
  it("never shows one principal what another left there", async () => {
    const upstream = notes();
    await Promise.all([
      textOf(upstream, "note", { text: "ada's" }, { ...ADA, runId: "1" }),
      textOf(upstream, "note", { text: "bob's" }, { ...BOB, runId: "2" }),
    ]);
    expect(await read(upstream, { ...ADA, runId: "3" })).toEqual(["ada's"]);
    expect(await read(upstream, { ...BOB, runId: "4" })).toEqual(["bob's"]);
    expect(await read(upstream, { principal: "eve" })).toEqual([]);
    expect(bench.started()).toBe(3);
  });

  it("is one warm process for one principal, its listing and all its runs", async () => {
    const upstream = notes();
    await upstream.tools();
    expect(upstream.status().sessions).toMatchObject([{ owner: "none", state: "ready" }]);
    await textOf(upstream, "note", { text: "first" }, { ...ADA, runId: "1" });
    upstream.releaseRun("1");
    expect(await read(upstream, { ...ADA, runId: "2" })).toEqual(["first"]);
    expect(upstream.status().sessions).toMatchObject([{ owner: "principal", state: "ready", inFlight: 0 }]);
    expect(bench.started()).toBe(1);
  });

  it("shared per run keeps its state within a run, and nothing beyond it", async () => {
    const upstream = notes({ sharing: "perRun" });
    const [first, second] = [
      { ...ADA, runId: "1" },
      { ...ADA, runId: "2" },
    ];
    await textOf(upstream, "note", { text: "kept" }, first);
    expect(await read(upstream, first)).toEqual(["kept"]);
    expect(await read(upstream, second)).toEqual([]);
    const pid = Number(await textOf(upstream, "pid", {}, first));
    upstream.releaseRun("1");
    await until(() => !isAlive(pid));
    expect(upstream.status()).toMatchObject({ state: "ready", sessions: [{ owner: "run" }] });
    upstream.releaseRun("2");
    upstream.releaseRun("never was");
    expect(upstream.status()).toMatchObject({ state: "stopped", sessions: [], tools: 5 });
    expect(await read(upstream, first)).toEqual([]);
  });

  it("shared per run gives each call without a run a process of its own, which ends with it", async () => {
    const upstream = notes({ sharing: "perRun" });
    await textOf(upstream, "note", { text: "gone" }, ADA);
    expect(await read(upstream, ADA)).toEqual([]);
    await until(() => processesWithMark(bench.mark).length === 0);
    expect(upstream.status().sessions).toEqual([]);
    expect(bench.started()).toBe(2);
  });

  it("is shared by all where the operator says so", async () => {
    const upstream = notes({ sharing: "shared" });
    await upstream.tools();
    await textOf(upstream, "note", { text: "for all" }, ADA);
    expect(await read(upstream, BOB)).toEqual(["for all"]);
    expect(upstream.status().sessions).toMatchObject([{ owner: "shared" }]);
    expect(bench.started()).toBe(1);
  });

  it("lets go of what a run kept through the registry, whichever server it is", async () => {
    const configs = ["a", "b"].map((name) =>
      bench.fixture("notes", { name, lifecycle: lifecycle({ sharing: "perRun" }) }),
    );
    const registry = createUpstreamRegistry(configs, { clock: systemClock, log: silentLog, env: process.env });
    for (const upstream of registry.list()) await textOf(upstream, "note", { text: "x" }, { ...ADA, runId: "1" });
    registry.releaseRun("1");
    await until(() => processesWithMark(bench.mark).length === 0);
    await registry.close();
  });
});

describe("a server over HTTP", () => {
  it("that keeps no state is shared by all", async () => {
    const server = await startModernServer(() => [{ name: "greet", inputSchema: { type: "object" } }]);
    servers.push(server);
    const upstream = bench.upstream(httpConfig(server.url));
    await Promise.all([textOf(upstream, "greet", {}, ADA), textOf(upstream, "greet", {}, BOB)]);
    expect(upstream.status().sessions).toMatchObject([{ owner: "shared", state: "ready" }]);
  });

  it("that keeps sessions gives each principal one, the first of them the one that listed", async () => {
    const server = await startSessionServer();
    servers.push(server);
    const upstream = bench.upstream(httpConfig(server.url));
    await Promise.all([textOf(upstream, "count", {}, ADA), textOf(upstream, "count", {}, BOB)]);
    await Promise.all([textOf(upstream, "count", {}, ADA), textOf(upstream, "count", {}, BOB)]);
    expect(server.begun).toHaveLength(2);
    expect(new Set(server.calls).size).toBe(2);
    expect(upstream.status().sessions).toMatchObject([{ owner: "principal" }, { owner: "principal" }]);
  });
});

describe("as many sessions as may be", () => {
  it("make room for another by ending the idle one that was used longest ago", async () => {
    const upstream = notes({ maxSessions: 2 });
    const pid = Number(await textOf(upstream, "pid", {}, ADA));
    await textOf(upstream, "note", { text: "bob's" }, BOB);
    await textOf(upstream, "pid", {}, { principal: "eve" });
    await until(() => !isAlive(pid));
    expect(await read(upstream, BOB)).toEqual(["bob's"]);
    expect(upstream.status().sessions).toHaveLength(2);
  });

  it("refuse another while all are in use, and say what to do", async () => {
    const upstream = notes({ maxSessions: 1 });
    const controller = new AbortController();
    const busy = upstream.callTool("wait", {}, { ...patiently(60_000), ...ADA, signal: controller.signal });
    await until(() => upstream.status().sessions[0]?.inFlight === 1);
    await expect(textOf(upstream, "pid", {}, BOB)).rejects.toMatchObject({
      code: "UPSTREAM_OVERLOADED",
      message: 'Cannot begin a session with server "server" as it may have 1 at once: current value is 1 in use.',
      context: { hint: "Try again when calls have ended, or raise mcpServers.server.maxSessions." },
    });
    controller.abort(new Error("enough"));
    await expect(busy).rejects.toThrow("enough");
    expect(await textOf(upstream, "pid", {}, BOB)).toMatch(/^\d+$/u);
  });

  it("are kept while their runs go on, also between calls", async () => {
    const upstream = notes({ maxSessions: 1, sharing: "perRun" });
    await textOf(upstream, "note", { text: "kept" }, { ...ADA, runId: "1" });
    await expect(textOf(upstream, "pid", {}, { ...ADA, runId: "2" })).rejects.toMatchObject({
      code: "UPSTREAM_OVERLOADED",
    });
    expect(await read(upstream, { ...ADA, runId: "1" })).toEqual(["kept"]);
    upstream.releaseRun("1");
    expect(await read(upstream, { ...ADA, runId: "2" })).toEqual([]);
  });
});
