import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { UpstreamConfig } from "../../src/config/config.ts";
import { startSseServer, type SseServer } from "../support/mcp-sse-server.ts";
import {
  createBench,
  httpConfig,
  patiently,
  textOf,
  type ConfigChanges,
  type UpstreamBench,
} from "../support/upstreams.ts";

let bench: UpstreamBench;
const servers: SseServer[] = [];

beforeEach(() => {
  bench = createBench();
});

afterEach(async () => {
  await bench.close();
  for (const server of servers.splice(0)) await server.close();
});

async function start(...intercept: Parameters<typeof startSseServer>): Promise<SseServer> {
  const server = await startSseServer(...intercept);
  servers.push(server);
  return server;
}

function sseConfig(
  { url }: SseServer,
  changes: ConfigChanges = {},
  headers: Record<string, string> = {},
): UpstreamConfig {
  return { ...httpConfig(url, changes), transport: { kind: "http", url, headers, sse: true } };
}

describe("a server of event streams", () => {
  it("keeps one session for all calls, and says what it speaks", async () => {
    const server = await start();
    const upstream = bench.upstream(sseConfig(server));
    expect(await textOf(upstream, "count")).toBe("1");
    expect(await Promise.all([textOf(upstream, "count"), textOf(upstream, "count")])).toEqual(["2", "3"]);
    expect(server.sessions.size).toBe(1);
    expect(upstream.status()).toMatchObject({ state: "ready", transport: "http" });
    expect(upstream.sharesSessions).toBe(false);
    await upstream.close();
    await expect.poll(() => server.sessions.size).toBe(0);
  });

  it("is found out where the configuration does not say what it speaks", async () => {
    const server = await start();
    const upstream = bench.upstream(httpConfig(server.url));
    expect(await textOf(upstream, "count")).toBe("1");
    expect(await textOf(upstream, "count")).toBe("2");
    expect(upstream.status()).toMatchObject({ state: "ready", protocolVersion: expect.any(String) as string });
  });

  it("is not looked for where the configuration says that it speaks another", async () => {
    const server = await start();
    const upstream = bench.upstream({
      ...httpConfig(server.url),
      transport: { kind: "http", url: server.url, headers: {}, sse: false },
    });
    await expect(upstream.tools()).rejects.toThrow("its URL must answer MCP requests: it answered HTTP 404");
    expect(server.sessions.size).toBe(0);
  });

  it("that there is none of is told by the answer to what it should speak", async () => {
    const server = await start((response) => {
      response.writeHead(410).end();
      return true;
    });
    const upstream = bench.upstream(httpConfig(server.url));
    await expect(upstream.tools()).rejects.toThrow("its URL must answer MCP requests: it answered HTTP 404");
  });

  it("gets the headers of the configuration with the stream and with each message", async () => {
    const server = await start();
    const upstream = bench.upstream(sseConfig(server, {}, { Authorization: "Bearer for-the-server" }));
    await textOf(upstream, "count");
    expect(server.requests.length).toBeGreaterThan(3);
    expect(new Set(server.requests.map(({ authorization }) => authorization))).toEqual(
      new Set(["Bearer for-the-server"]),
    );
  });

  it("that breaks its stream off fails the calls in flight at once, and the next one has another session", async () => {
    const server = await start();
    const upstream = bench.upstream(sseConfig(server));
    await textOf(upstream, "count");
    const call = upstream.callTool("wait", {}, patiently(20_000));
    const failure = expect(call).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      context: { details: { sent: true } },
    });
    await expect.poll(() => server.calls).toContain("wait");
    server.drop();
    await failure;
    await expect
      .poll(
        async () => {
          try {
            return await textOf(upstream, "count");
          } catch {
            return "not yet";
          }
        },
        { timeout: 10_000 },
      )
      .toBe("1");
    expect(server.calls.filter((name) => name === "wait")).toHaveLength(1);
  });

  it("that lost our session gets one new one, and the call once", async () => {
    const server = await start();
    const upstream = bench.upstream(sseConfig(server));
    expect(await textOf(upstream, "count")).toBe("1");
    server.forget();
    expect(await textOf(upstream, "count")).toBe("1");
    expect(server.calls).toEqual(["count", "count"]);
  });

  it("is told when a call is given up, and goes on with others", async () => {
    const server = await start();
    const upstream = bench.upstream(sseConfig(server));
    await expect(upstream.callTool("wait", {}, { ...patiently(), timeoutMs: 200 })).rejects.toMatchObject({
      code: "TOOL_TIMEOUT",
    });
    expect(await textOf(upstream, "count")).toBe("1");
    expect(server.sessions.size).toBe(1);
  });

  it("that sends too much at once costs its session, not our memory", async () => {
    const server = await start();
    const upstream = bench.upstream(sseConfig(server));
    await expect(upstream.callTool("big", { bytes: 17 * 1024 ** 2 }, patiently(20_000))).rejects.toMatchObject({
      code: expect.stringMatching(/^UPSTREAM_/u) as string,
    });
  });

  it.each([
    ["names another origin", "event: endpoint\ndata: http://127.0.0.2:1/messages?sessionId=1\n\n"],
    ["never names an address", ": nothing\n\n"],
    ["ends before it names one", undefined],
  ])("that %s is not used", async (_what, first) => {
    const server = await start((response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      if (first === undefined) response.end();
      else response.write(first);
      return true;
    });
    const upstream = bench.upstream(sseConfig(server, { connectTimeoutMs: 1_000 }));
    await expect(upstream.tools()).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect(server.calls).toEqual([]);
  });

  it.each([
    [403, {}, "UPSTREAM_UNAVAILABLE", "handshake", "403"],
    [401, { authorization: "Bearer of-somebody" }, "UPSTREAM_UNAVAILABLE", "handshake", "401"],
    [401, {}, "UPSTREAM_NEEDS_AUTH", "auth", "runlet auth login"],
  ])("that answers %i to headers %j is told by it", async (status, headers, code, stage, told) => {
    const server = await start((response) => {
      response.writeHead(status).end("who are you");
      return true;
    });
    const upstream = bench.upstream(sseConfig(server, {}, headers));
    await expect(upstream.tools()).rejects.toMatchObject({ code });
    expect(upstream.status().lastFailure).toMatchObject({ stage, message: expect.stringContaining(told) as string });
  });
});
