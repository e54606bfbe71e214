import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { createUpstreamRegistry } from "../../../src/upstream/registry.ts";
import type { UpstreamRegistry } from "../../../src/upstream/upstream.ts";
import { createBench, type ConfigChanges, type UpstreamBench } from "../../support/upstreams.ts";

let bench: UpstreamBench;
let registry: UpstreamRegistry | undefined;

beforeEach(() => {
  bench = createBench();
});

afterEach(async () => {
  await registry?.close();
  registry = undefined;
  await bench.close();
});

function create(...servers: readonly (readonly [fixture: string, changes: ConfigChanges])[]): UpstreamRegistry {
  registry = createUpstreamRegistry(
    servers.map(([fixture, changes]) => bench.fixture(fixture, changes)),
    { clock: systemClock, log: silentLog, env: process.env, random: () => 1 },
  );
  return registry;
}

async function timed(action: Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await action;
  return performance.now() - startedAt;
}

const HANGING = ["hang", { name: "hanging", connectTimeoutMs: 1_500 }] as const;

describe("settle", () => {
  it("waits for the connect timeout when there is nothing else to wait for", async () => {
    const tookMs = await timed(create(HANGING).settle());
    expect(tookMs).toBeGreaterThanOrEqual(1_400);
    expect(registry?.get("hanging")?.status().state).toBe("failed");
  });

  it("costs the grace time for a server that hangs beside one that is ready", async () => {
    const all = create(["tiny", { name: "good" }], HANGING);
    await all.settle({ names: ["good"] });
    const tookMs = await timed(all.settle({ graceMs: 300 }));
    expect(tookMs).toBeGreaterThanOrEqual(290);
    expect(tookMs).toBeLessThan(1_400);
  });

  it("costs nothing once every server is ready or has failed", async () => {
    const all = create(["tiny", { name: "good" }], ["exit-at-once", { name: "dead" }]);
    await all.settle({ graceMs: 5_000 });
    expect(all.list().map((upstream) => upstream.status().state)).toEqual(["ready", "failed"]);
    expect(await timed(all.settle())).toBeLessThan(5_000);
  });

  it("does not start a failed server again, nor one that is not asked for", async () => {
    const all = create(["exit-at-once", { name: "dead" }], ["tiny", { name: "other" }]);
    await all.settle({ names: ["dead"] });
    await all.settle({ names: ["dead", "unknown"] });
    expect(bench.events().filter(({ event }) => event === "started").length).toBeLessThanOrEqual(2);
    expect(all.get("other")?.status().state).toBe("stopped");
  });

  it("ends with the signal's reason when nobody wants to wait any more", async () => {
    const controller = new AbortController();
    const settling = create(HANGING).settle({ signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(settling).rejects.toThrow("enough");
    await expect(registry?.settle({ signal: controller.signal })).rejects.toThrow("enough");
  });
});

describe("the registry", () => {
  it("has its servers in the order of the configuration", () => {
    const all = create(["tiny", { name: "b" }], ["tiny", { name: "a" }]);
    expect(all.list().map(({ config }) => config.name)).toEqual(["b", "a"]);
    expect(all.get("a")?.config.name).toBe("a");
    expect([all.get("c"), all.get("constructor")]).toEqual([undefined, undefined]);
  });

  it("counts its version up with each change and tells until it is told to stop", async () => {
    const all = create(["tiny", { name: "a" }]);
    const versions: number[] = [];
    const stop = all.onChange(() => versions.push(all.version));
    expect(all.version).toBe(0);
    await all.settle();
    expect(versions).toEqual([1, 2]);
    stop();
    stop();
    await all.get("a")?.restart();
    expect(versions).toEqual([1, 2]);
    expect(all.version).toBe(3);
  });

  it("closes twice and starts nothing afterwards", async () => {
    const all = create(["tiny", { name: "a", eager: true }]);
    await Promise.all([all.close(), all.close()]);
    await all.settle();
    await expect(all.get("a")?.tools()).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  });
});

describe("apply", () => {
  it("keeps what is the same, exchanges what is not, and tells of it once", async () => {
    const { clock, log } = { clock: systemClock, log: silentLog };
    const [same, other, gone] = ["same", "other", "gone"].map((name) => bench.fixture("tiny", { name }));
    if (same === undefined || other === undefined || gone === undefined) throw new Error("three were made");
    const reloadable = createUpstreamRegistry([same, other, gone], { clock, log, env: process.env });
    registry = reloadable;
    const before = reloadable.list();
    let told = 0;
    reloadable.onChange(() => (told += 1));
    const fresh = bench.fixture("tiny", { name: "fresh" });
    const next = [{ ...same }, { ...other, concurrency: 3 }, fresh];
    expect(reloadable.apply(next, 0)).toEqual({ added: ["fresh"], changed: ["other"], removed: ["gone"] });
    expect([told, reloadable.version]).toEqual([1, 1]);
    expect(reloadable.list().map((upstream) => before.includes(upstream))).toEqual([true, false, false]);
    expect(reloadable.get("gone")).toBeUndefined();
    expect(reloadable.apply(next, 0)).toEqual({ added: [], changed: [], removed: [] });
    expect(told).toBe(1);
    await reloadable.close();
    expect(reloadable.apply([gone], 0)).toEqual({ added: [], changed: [], removed: [] });
  });

  it("starts a new one that is eager, and ends one that is gone with its process", async () => {
    const reloadable = createUpstreamRegistry([bench.fixture("tiny", { name: "old", eager: true })], {
      clock: systemClock,
      log: silentLog,
      env: process.env,
    });
    registry = reloadable;
    await expect.poll(() => reloadable.get("old")?.status().state).toBe("ready");
    const old = reloadable.get("old");
    reloadable.apply([bench.fixture("tiny", { name: "new", eager: true })], 5_000);
    await expect.poll(() => reloadable.get("new")?.status().state, { timeout: 10_000 }).toBe("ready");
    await expect.poll(() => old?.status().pid, { timeout: 10_000 }).toBeUndefined();
  });
});
