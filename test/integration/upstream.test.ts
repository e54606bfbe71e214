import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createUpstreamRegistry } from "../../src/upstream/registry.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { startModernServer, startSessionServer, type TestServer } from "../support/mcp-http-server.ts";
import { aliveInGroup, isAlive, processesWithMark } from "../support/processes.ts";
import {
  createBench,
  httpConfig,
  packageProgram,
  patiently,
  stdioConfig,
  until,
  type UpstreamBench,
} from "../support/upstreams.ts";

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

async function textOf(upstream: Upstream, tool: string, args: Record<string, unknown> = {}): Promise<unknown> {
  const { content } = await upstream.callTool(tool, args, patiently());
  return content[0]?.["text"];
}

function started(): number {
  return bench.events().filter(({ event }) => event === "started").length;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("the reference servers", () => {
  it("serves files through server-filesystem", async () => {
    writeFileSync(join(bench.folder, "note.txt"), "hello from a file");
    const program = packageProgram("@modelcontextprotocol/server-filesystem");
    const upstream = bench.upstream(stdioConfig([program, bench.folder], { name: "files" }));
    const tools = await upstream.tools();
    expect(tools).toHaveLength(14);
    expect(tools.every((tool) => tool.server === "files" && tool.outputSchema !== undefined)).toBe(true);
    expect(tools.find(({ name }) => name === "read_text_file")?.annotations?.readOnlyHint).toBe(true);
    const read = await upstream.callTool("read_text_file", { path: join(bench.folder, "note.txt") }, patiently());
    expect(read).toEqual({
      content: [{ type: "text", text: "hello from a file" }],
      structuredContent: { content: "hello from a file" },
      isError: false,
    });
  });

  it("hands on a failure of a tool that has an output schema as the tool worded it", async () => {
    const program = packageProgram("@modelcontextprotocol/server-filesystem");
    const upstream = bench.upstream(stdioConfig([program, bench.folder]));
    const result = await upstream.callTool("read_text_file", { path: "/etc/passwd" }, patiently());
    expect(result.isError).toBe(true);
    expect(String(result.content[0]?.["text"])).toContain("Access denied");
  });

  it("keeps what server-memory is told", async () => {
    const program = packageProgram("@modelcontextprotocol/server-memory");
    const env = { MEMORY_FILE_PATH: join(bench.folder, "memory.json") };
    const upstream = bench.upstream(stdioConfig([program], { env }));
    const entity = { name: "Ada", entityType: "person", observations: ["wrote programs"] };
    await upstream.callTool("create_entities", { entities: [entity] }, patiently());
    const graph = await upstream.callTool("read_graph", {}, patiently());
    expect(graph.structuredContent).toEqual({ entities: [entity], relations: [] });
  });

  it("speaks to server-everything over stdio", async () => {
    const upstream = bench.upstream(stdioConfig([packageProgram("@modelcontextprotocol/server-everything"), "stdio"]));
    expect((await upstream.tools()).length).toBeGreaterThanOrEqual(13);
    expect(await textOf(upstream, "echo", { message: "over stdio" })).toBe("Echo: over stdio");
    expect(upstream.status().protocolVersion).toBe("2025-11-25");
  });

  it("speaks to server-everything over Streamable HTTP and begins anew when that was restarted", async () => {
    const port = await freePort();
    const program = packageProgram("@modelcontextprotocol/server-everything");
    const run = async (): Promise<TestServer> => {
      const env = { ...process.env, PORT: String(port), MARK: bench.mark };
      const child = spawn(process.execPath, [program, "streamableHttp"], { env, stdio: ["ignore", "ignore", "pipe"] });
      await new Promise<void>((resolve) => child.stderr.once("data", () => resolve()));
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      const server = {
        url: `http://127.0.0.1:${port}/mcp`,
        close: async () => {
          child.kill("SIGKILL");
          await ended;
        },
      };
      servers.push(server);
      return server;
    };
    const first = await run();
    const upstream = bench.upstream(httpConfig(first.url));
    expect(await textOf(upstream, "echo", { message: "over HTTP" })).toBe("Echo: over HTTP");
    await first.close();
    await run();
    expect(await textOf(upstream, "echo", { message: "again" })).toBe("Echo: again");
    await upstream.close();
  });
});

describe("both eras of the protocol", () => {
  it("speaks 2026-07-28 with a server of the new era, in one process", async () => {
    const upstream = bench.upstream(bench.fixture("modern-sdk"));
    await upstream.tools();
    expect(upstream.status()).toMatchObject({
      state: "ready",
      protocolVersion: "2026-07-28",
      serverInfo: { name: "modern", version: "2.0.0" },
      tools: 4,
    });
    expect(await textOf(upstream, "greet")).toBe("hello");
    expect(started()).toBe(1);
  });

  it("hands on structured content that is not an object", async () => {
    const upstream = bench.upstream(bench.fixture("modern-sdk"));
    const { structuredContent } = await upstream.callTool("greet", {}, patiently());
    expect(structuredContent).toEqual([1, 2, 3]);
  });

  it("speaks 2025-11-25 with a server of the 1.x SDK, in one process", async () => {
    const upstream = bench.upstream(bench.fixture("legacy-sdk"));
    expect(await textOf(upstream, "greet")).toBe("hello");
    expect(upstream.status().protocolVersion).toBe("2025-11-25");
    expect(started()).toBe(1);
  });

  it("starts a server that dies on unknown requests a second time, and remembers", async () => {
    const upstream = bench.upstream(bench.fixture("exit-on-probe"));
    expect(await textOf(upstream, "speak")).toBe("spoken");
    expect(started()).toBe(2);
    process.kill(upstream.status().pid ?? 0, "SIGKILL");
    await until(() => upstream.status().state === "stopped");
    expect(await textOf(upstream, "speak")).toBe("spoken");
    expect(started()).toBe(3);
  });

  it("falls back to the old handshake with a server that never answers what it does not know", async () => {
    const upstream = bench.upstream(bench.fixture("deaf-to-unknown", { connectTimeoutMs: 2_000 }));
    expect(await textOf(upstream, "speak")).toBe("spoken");
    expect(started()).toBe(1);
  });

  it.each([["tiny"], ["modern-sdk"]])("lists anew when %s says that its tools changed", async (name) => {
    let changes = 0;
    const upstream = bench.upstream(bench.fixture(name), { onChange: () => (changes += 1) });
    const before = (await upstream.tools()).length;
    if (name === "modern-sdk") await until(() => bench.events().length > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const seen = changes;
    await upstream.callTool("grow", { name: "grown" }, patiently());
    await until(() => upstream.knownTools()?.length === before + 1);
    expect(upstream.knownTools()?.at(-1)?.name).toBe("grown");
    expect(changes).toBeGreaterThan(seen);
  });

  it("refuses what an old server asks of us at once, and answers its ping", async () => {
    const upstream = bench.upstream(bench.fixture("asks"));
    const answers: unknown = JSON.parse(String(await textOf(upstream, "ask")));
    const refused = (method: string) => ({
      code: -32_601,
      message: `Cannot answer ${method} as this client declares no such capability.`,
      data: { method, reason: "capability not declared" },
    });
    expect(answers).toEqual([
      refused("elicitation/create"),
      refused("sampling/createMessage"),
      refused("roots/list"),
      {},
    ]);
  });

  it("fails a call for which a new server asks input", async () => {
    const upstream = bench.upstream(bench.fixture("modern-sdk"));
    await expect(upstream.callTool("ask", {}, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_PROTOCOL",
      message:
        'Cannot call tool "ask" of server "server" as a call cannot ask its caller for input: the tool asked for some.',
      context: { details: { inputRequired: true } },
    });
  });
});

describe("a start", () => {
  it("is shared by twenty concurrent calls", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    const pids = await Promise.all(Array.from({ length: 20 }, () => textOf(upstream, "pid")));
    expect(new Set(pids).size).toBe(1);
    expect(started()).toBe(1);
  });

  it("goes on when one of its waiters leaves", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    const controller = new AbortController();
    const leaving = upstream.tools(controller.signal);
    const staying = upstream.tools();
    controller.abort(new Error("not interested"));
    await expect(leaving).rejects.toThrow("not interested");
    expect(await staying).toHaveLength(10);
    expect(started()).toBe(1);
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
    expect(started()).toBe(1);
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
    expect(upstream.status().droppedTools.map(({ name }) => name)).toEqual([
      ...["#1", "#2", "no-schema", "text-schema", "deep", "huge", "async", "good"],
    ]);
    expect(await textOf(upstream, "plain")).toBe("called");
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

describe("a call", () => {
  it("passes its arguments as they are", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    const args = JSON.parse('{"a":[1,null,{"é":"\\u2028"}],"__proto__":{"x":1},"big":9007199254740993,"":0}') as Record<
      string,
      unknown
    >;
    const { structuredContent } = await upstream.callTool("echo", args, patiently());
    expect(JSON.stringify(structuredContent)).toBe(JSON.stringify(args));
  });

  it("hands on an answer with blocks the SDK does not know", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    expect(await upstream.callTool("odd", {}, patiently())).toEqual({
      content: [{ type: "hologram", depth: 3 }],
      isError: false,
    });
  });

  it("hands on the tool's own failure", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    expect(await upstream.callTool("fail", {}, patiently())).toEqual({
      content: [{ type: "text", text: "it did not work" }],
      structuredContent: { wrong: "shape" },
      isError: true,
    });
  });

  it("fails on a JSON-RPC error and on an answer that is none", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    await expect(upstream.callTool("refuse", {}, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_PROTOCOL",
      message: 'Cannot call tool "refuse" of server "server" as the server refused it: refused by the fixture.',
      context: { tool: "refuse", details: { code: -32_602 } },
    });
    await expect(upstream.callTool("broken", {}, patiently())).rejects.toMatchObject({ code: "UPSTREAM_PROTOCOL" });
    expect(upstream.status().state).toBe("ready");
  });

  it("times out alone", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    await upstream.tools();
    const slow = upstream.callTool("sleep", { ms: 60_000 }, patiently(150));
    const beside = upstream.callTool("sleep", { ms: 400 }, patiently());
    await expect(slow).rejects.toMatchObject({
      code: "TOOL_TIMEOUT",
      message: 'Cannot wait longer for tool "sleep" of server "server" as its timeout is 150 ms: it has not answered.',
      context: { hint: "Raise mcpServers.server.timeout, or ask the tool for less." },
    });
    expect((await beside).content).toEqual([{ type: "text", text: "slept" }]);
    expect(await textOf(upstream, "echo")).toBe("{}");
    const calls = bench.events().filter(({ event }) => event === "tools/call");
    const cancelled = bench.events().filter(({ event }) => event === "notifications/cancelled");
    expect(cancelled.map(({ params }) => params)).toEqual([{ requestId: calls[0]?.["id"], reason: "timed out" }]);
    expect(started()).toBe(1);
  });

  it("that is aborted is cancelled upstream, and no other", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    await upstream.tools();
    const controller = new AbortController();
    const aborted = upstream.callTool("sleep", { ms: 60_000 }, { signal: controller.signal, timeoutMs: 60_000 });
    const other = upstream.callTool("sleep", { ms: 200 }, patiently());
    await until(() => bench.events().filter(({ event }) => event === "tools/call").length === 2);
    controller.abort(new Error("a reason that stays with us"));
    await expect(aborted).rejects.toThrow("a reason that stays with us");
    expect((await other).isError).toBe(false);
    const cancelled = bench.events().filter(({ event }) => event === "notifications/cancelled");
    expect(cancelled.map(({ params }) => (params as { reason: string }).reason)).toEqual(["cancelled by the caller"]);
  });

  it("that is aborted is cancelled in a server of the new era, too", async () => {
    const upstream = bench.upstream(bench.fixture("modern-sdk"));
    await upstream.tools();
    const controller = new AbortController();
    const aborted = upstream.callTool("sleep", {}, { signal: controller.signal, timeoutMs: 60_000 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await until(() => bench.events().some(({ event }) => event === "aborted"));
  });

  it("is not made when its signal was aborted before", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    const call = upstream.callTool("echo", {}, { signal: AbortSignal.abort(new Error("too late")), timeoutMs: 1_000 });
    await expect(call).rejects.toThrow("too late");
    expect(started()).toBe(0);
  });

  it("during which the process ends says that it was sent, and the next one works", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    await expect(upstream.callTool("crash", {}, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: 'Cannot call tool "crash" of server "server" as its connection must last: exited with code 7.',
      context: { details: { sent: true } },
    });
    expect(await textOf(upstream, "echo")).toBe("{}");
  });

  it("whose answer is over 16 MiB ends that session with the reason", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    await expect(upstream.callTool("big", { bytes: 17 * 1024 * 1024 }, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_PROTOCOL",
      message: 'Cannot read from server "server" as a message must be at most 16777216 bytes: it sent a larger one.',
    });
    expect(String(await textOf(upstream, "big", { bytes: 10_000_000 }))).toHaveLength(10_000_000);
  });

  it("of a tool that the configuration hides finds none, whatever the server has", async () => {
    const upstream = bench.upstream(bench.fixture("tiny", { allowTools: ["e*", "pid"], denyTools: ["pid"] }));
    expect((await upstream.tools()).map(({ name }) => name)).toEqual(["echo"]);
    for (const name of ["pid", "sleep"]) {
      await expect(upstream.callTool(name, {}, patiently())).rejects.toMatchObject({ code: "TOOL_NOT_FOUND" });
    }
  });
});

describe("a server over HTTP", () => {
  it.each([[404], [400]] as const)(
    "that lost our session (HTTP %i) gets one new one and the call once",
    async (lost) => {
      const server = await startSessionServer(lost);
      servers.push(server);
      const upstream = bench.upstream(httpConfig(server.url));
      expect(await textOf(upstream, "count")).toBe("1");
      server.forget();
      expect(await Promise.all([textOf(upstream, "count"), textOf(upstream, "count")])).toHaveLength(2);
      expect(server.begun).toHaveLength(2);
      expect(server.calls).toHaveLength(3);
      await upstream.close();
      expect(server.ended).toContain(server.begun[1]);
    },
  );

  it("that cuts an answer off fails the call at once and says that it was sent", async () => {
    const server = await startSessionServer(404, (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": begun\n\n");
      setTimeout(() => response.destroy(), 50);
      return true;
    });
    servers.push(server);
    const upstream = bench.upstream(httpConfig(server.url));
    await expect(upstream.callTool("count", {}, patiently(5_000))).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      context: { details: { sent: true } },
    });
  });

  it.each([["application/json"], ["text/event-stream"]])(
    "whose answer as %s is too large fails that call only",
    async (type) => {
      const server = await startSessionServer(404, (_, response) => {
        response.writeHead(200, { "content-type": type });
        const text = "x".repeat(17 * 1024 * 1024);
        const body = JSON.stringify({ jsonrpc: "2.0", id: 3, result: { content: [{ type: "text", text }] } });
        response.end(type === "application/json" ? body : `data: ${body}\n\n`);
        return true;
      });
      servers.push(server);
      const upstream = bench.upstream(httpConfig(server.url));
      await expect(upstream.callTool("count", {}, patiently())).rejects.toMatchObject({ code: "UPSTREAM_PROTOCOL" });
      expect(upstream.status().state).toBe("ready");
    },
  );

  it("that refuses calls is told apart from one that is gone", async () => {
    const server = await startSessionServer(404, (_, response) => {
      response.writeHead(503).end("busy");
      return true;
    });
    servers.push(server);
    const upstream = bench.upstream(httpConfig(server.url));
    await expect(upstream.callTool("count", {}, patiently())).rejects.toMatchObject({
      message: 'Cannot call tool "count" of server "server" as the server must accept requests: it answered HTTP 503.',
      context: { details: { sent: true } },
    });
    await server.close();
    // The connection kept open from before may notice only now, when a call was under way already.
    await expect(upstream.callTool("count", {}, patiently())).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    await expect(upstream.tools().then(() => upstream.callTool("count", {}, patiently()))).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: expect.stringContaining(
        'Cannot reach server "server" as its URL must accept connections: ECONNREFUSED.',
      ) as string,
    });
  });

  it("of the new era gets headers, mirrored arguments, and its unusable tools are left out", async () => {
    const region = { type: "string", "x-mcp-header": "Region" } as const;
    const server = await startModernServer(() => [
      { name: "mirror", inputSchema: { type: "object", properties: { region } } },
      { name: "bad", inputSchema: { type: "object", properties: { rate: { ...region, type: "number" } } } },
    ]);
    servers.push(server);
    const upstream = bench.upstream(httpConfig(server.url, { headers: { Authorization: "Bearer test-token" } }));
    expect((await upstream.tools()).map(({ name }) => name)).toEqual(["mirror"]);
    expect(upstream.status()).toMatchObject({ protocolVersion: "2026-07-28", transport: "http" });
    const { structuredContent } = await upstream.callTool("mirror", { region: "north" }, patiently());
    expect(structuredContent).toEqual({ region: "north" });
    const last = server.requests.at(-1);
    expect(last?.get("mcp-param-region")).toBe("north");
    expect(server.requests.every((headers) => headers.get("authorization") === "Bearer test-token")).toBe(true);
  });

  it("of the new era is subscribed to and told of an abort by a closed stream", async () => {
    const tools = [{ name: "wait", inputSchema: { type: "object" as const } }];
    const server = await startModernServer(() => tools);
    servers.push(server);
    const upstream = bench.upstream(httpConfig(server.url));
    expect(await upstream.tools()).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    tools.push({ name: "later", inputSchema: { type: "object" } });
    server.handler.notify.toolsChanged();
    await until(() => upstream.knownTools()?.length === 2);
    const controller = new AbortController();
    const call = upstream.callTool("wait", {}, { signal: controller.signal, timeoutMs: 60_000 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    expect(await textOf(upstream, "later")).toBe("later");
  });

  it("that wants credentials says which setting to correct", async () => {
    const server = await startSessionServer();
    servers.push(server);
    const { createServer: createHttpServer } = await import("node:http");
    const guard = createHttpServer((_, response) => response.writeHead(401).end());
    await new Promise<void>((resolve) => guard.listen(0, "127.0.0.1", () => resolve()));
    const address = guard.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const upstream = bench.upstream(httpConfig(`http://127.0.0.1:${port}/mcp`, { name: "guarded" }));
    await expect(upstream.tools()).rejects.toMatchObject({
      message: 'Cannot reach server "guarded" as it must accept our credentials: it answered HTTP 401.',
      context: { hint: "Correct headers of mcpServers.guarded." },
    });
    guard.closeAllConnections();
    await new Promise((resolve) => guard.close(resolve));
  });
});

describe("the registry", () => {
  const deps = { clock: systemClock, log: silentLog, random: () => 0.5 };

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
    expect(performance.now() - again).toBeLessThan(50);
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
    expect(started()).toBe(200);
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
      await createUpstream(config, { clock: systemClock, log: silentLog }).tools();
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
    expect(started()).toBe(1);
  });

  it("during a start ends that start", async () => {
    const upstream = bench.upstream(bench.fixture("hang"));
    const tools = upstream.tools();
    await until(() => started() === 1);
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
