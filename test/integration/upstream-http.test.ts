import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startModernServer, startSessionServer, type TestServer } from "../support/mcp-http-server.ts";
import { processesWithMark } from "../support/processes.ts";
import { createBench, httpConfig, patiently, textOf, until, type UpstreamBench } from "../support/upstreams.ts";

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

  it.each([
    [429, "3", { sent: false, reason: "refused", retryAfterMs: 3_000 }],
    [429, undefined, { sent: false, reason: "refused" }],
    [429, "soon", { sent: false, reason: "refused" }],
    [429, "Thu, 01 Jan 1970 00:00:00 GMT", { sent: false, reason: "refused", retryAfterMs: 0 }],
    [503, "999999999", { sent: true, retryAfterMs: 86_400_000 }],
  ])("that answers %i with Retry-After %j is known to be busy, and for how long", async (status, after, details) => {
    const server = await startSessionServer(404, (_, response) => {
      response.writeHead(status, after === undefined ? {} : { "retry-after": after });
      response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_000, message: "busy" } }));
      return true;
    });
    servers.push(server);
    const upstream = bench.upstream(httpConfig(server.url));
    await expect(upstream.callTool("count", {}, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      context: { details },
    });
    expect(upstream.status().state).toBe("ready");
    expect(server.begun).toHaveLength(1);
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
    const call = upstream.callTool("wait", {}, { ...patiently(60_000), signal: controller.signal });
    await new Promise((resolve) => setTimeout(resolve, 100));
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    expect(await textOf(upstream, "later")).toBe("later");
  });

  it.each([
    [
      "and is given none says that somebody must log in",
      {},
      'Cannot use server "guarded" as somebody must log in to it: it asks for an access token, and nobody has logged in. Run `runlet auth login guarded`.',
      "Run `runlet auth login guarded` where the service has its configuration; it goes on by itself then. Where it takes a key instead, write it in headers of mcpServers.guarded.",
    ],
    [
      "and is given wrong ones says which setting to correct",
      { authorization: "Bearer of-somebody" },
      'Cannot reach server "guarded" as it must accept our credentials: it answered HTTP 401.',
      "Correct headers of mcpServers.guarded.",
    ],
  ])("that wants credentials %s", async (_what, headers, message, hint) => {
    const guard = createServer((_, response) => response.writeHead(401).end());
    await new Promise<void>((resolve) => guard.listen(0, "127.0.0.1", () => resolve()));
    const address = guard.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const upstream = bench.upstream(httpConfig(`http://127.0.0.1:${port}/mcp`, { name: "guarded", headers }));
    await expect(upstream.tools()).rejects.toMatchObject({
      message,
      context: { hint },
    });
    guard.closeAllConnections();
    await new Promise((resolve) => guard.close(resolve));
  });
});
