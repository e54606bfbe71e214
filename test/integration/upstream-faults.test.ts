import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileURLToPath } from "node:url";
import type { UpstreamConfig } from "../../src/config/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createUpstreamRegistry } from "../../src/upstream/registry.ts";
import type { Upstream, UpstreamRegistry } from "../../src/upstream/upstream.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { startSessionServer, type SessionServer } from "../support/mcp-http-server.ts";
import { aliveInGroup, isAlive, processesWithMark } from "../support/processes.ts";
import {
  createBench,
  httpConfig,
  killProcess,
  lifecycle,
  patiently,
  textOf,
  until,
  type UpstreamBench,
} from "../support/upstreams.ts";

const STDERR_LINES = 100;
const STDERR_LINE_BYTES = 8 * 1024;

let bench: UpstreamBench;
let registry: UpstreamRegistry | undefined;
let server: SessionServer | undefined;

beforeEach(() => {
  bench = createBench();
});

afterEach(async () => {
  const { mark } = bench;
  await registry?.close();
  await bench.close();
  await server?.close();
  registry = undefined;
  server = undefined;
  expect(processesWithMark(mark), "processes left behind").toEqual([]);
});

/** A server that costs next to nothing, so that there can be many. */
function mini(name: string, changes: { readonly tree?: boolean } = {}): UpstreamConfig {
  const config = bench.fixture("tiny", { name });
  const script = fileURLToPath(new URL("../fixtures/servers/mini.sh", import.meta.url));
  const env = { MARK: bench.mark, ...(changes.tree === true && { TREE: "1" }) };
  // A shell around it, as npx and its like put one.
  const args = ["-c", 'sh "$0"; exit $?', script];
  return { ...config, transport: { kind: "stdio", command: "sh", args, env, cwd: undefined } };
}

function callsSeen(tool: string): number {
  const isCall = ({ event, params }: { event: string; params?: unknown }): boolean =>
    event === "tools/call" && (params as { name: string }).name === tool;
  return bench.events().filter(isCall).length;
}

describe("a process that", () => {
  it("is killed fails what it was doing, says that it was sent, and the next call has a new one", async () => {
    const upstream = bench.upstream(bench.fixture("notes"));
    const calls = [1, 2, 3].map(() => upstream.callTool("wait", {}, patiently()));
    await until(() => callsSeen("wait") === 3);
    const killed = killProcess(upstream);
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({
        status: "rejected",
        reason: {
          code: "UPSTREAM_UNAVAILABLE",
          message: 'Cannot call tool "wait" of server "server" as its connection must last: was ended by SIGKILL.',
          context: { server: "server", tool: "wait", details: { sent: true } },
        },
      });
    }
    expect(upstream.knownTools()).toHaveLength(5);
    expect(Number(await textOf(upstream, "pid"))).not.toBe(killed);
    expect(callsSeen("wait"), "calls that were sent are not made again").toBe(3);
  });

  it("hangs fails calls by their timeout, and is ended all the same", { timeout: 30_000 }, async () => {
    const upstream = bench.upstream(bench.fixture("notes"));
    await upstream.tools();
    const { pid = 0 } = upstream.status();
    expect(pid).toBeGreaterThan(1);
    process.kill(pid, "SIGSTOP");
    await expect(upstream.callTool("notes", {}, patiently(200))).rejects.toMatchObject({ code: "TOOL_TIMEOUT" });
    expect(upstream.status()).toMatchObject({ state: "ready", pid });
    await upstream.restart();
    expect(processesWithMark(bench.mark)).toEqual([]);
    expect(await textOf(upstream, "notes")).toBe("[]");
  });

  it("hangs and goes on is used on, its late answers going nowhere", async () => {
    const upstream = bench.upstream(bench.fixture("notes"));
    await upstream.tools();
    const { pid = 0 } = upstream.status();
    process.kill(pid, "SIGSTOP");
    await expect(textOf(upstream, "note", { text: "late" }, { timeoutMs: 200 })).rejects.toMatchObject({
      code: "TOOL_TIMEOUT",
    });
    process.kill(pid, "SIGCONT");
    expect(await textOf(upstream, "notes")).toBe('["late"]');
    expect(bench.started()).toBe(1);
  });

  it("floods stderr is not held up, and only its last words are kept", { timeout: 60_000 }, async () => {
    const upstream = bench.upstream(bench.fixture("faulty"));
    const flooding = textOf(upstream, "flood", { mib: 100 }, { timeoutMs: 60_000 });
    await until(() => upstream.status().stderr.length === STDERR_LINES);
    expect(await textOf(upstream, "pid")).toBe(String(upstream.status().pid));
    expect(await flooding).toBe("flooded");
    const { stderr } = upstream.status();
    expect(stderr).toHaveLength(STDERR_LINES);
    expect(stderr.every((line) => Buffer.byteLength(line) <= STDERR_LINE_BYTES)).toBe(true);
  });

  it("writes garbage around its answers is understood all the same", async () => {
    const upstream = bench.upstream(bench.fixture("faulty"));
    const answers = await Promise.all([1, 2, 3].map(() => textOf(upstream, "garble")));
    expect(answers).toEqual(["garbled", "garbled", "garbled"]);
    expect(upstream.status().state).toBe("ready");
    expect(bench.started()).toBe(1);
  });

  it("changes its tools keeps calls in flight, and a call of a tool that is gone is refused by it", async () => {
    const upstream = bench.upstream(bench.fixture("faulty"));
    const running = textOf(upstream, "wait", { ms: 300 });
    await until(() => callsSeen("wait") === 1);
    expect(await textOf(upstream, "change", { to: ["wait"] })).toBe("changed");
    await until(() => upstream.knownTools()?.length === 1);
    await expect(textOf(upstream, "pid")).rejects.toMatchObject({
      code: "UPSTREAM_PROTOCOL",
      message: expect.stringContaining("no tool pid any more") as string,
    });
    expect(await running).toBe("waited");
  });
});

describe("a hundred servers", () => {
  it("started at once all answer, and leave nothing behind", { timeout: 60_000 }, async () => {
    const names = Array.from({ length: 100 }, (_, index) => `mini-${index}`);
    const deps = { clock: systemClock, log: silentLog, env: process.env };
    registry = createUpstreamRegistry(
      names.map((name) => mini(name)),
      deps,
    );
    const all = registry.list();
    const pids = await Promise.all(all.map((upstream) => textOf(upstream, "pid")));
    expect(new Set(pids).size).toBe(100);
    expect(all.every((upstream) => upstream.status().state === "ready")).toBe(true);
    await registry.close();
    expect(processesWithMark(bench.mark)).toEqual([]);
  });

  it("of which one never answers are listed after the grace time, without it", async () => {
    const clock = createManualClock();
    const names = Array.from({ length: 9 }, (_, index) => `mini-${index}`);
    const configs = [bench.fixture("hang", { name: "dead" }), ...names.map((name) => mini(name))];
    registry = createUpstreamRegistry(configs, { clock, log: silentLog, env: process.env });
    let settled = false;
    const settling = registry.settle({ graceMs: 100 }).then(() => (settled = true));
    await until(() => registry?.list().filter((upstream) => upstream.knownTools() !== undefined).length === 9);
    clock.advance(99);
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(false);
    clock.advance(1);
    await settling;
    expect(registry.get("dead")?.status().state).toBe("starting");
    const listed = registry.list().filter((upstream) => upstream.knownTools() !== undefined);
    expect(listed.map(({ config }) => config.name)).toEqual(names);
  });
});

describe("fifty starts and stops", () => {
  it("of a server below a wrapper leave neither child nor grandchild", { timeout: 60_000 }, async () => {
    const below = (upstream: Upstream): readonly number[] => aliveInGroup(upstream.status().pid ?? 0);
    const cycle = async (upstream: Upstream): Promise<void> => {
      await textOf(upstream, "pid");
      const tree = below(upstream);
      expect(tree.length, "the wrapper, the server and its child").toBe(3);
      await upstream.restart();
      expect(tree.filter(isAlive)).toEqual([]);
    };
    const upstreams = Array.from({ length: 10 }, () => bench.upstream(mini("mini", { tree: true })));
    for (let round = 0; round < 5; round++) await Promise.all(upstreams.map(cycle));
    expect(processesWithMark(bench.mark)).toEqual([]);
  });
});

describe("a session that was lost", () => {
  it("under twenty calls is begun anew once, and each call is made once", async () => {
    server = await startSessionServer();
    const upstream = bench.upstream(httpConfig(server.url, { lifecycle: lifecycle({ sharing: "shared" }) }));
    expect(await textOf(upstream, "count")).toBe("1");
    server.forget();
    const answers = await Promise.all(Array.from({ length: 20 }, () => textOf(upstream, "count")));
    expect(answers.map(Number).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 2));
    expect(server.begun).toHaveLength(2);
    expect(server.calls).toHaveLength(21);
    expect(server.calls.slice(1).every((session) => session === server?.begun[1])).toBe(true);
  });

  it("is begun anew once for each principal that had one", async () => {
    server = await startSessionServer();
    const upstream = bench.upstream(httpConfig(server.url));
    const round = () =>
      Promise.all(
        Array.from({ length: 20 }, (_, index) => textOf(upstream, "count", {}, { principal: `p${index % 2}` })),
      );
    await round();
    server.forget();
    await round();
    expect(server.begun).toHaveLength(4);
    expect(server.calls).toHaveLength(40);
    expect(new Set(server.calls.slice(20))).toEqual(new Set(server.begun.slice(2)));
  });

  it("again and again fails the call instead of trying for ever", async () => {
    const lossy = await startSessionServer(404, () => {
      lossy.forget();
      return false;
    });
    server = lossy;
    const upstream = bench.upstream(httpConfig(lossy.url));
    expect(await textOf(upstream, "count")).toBe("1");
    expect(await textOf(upstream, "count")).toBe("2");
    expect(lossy.begun).toHaveLength(2);
    expect(upstream.status().state).toBe("ready");
  });
});
