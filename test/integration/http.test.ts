import { connect, type Socket } from "node:net";
import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createApp } from "../../src/http/app.ts";
import type { HttpDeps } from "../../src/http/deps.ts";
import { listen, type Listener } from "../../src/http/server.ts";
import { fakeDeps, FakeRuns, postJson, readJson } from "../unit/http/fakes.ts";

let listeners: Listener[] = [];
let sockets: Socket[] = [];
let unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  process.on("unhandledRejection", onUnhandled);
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(listeners.map((listener) => listener.close(0)));
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
  [listeners, sockets, unhandled] = [[], [], []];
});

async function serve(parts: Partial<HttpDeps> = {}) {
  const runs = new FakeRuns();
  runs.endAtOnce = false;
  const deps = fakeDeps({ runs, ...parts });
  const listener = await listen(createApp(deps), { host: "127.0.0.1", port: 0, log: deps.log });
  listeners.push(listener);
  return { runs, deps, listener, url: listener.url };
}

/** Sends bytes as they are and gives everything that comes back until the server closes. */
async function exchange(port: number, ...pieces: string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  let received = "";
  socket.setEncoding("utf8").on("data", (text: string) => (received += text));
  const closed = new Promise((resolve) => socket.once("close", resolve).on("error", resolve));
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await closed;
  return received;
}

describe("over a real connection", () => {
  test("a run is posted and answered", async () => {
    const { runs, url, deps } = await serve();
    runs.endAtOnce = true;
    const answer = await fetch(`${url}/run`, postJson({ script: "return 42" }));
    expect(answer.status).toBe(200);
    expect(await readJson(answer)).toMatchObject({ status: "succeeded", result: 42 });
    expect(deps.log.lines).toMatchObject([{ level: "info", fields: { route: "/run", status: 200 } }]);
  });

  test("a connection is kept longer than callers and proxies keep theirs, and they are told", async () => {
    const { url } = await serve();
    const answer = await fetch(`${url}/healthz`);
    expect(answer.headers.get("keep-alive")).toBe("timeout=75");
  });

  test("the global Request and Response stay those of Node", async () => {
    const before = [globalThis.Request, globalThis.Response];
    await serve();
    expect([globalThis.Request, globalThis.Response]).toEqual(before);
  });

  test("a client that hangs up cancels the run it waits for", async () => {
    const { runs, url, deps } = await serve();
    const client = new AbortController();
    const pending = fetch(`${url}/run`, { ...postJson({ script: "1" }), signal: client.signal });
    await expect.poll(() => runs.waits.length).toBe(1);
    client.abort();
    await expect(pending).rejects.toThrow();
    await expect.poll(() => runs.cancelled).toEqual(["run_1"]);
    await expect.poll(() => deps.log.lines.some(({ message }) => message === "request")).toBe(true);
    expect(deps.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("a client that hangs up cancels the call of a tool", async () => {
    const { deps, url } = await serve();
    deps.gateway.answer = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    const client = new AbortController();
    const body = postJson({ server: "files", tool: "read_file" });
    const pending = fetch(`${url}/invoke`, { ...body, signal: client.signal });
    await expect.poll(() => deps.gateway.calls.length).toBe(1);
    client.abort();
    await expect(pending).rejects.toThrow();
    await expect.poll(() => deps.gateway.calls[0]?.signal.aborted).toBe(true);
    await expect.poll(() => deps.log.lines.at(-1)?.fields["status"]).toBe(499);
  });

  test("events arrive as they happen, and the watch ends when the client goes", async () => {
    const { runs, url } = await serve();
    const client = new AbortController();
    const init = postJson({ script: "1" }, { accept: "text/event-stream" });
    const answer = await fetch(`${url}/run`, { ...init, signal: client.signal });
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    const reader = answer.body?.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
    expect((await reader?.read())?.value).toContain("event: queued");
    runs.emit("run_1", { type: "started" });
    expect((await reader?.read())?.value).toContain("event: started");
    expect(runs.watching).toBe(1);
    client.abort();
    await expect.poll(() => [runs.watching, ...runs.cancelled]).toEqual([0, "run_1"]);
  });

  test("a client that reads nothing makes the events wait", async () => {
    let made = 0;
    const { url, runs, listener } = await serve();
    await (await fetch(`${url}/run`, postJson({ script: "1", mode: "queue" }))).text();
    const text = "x".repeat(64 * 1_024);
    runs.watch = async function* () {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        yield { id: (made += 1), atMs: 0, type: "log", line: { level: "info", atMs: 0, text } };
      }
    };
    const socket = connect(listener.port, "127.0.0.1");
    sockets.push(socket);
    socket.pause();
    socket.write(`GET /runs/run_1/events HTTP/1.1\r\nHost: 127.0.0.1:${listener.port}\r\n\r\n`);
    await expect.poll(() => made).toBeGreaterThan(0);
    let before = -1;
    await expect.poll(() => before === (before = made), { interval: 200, timeout: 10_000 }).toBe(true);
    expect(made).toBeLessThan(500);
  });
});

describe("the listener guards itself", () => {
  test("by the port it really has", async () => {
    const { url, listener } = await serve();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`http://localhost:${listener.port}/healthz`)).status).toBe(200);
    const foreign = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: `rebound.example:${listener.port}` };
      const asked = httpRequest(`${url}/healthz`, { headers, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on("error", reject).end();
    });
    expect(foreign).toBe(403);
  });

  test("against a target that names another host than the Host header", async () => {
    const { listener } = await serve();
    const target = "http://rebound.example/healthz";
    const host = `127.0.0.1:${listener.port}`;
    const answer = await exchange(
      listener.port,
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 403 /u);
  });

  test("against a Host header that makes no URL", async () => {
    const { listener } = await serve();
    const answer = await exchange(listener.port, "GET / HTTP/1.1\r\nHost: a b<c\r\nConnection: close\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 400 /u);
    expect(answer).toContain("application/problem+json");
    expect(answer).toContain("REQUEST_INVALID");
  });

  test("against a chunked body over the limit, before it has all arrived", async () => {
    const { listener, deps } = await serve();
    const head = `POST /run HTTP/1.1\r\nHost: 127.0.0.1:${listener.port}\r\nContent-Type: application/json\r\n`;
    const chunk = `1800\r\n${" ".repeat(0x1800)}\r\n`;
    const answer = await exchange(listener.port, `${head}Transfer-Encoding: chunked\r\n\r\n`, chunk, chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /u);
    expect(answer).toContain("REQUEST_TOO_LARGE");
    expect(deps.log.lines).toMatchObject([{ fields: { status: 413 } }]);
  });

  test("against a declared body over the limit, without reading it", async () => {
    const { listener } = await serve();
    const head = `POST /run HTTP/1.1\r\nHost: 127.0.0.1:${listener.port}\r\nContent-Type: application/json\r\n`;
    const answer = await exchange(listener.port, `${head}Content-Length: 10001\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /u);
  });

  test("against a client that goes in the middle of its body", async () => {
    const { listener, deps } = await serve();
    const head = `POST /run HTTP/1.1\r\nHost: 127.0.0.1:${listener.port}\r\nContent-Type: application/json\r\n`;
    const socket = connect(listener.port, "127.0.0.1");
    sockets.push(socket);
    socket.write(`${head}Content-Length: 100\r\n\r\n{"script`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await expect.poll(() => deps.log.lines.at(-1)?.fields["status"]).toBe(499);
    expect(deps.runs.submitted).toEqual([]);
    expect(deps.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("a listener", () => {
  test("says so when its port is taken", async () => {
    const { listener } = await serve();
    const second = listen(createApp(fakeDeps()), { host: "127.0.0.1", port: listener.port });
    await expect(second).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: `Cannot listen for HTTP as the port is taken: current value is 127.0.0.1:${listener.port}.`,
      context: { hint: "Stop what listens there, or choose another port." },
    });
  });

  test("says so when the address is not of this machine", async () => {
    const refused = listen(createApp(fakeDeps()), { host: "192.0.2.1", port: 0 });
    await expect(refused).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test.each([
    ["0.0.0.0", "http://127.0.0.1:"],
    ["::1", "http://[::1]:"],
  ])("on %s tells where it is reached", async (host, start) => {
    const listener = await listen(createApp(fakeDeps()), { host, port: 0 });
    listeners.push(listener);
    expect(listener.url).toBe(`${start}${listener.port}`);
    expect((await fetch(`${listener.url}/healthz`)).status).toBe(200);
  });

  test("closes at once when only idle connections are left", async () => {
    const { url, listener } = await serve();
    await (await fetch(`${url}/healthz`)).text();
    const startedAt = performance.now();
    await listener.close(10_000);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  test("lets a request that is being answered end, then closes without delay", async () => {
    const { url, listener, runs } = await serve();
    const pending = fetch(`${url}/run`, postJson({ script: "1" }));
    await expect.poll(() => runs.waits.length).toBe(1);
    const closed = listener.close(10_000);
    expect(listener.close(10_000)).toBe(closed);
    const startedAt = performance.now();
    runs.end("run_1", { status: "succeeded", result: "late" });
    const answer = await pending;
    expect(answer.headers.get("connection")).toBe("close");
    expect(await readJson(answer)).toMatchObject({ result: "late" });
    await closed;
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test("lets a stream that has begun end, then closes without delay", async () => {
    const { url, listener, runs } = await serve();
    const answer = await fetch(`${url}/run`, postJson({ script: "1" }, { accept: "text/event-stream" }));
    const closed = listener.close(10_000);
    const startedAt = performance.now();
    runs.end("run_1", { status: "succeeded" });
    expect(await answer.text()).toContain("event: ended");
    await closed;
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test("drops what is left after the grace", async () => {
    const { url, listener, runs } = await serve();
    const pending = fetch(`${url}/run`, postJson({ script: "1" }));
    pending.catch(() => undefined);
    await expect.poll(() => runs.waits.length).toBe(1);
    await listener.close(50);
    await expect(pending).rejects.toThrow();
    await expect.poll(() => runs.cancelled).toEqual(["run_1"]);
  });
});
