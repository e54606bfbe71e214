import { afterEach, beforeEach, expect, it } from "vitest";
import type { LifecycleConfig } from "../../../src/config/config.ts";
import type { Upstream } from "../../../src/upstream/upstream.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";
import { isAlive } from "../../support/processes.ts";
import { createBench, lifecycle, patiently, textOf, until, type UpstreamBench } from "../../support/upstreams.ts";

const IDLE_MS = 300_000;

let bench: UpstreamBench;
let clock: ManualClock;
let restarted: string[];

beforeEach(() => {
  bench = createBench();
  clock = createManualClock();
  restarted = [];
});

afterEach(() => bench.close());

function create(changes: { readonly eager?: boolean; readonly lifecycle?: Partial<LifecycleConfig> } = {}): Upstream {
  const { eager = false } = changes;
  const config = bench.fixture("notes", { eager, lifecycle: lifecycle(changes.lifecycle) });
  return bench.upstream(config, { clock, onRestart: (server) => restarted.push(server) });
}

it("a server that nobody uses is stopped, keeps its list, and is started on its next use", async () => {
  const upstream = create();
  const pid = Number(await textOf(upstream, "pid"));
  clock.advance(IDLE_MS - 1);
  expect(upstream.status().state).toBe("ready");
  clock.advance(1);
  expect(upstream.status()).toMatchObject({ state: "stopped", pid: undefined, tools: 5, lastFailure: undefined });
  await until(() => !isAlive(pid));
  expect(Number(await textOf(upstream, "pid"))).not.toBe(pid);
  expect(restarted).toEqual([]);
});

it("being stopped for want of use is no failure: the next start comes at once, however often", async () => {
  const upstream = create({ lifecycle: { maxFailures: 0 } });
  for (let round = 0; round < 3; round++) {
    await textOf(upstream, "pid");
    clock.advance(IDLE_MS);
    expect(upstream.status().state).toBe("stopped");
  }
  expect(bench.started()).toBe(3);
});

it("each use puts the stop off, and the listing counts as one", async () => {
  const upstream = create();
  await upstream.tools();
  clock.advance(IDLE_MS - 1);
  await textOf(upstream, "pid");
  clock.advance(IDLE_MS - 1);
  expect(upstream.status().state).toBe("ready");
  clock.advance(1);
  expect(upstream.status().state).toBe("stopped");
});

it("a call in flight keeps its server however long it takes", async () => {
  const upstream = create();
  await upstream.tools();
  const call = upstream.callTool("wait", { ms: 60_000 }, patiently(10 * IDLE_MS));
  await until(() => bench.events().some(({ event }) => event === "tools/call"));
  clock.advance(5 * IDLE_MS);
  expect(upstream.status()).toMatchObject({ state: "ready", sessions: [{ inFlight: 1 }] });
  clock.advance(5 * IDLE_MS);
  await expect(call).rejects.toMatchObject({ code: "TOOL_TIMEOUT" });
  clock.advance(IDLE_MS);
  expect(upstream.status().state).toBe("stopped");
});

it("a server without an idle stop stays", async () => {
  const upstream = create({ lifecycle: { idleStopMs: undefined } });
  await upstream.tools();
  clock.advance(100 * IDLE_MS);
  expect(upstream.status().state).toBe("ready");
});

it("an eager server keeps one session, and loses those beside it", async () => {
  const upstream = create({ eager: true });
  await textOf(upstream, "pid", {}, { principal: "ada" });
  await textOf(upstream, "pid", {}, { principal: "bob" });
  clock.advance(IDLE_MS);
  expect(
    upstream
      .status()
      .sessions.map(({ state }) => state)
      .toSorted(),
  ).toEqual(["ready", "stopped"]);
  clock.advance(10 * IDLE_MS);
  expect(
    upstream
      .status()
      .sessions.map(({ state }) => state)
      .toSorted(),
  ).toEqual(["ready", "stopped"]);
});

it("all replicas stop together", async () => {
  const upstream = create({ lifecycle: { replicas: 2 } });
  await upstream.tools();
  await until(() => upstream.status().sessions.every(({ state }) => state === "ready"));
  clock.advance(IDLE_MS);
  expect(upstream.status().sessions.map(({ state }) => state)).toEqual(["stopped", "stopped"]);
});

it("a stop by hand leaves no wake-up behind", async () => {
  const upstream = create();
  await upstream.tools();
  await upstream.restart();
  expect(clock.pending()).toBe(0);
});
