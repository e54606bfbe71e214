import { afterEach, beforeEach, expect, it } from "vitest";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { processesWithMark } from "../support/processes.ts";
import { createBench, lifecycle, patiently, textOf, until, type UpstreamBench } from "../support/upstreams.ts";

let bench: UpstreamBench;

beforeEach(() => {
  bench = createBench();
});

afterEach(async () => {
  const { mark } = bench;
  await bench.close();
  expect(processesWithMark(mark), "processes left behind").toEqual([]);
});

/** An upstream whose replicas are all up. */
async function up(upstream: Upstream): Promise<Upstream> {
  await upstream.tools();
  await until(() => upstream.status().sessions.every(({ state }) => state === "ready"));
  return upstream;
}

function replicated(replicas: number): Upstream {
  return bench.upstream(bench.fixture("notes", { lifecycle: lifecycle({ replicas }) }));
}

it("replicas are processes of one session, all shown", async () => {
  const upstream = await up(replicated(3));
  const { sessions, pid } = upstream.status();
  expect(sessions).toHaveLength(3);
  expect(new Set(sessions.map((session) => session.pid)).size).toBe(3);
  expect(sessions.map((session) => session.pid)).toContain(pid);
  expect(bench.started()).toBe(3);
});

it("each call goes to the replica with the fewest in flight", async () => {
  const upstream = await up(replicated(3));
  const calls = Array.from({ length: 6 }, () => textOf(upstream, "wait", { ms: 200 }));
  await until(() => upstream.status().sessions.every(({ inFlight }) => inFlight === 2));
  const pids = await Promise.all(calls);
  expect(new Set(pids).size).toBe(3);
  expect(upstream.status().sessions.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
});

it("a replica that died fails its own call, is passed over, and is back on the next use", async () => {
  const upstream = await up(replicated(2));
  const other = textOf(upstream, "wait", { ms: 300 });
  await until(() => upstream.status().sessions.some(({ inFlight }) => inFlight === 1));
  await expect(upstream.callTool("die", {}, patiently())).rejects.toMatchObject({
    code: "UPSTREAM_UNAVAILABLE",
    context: { details: { sent: true } },
  });
  await until(() => upstream.status().sessions.some(({ state }) => state === "stopped"));
  expect(upstream.status().state).toBe("ready");
  expect(await textOf(upstream, "notes")).toBe("[]");
  await until(() => upstream.status().sessions.every(({ state }) => state === "ready"));
  expect(await other).toMatch(/^\d+$/u);
  expect(bench.started()).toBe(3);
});

it("a replica in back-off is skipped, and tried again when its time has come", async () => {
  const clock = createManualClock();
  const down = join(bench.folder, "down");
  const config = bench.fixture("notes", {
    env: { DOWN_WHILE: down },
    lifecycle: lifecycle({ replicas: 2, idleStopMs: undefined }),
  });
  const upstream = await up(bench.upstream(config, { clock, random: () => 1 }));
  writeFileSync(down, "");
  await expect(upstream.callTool("die", {}, patiently())).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  const states = (): readonly string[] =>
    upstream
      .status()
      .sessions.map(({ state }) => state)
      .toSorted();
  await until(() => states()[1] === "stopped");
  for (let call = 0; call < 3; call++) expect(await textOf(upstream, "notes")).toBe("[]");
  await until(() => states()[0] === "failed");
  for (let call = 0; call < 3; call++) expect(await textOf(upstream, "notes")).toBe("[]");
  expect(states()).toEqual(["failed", "ready"]);
  expect(upstream.status().state).toBe("ready");
  rmSync(down);
  clock.advance(1_000);
  expect(await textOf(upstream, "notes")).toBe("[]");
  await until(() => states()[0] === "ready");
});

it("replicas are per principal, too", async () => {
  const upstream = replicated(2);
  await textOf(upstream, "notes", {}, { principal: "ada" });
  await textOf(upstream, "notes", {}, { principal: "bob" });
  await until(() => upstream.status().sessions.filter(({ state }) => state === "ready").length === 4);
  expect(bench.started()).toBe(4);
});

it("when every replica fails to start the call is told why", async () => {
  const config = bench.fixture("exit-at-once", { lifecycle: lifecycle({ replicas: 2 }) });
  const upstream = bench.upstream(config);
  await expect(upstream.tools()).rejects.toMatchObject({
    code: "UPSTREAM_UNAVAILABLE",
    message: expect.stringContaining("exited with code 3") as string,
  });
  expect(upstream.status().state).toBe("failed");
});
