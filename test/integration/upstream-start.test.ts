import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { processesWithMark } from "../support/processes.ts";
import {
  createBench,
  packageProgram,
  patiently,
  stdioConfig,
  textOf,
  until,
  type UpstreamBench,
} from "../support/upstreams.ts";

let bench: UpstreamBench;

beforeEach(() => {
  bench = createBench();
});

afterEach(async () => {
  const { mark } = bench;
  await bench.close();
  expect(processesWithMark(mark), "processes left behind").toEqual([]);
});

describe("a start", () => {
  it("is shared by twenty concurrent calls", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    const pids = await Promise.all(Array.from({ length: 20 }, () => textOf(upstream, "pid")));
    expect(new Set(pids).size).toBe(1);
    expect(bench.started()).toBe(1);
  });

  it("goes on when one of its waiters leaves", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    const controller = new AbortController();
    const leaving = upstream.tools(controller.signal);
    const staying = upstream.tools();
    controller.abort(new Error("not interested"));
    await expect(leaving).rejects.toThrow("not interested");
    expect(await staying).toHaveLength(10);
    expect(bench.started()).toBe(1);
  });

  it("happens anew on the next call after the process was killed", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    const first = Number(await textOf(upstream, "pid"));
    process.kill(first, "SIGKILL");
    await until(() => upstream.status().state === "stopped");
    expect(upstream.status()).toMatchObject({
      pid: undefined,
      lastFailure: { stage: "call", message: "was ended by SIGKILL" },
    });
    const second = Number(await textOf(upstream, "pid"));
    expect(second).not.toBe(first);
    expect(upstream.status()).toMatchObject({ state: "ready", pid: second });
  });

  it("fails when the handshake hangs, ends the process and backs off", async () => {
    const upstream = bench.upstream(bench.fixture("hang", { connectTimeoutMs: 300 }));
    await expect(upstream.tools()).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: 'Cannot use server "server" as it must finish the handshake within 300 ms: it has not answered.',
      context: { hint: "Raise mcpServers.server.connectTimeout, or repair the server.", details: { sent: false } },
    });
    expect(upstream.status()).toMatchObject({ state: "failed", lastFailure: { stage: "handshake" }, tools: undefined });
    await expect(upstream.tools()).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      context: { details: { sent: false, retryAfterMs: expect.any(Number) as number } },
    });
    await until(() => processesWithMark(bench.mark).length === 0);
    expect(bench.started()).toBe(1);
  });

  it("that takes no input and ends a moment later is told by how it ended, with its last words", async () => {
    const script = "fs.closeSync(0); setTimeout(() => { console.error('my last words'); process.exit(3); }, 300)";
    const upstream = bench.upstream(stdioConfig(["-e", script], { env: { MARK: bench.mark } }));
    await expect(upstream.tools()).rejects.toThrow(
      "its process must stay up through the handshake: it exited with code 3",
    );
    expect(upstream.status().stderr).toContain("my last words");
  });

  it("fails with how the process ended, and keeps its last words", async () => {
    const upstream = bench.upstream(bench.fixture("exit-at-once"));
    await expect(upstream.callTool("any", {}, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: 'Cannot start server "server" as its process must stay up through the handshake: it exited with code 3.',
      context: { details: { sent: false } },
    });
    expect(upstream.status()).toMatchObject({ state: "failed", stderr: ["fixture: no configuration found"] });
  });

  it("fails for a program that does not exist without telling where it was looked for", async () => {
    const config = bench.fixture("tiny");
    const transport = {
      kind: "stdio",
      command: "/somewhere/no-such-program",
      args: [],
      env: {},
      cwd: undefined,
    } as const;
    const upstream = bench.upstream({ ...config, transport });
    await expect(upstream.tools()).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message:
        'Cannot start server "server" as its command must be an executable file on the PATH: ' +
        'current value is "no-such-program" (ENOENT).',
    });
    expect(upstream.status().lastFailure?.stage).toBe("spawn");
  });

  it("says of a program that writes something else to stdout what may be wrong", async () => {
    const upstream = bench.upstream(bench.fixture("garbage", { connectTimeoutMs: 300 }));
    await expect(upstream.tools()).rejects.toMatchObject({
      context: { hint: expect.stringContaining("not the protocol") as string },
    });
    expect(upstream.status().stderr).toContain("[stdout] Welcome to the fixture!");
  });

  it("passes over log lines on stdout", async () => {
    const upstream = bench.upstream(bench.fixture("noisy"));
    expect(await textOf(upstream, "speak")).toBe("spoken");
    expect(await textOf(upstream, "speak")).toBe("spoken");
  });

  it("fails when the server connects and then does not list", async () => {
    const upstream = bench.upstream(bench.fixture("list-fails"));
    await expect(upstream.tools()).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: 'Cannot start server "server" as it must list its tools: the fixture cannot list.',
    });
    expect(upstream.status()).toMatchObject({ state: "failed", lastFailure: { stage: "list" } });
  });

  it("leaves out malformed tools and serves the others", async () => {
    const upstream = bench.upstream(bench.fixture("bad-tools"));
    expect((await upstream.tools()).map(({ name }) => name)).toEqual(["good", "plain", "last"]);
    expect(upstream.status().droppedTools.map(({ name }) => name)).toEqual(
      "#1 #2 no-schema text-schema deep huge async good".split(" "),
    );
    expect(await textOf(upstream, "plain")).toBe("called");
  });

  it("tells the log which globs fit no tool of the server", async () => {
    const told: unknown[] = [];
    const none = (): void => {};
    const log = { debug: none, info: none, error: none, warn: (fields: object) => void told.push(fields) };
    const config = { ...bench.fixture("tiny"), allowTools: ["echo", "ecko"], denyTools: ["!crash"] };
    const upstream = bench.upstream(config, { log });
    expect((await upstream.tools()).map(({ name }) => name)).toEqual(["echo"]);
    expect(told).toEqual([{ server: "server", globs: ["allow ecko", "deny !crash"] }]);
  });

  it("stops reading a list whose pages run in a circle", async () => {
    const upstream = bench.upstream(bench.fixture("bad-tools", { env: { PAGING: "circle" } }));
    expect((await upstream.tools()).map(({ name }) => name)).toEqual(["page-1", "page-2", "page-3"]);
    expect(upstream.status().droppedTools).toEqual([
      { name: "*", reason: "its pages run in a circle: reading stopped there" },
    ]);
  });

  it("stops reading a list that never ends", async () => {
    const upstream = bench.upstream(bench.fixture("bad-tools", { env: { PAGING: "endless" } }));
    expect(await upstream.tools()).toHaveLength(1_001);
    expect(upstream.status().droppedTools).toEqual([{ name: "*", reason: "only the first 1000 pages are read" }]);
  });

  it("gives the process no variable of ours but the allow-listed ones", async () => {
    const env = { ...process.env, RUNLET_TEST_SECRET: "do not pass on" };
    const upstream = bench.upstream(stdioConfig([packageProgram("@modelcontextprotocol/server-everything"), "stdio"]), {
      env,
    });
    const variables: unknown = JSON.parse(String(await textOf(upstream, "get-env")));
    expect(variables).toHaveProperty("PATH");
    expect(variables).not.toHaveProperty("RUNLET_TEST_SECRET");
  });
});
