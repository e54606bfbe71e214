import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createUpstreamRegistry } from "../../src/upstream/registry.ts";
import { aliveInGroup, isAlive, processesWithMark } from "../support/processes.ts";
import { createBench, patiently, textOf, until, type UpstreamBench } from "../support/upstreams.ts";

let bench: UpstreamBench;

beforeEach(() => {
  bench = createBench();
});

afterEach(async () => {
  const { mark } = bench;
  await bench.close();
  expect(processesWithMark(mark), "processes left behind").toEqual([]);
});

describe("the registry", () => {
  const deps = { clock: systemClock, log: silentLog, env: process.env, random: () => 0.5 };

  it("is not held up by servers that hang or are dead", async () => {
    const registry = createUpstreamRegistry(
      [
        bench.fixture("tiny", { name: "good" }),
        bench.fixture("hang", { name: "hanging", connectTimeoutMs: 8_000 }),
        bench.fixture("exit-at-once", { name: "dead" }),
      ],
      deps,
    );
    const startedAt = performance.now();
    let goodAt = 0;
    const good = registry.get("good");
    registry.onChange(() => {
      if (goodAt === 0 && good?.status().state === "ready") goodAt = performance.now() - startedAt;
    });
    await registry.settle();
    const took = performance.now() - startedAt;
    expect(good?.knownTools()).toHaveLength(10);
    expect(took).toBeLessThan(Math.max(goodAt, 1_000) + 1_000);
    expect(registry.get("hanging")?.status().state).toBe("starting");
    const again = performance.now();
    expect(await good?.tools()).toHaveLength(10);
    expect(performance.now() - again).toBeLessThan(2_000);
    await registry.close();
    expect(registry.list().map((upstream) => upstream.status().state)).toEqual(["stopped", "stopped", "stopped"]);
  });

  it("begins eager servers by itself and tells of each change", async () => {
    const registry = createUpstreamRegistry(
      [bench.fixture("tiny", { name: "eager", eager: true }), bench.fixture("tiny", { name: "lazy" })],
      deps,
    );
    let told = 0;
    const stop = registry.onChange(() => (told += 1));
    await until(() => registry.get("eager")?.status().state === "ready");
    expect(registry.get("lazy")?.status().state).toBe("stopped");
    expect(registry.version).toBeGreaterThan(0);
    stop();
    const before = told;
    await registry.settle({ names: ["lazy"] });
    expect(registry.get("lazy")?.status().state).toBe("ready");
    expect(told).toBe(before);
    expect(registry.get("unknown")).toBeUndefined();
    await registry.close();
  });
});

describe("an end", () => {
  it("leaves neither child nor grandchild after two hundred starts", { timeout: 240_000 }, async () => {
    const cycle = async (): Promise<void> => {
      const upstream = bench.upstream(bench.fixture("tiny"));
      await upstream.tools();
      const pid = upstream.status().pid ?? 0;
      expect(pid).toBeGreaterThan(1);
      await upstream.close();
      expect(aliveInGroup(pid)).toEqual([]);
    };
    for (let round = 0; round < 50; round++) await Promise.all([cycle(), cycle(), cycle(), cycle()]);
    expect(bench.started()).toBe(200);
    expect(processesWithMark(bench.mark)).toEqual([]);
  });

  it("takes the server's own children along", async () => {
    const upstream = bench.upstream(bench.fixture("tree"));
    const child = Number(await textOf(upstream, "child"));
    expect(isAlive(child)).toBe(true);
    await upstream.close();
    expect(isAlive(child)).toBe(false);
  });

  it("by a crash takes the server's own children along", async () => {
    const upstream = bench.upstream(bench.fixture("tree"));
    const child = Number(await textOf(upstream, "child"));
    await expect(upstream.callTool("crash", {}, patiently())).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    await until(() => !isAlive(child));
  });

  it("of our own process takes every server along, even one that ignores every request to stop", async () => {
    const program = `
      import { createUpstream } from ${JSON.stringify(new URL("../../src/upstream/supervisor.ts", import.meta.url).href)};
      import { systemClock } from ${JSON.stringify(new URL("../../src/lib/clock.ts", import.meta.url).href)};
      import { silentLog } from ${JSON.stringify(new URL("../../src/lib/log.ts", import.meta.url).href)};
      const config = ${JSON.stringify(bench.fixture("tree", { env: { STUBBORN: "1" } }))};
      await createUpstream(config, { clock: systemClock, log: silentLog, env: process.env }).tools();
      process.exit(5);
    `;
    const folder = join(bench.folder, "host");
    mkdirSync(folder);
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
      cwd: folder,
      stdio: "inherit",
    });
    const code = await new Promise((resolve) => child.once("exit", resolve));
    expect(code).toBe(5);
    expect(bench.events().map(({ event }) => event)).toContain("child");
    await until(() => processesWithMark(bench.mark).length === 0);
  });

  it("may come twice, and nothing starts after it", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    await upstream.tools();
    await Promise.all([upstream.close(), upstream.close()]);
    await expect(upstream.tools()).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect(upstream.status()).toMatchObject({ state: "stopped", pid: undefined });
    expect(bench.started()).toBe(1);
  });

  it("during a start ends that start", async () => {
    const upstream = bench.upstream(bench.fixture("hang"));
    const tools = upstream.tools();
    await until(() => bench.started() === 1);
    const [outcome] = await Promise.allSettled([tools, upstream.close()]);
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "UPSTREAM_UNAVAILABLE" } });
    expect(upstream.status().state).toBe("stopped");
  });

  it("by restart leads to a new process on next use", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    const first = await textOf(upstream, "pid");
    await upstream.restart();
    expect(upstream.status().state).toBe("stopped");
    expect(await textOf(upstream, "pid")).not.toBe(first);
  });
});
