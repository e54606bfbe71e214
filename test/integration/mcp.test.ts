import { fileURLToPath } from "node:url";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { CatalogSource } from "../../src/catalog/catalog.ts";
import { RunletError } from "../../src/lib/errors.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { McpHttpDeps } from "../../src/mcp/http.ts";
import { createFakeCatalogs, fakeTool } from "../support/fake-catalog.ts";
import { createFakeRuns } from "../support/fake-runs.ts";
import type { FakePerform, FakeRunService } from "../support/fake-runs.ts";
import { CLIENTS, connectHttp, connectModern, openHttpDoor, openStdioDoor } from "../support/mcp-doors.ts";
import type { ClientKind, DoorClient, HttpDoor } from "../support/mcp-doors.ts";

const PNG = { type: "image", data: "aGVsbG8=", mimeType: "image/png" };
const closing: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const thing of closing.splice(0).toReversed()) await thing.close();
});

/** What the scripts of these tests do, by their text. */
const perform: FakePerform = async ({ script, input }, { signal, settleCall }) => {
  switch (script) {
    case "return input":
      return { result: input ?? null };
    case "emit(png)":
      return { emitted: [PNG] };
    case "calls":
      for (const atMs of [0, 200, 400]) {
        settleCall("files", "readFile", atMs);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return { result: "done" };
    case "forever":
      return await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    case "large":
      return { result: "x".repeat(1_000_000) };
    default:
      throw new Error(`unexpected script: ${script}`);
  }
};

function depsOf(runs: FakeRunService, change: Partial<McpHttpDeps> = {}): McpHttpDeps {
  const catalogs = createFakeCatalogs([fakeTool("files", "readFile"), fakeTool("github", "searchRepos")]);
  return { runs, catalogs, version: "9.9.9", log: silentLog, ...change };
}

async function openHttp(runs: FakeRunService = createFakeRuns(perform), change: Partial<McpHttpDeps> = {}) {
  const door = await openHttpDoor(depsOf(runs, change));
  closing.push(door);
  return { door, runs };
}

async function openClient(
  door: "http" | "stdio",
  kind: ClientKind,
): Promise<{ client: DoorClient; runs: FakeRunService }> {
  const runs = createFakeRuns(perform);
  if (door === "http") {
    const { door: http } = await openHttp(runs);
    const client = await connectHttp(kind, http);
    closing.push(client);
    return { client, runs };
  }
  const opened = await openStdioDoor(kind, depsOf(runs));
  closing.push(opened);
  return { client: opened.client, runs };
}

const DOORS = (["http", "stdio"] as const).flatMap((door) => CLIENTS.map((kind) => ({ door, kind })));

describe.each(DOORS)("Runlet as an MCP server over $door for a $kind client", ({ door, kind }) => {
  it("lists its two tools and says how to use them", async () => {
    const { client } = await openClient(door, kind);
    expect((await client.listTools()).map(({ name }) => name)).toEqual(["run_script", "search_tools"]);
    expect(client.instructions()).toContain("run_script");
  });

  it("runs a script and gives its result as text and structure, which satisfies the listed schema", async () => {
    const { client } = await openClient(door, kind);
    await client.listTools();
    const answer = await client.call("run_script", { script: "return input", input: { a: [1, null] } });
    expect(answer.isError ?? false).toBe(false);
    expect(answer.structuredContent).toEqual({
      id: "run_1",
      status: "succeeded",
      result: { a: [1, null] },
      toolCalls: 0,
    });
    expect(answer.content).toEqual([{ type: "text", text: JSON.stringify(answer.structuredContent) }]);
  });

  it("finds tools", async () => {
    const { client } = await openClient(door, kind);
    await client.listTools();
    const answer = await client.call("search_tools", { query: "readFile" });
    expect(answer.structuredContent).toMatchObject({
      total: 1,
      tools: [{ signature: "mcp.files.readFile(args: { path: string }): Promise<unknown>" }],
    });
  });

  it("passes images on", async () => {
    const { client } = await openClient(door, kind);
    const answer = await client.call("run_script", { script: "emit(png)" });
    expect(answer.content.slice(1)).toEqual([PNG]);
  });

  it("answers a failed run as an error that a model can read", async () => {
    const { client } = await openClient(door, kind);
    await client.listTools();
    const answer = await client.call("run_script", { script: "boom" });
    expect(answer.isError).toBe(true);
    expect(answer.structuredContent).toMatchObject({
      status: "failed",
      error: { code: "SCRIPT_ERROR", message: "Error: unexpected script: boom" },
    });
  });

  it("answers wrong arguments as an error that a model can read", async () => {
    const { client, runs } = await openClient(door, kind);
    const answer = await client.call("run_script", { code: "return 1" });
    expect(answer.isError).toBe(true);
    expect(answer.content[0]?.["text"]).toContain("/script must be the script's text");
    expect(runs.submitted).toHaveLength(0);
  });

  it("refuses an unknown tool with the way to the one that was meant", async () => {
    const { client } = await openClient(door, kind);
    await expect(client.call("files__readFile", {})).rejects.toMatchObject({
      code: -32_602,
      message: expect.stringContaining("mcp.<server>.<tool>") as string,
    });
  });

  it("cuts a large result for text and structure alike", async () => {
    const { client } = await openClient(door, kind);
    const answer = await client.call("run_script", { script: "large" });
    expect(JSON.stringify(answer.structuredContent).length).toBeLessThan(70_000);
    expect(JSON.stringify(answer.content).length).toBeLessThan(70_000);
    expect(answer.structuredContent).toMatchObject({ truncated: true });
  });

  it("reports progress to a client that asked for it", async () => {
    const { client } = await openClient(door, kind);
    const told: [number, string][] = [];
    const onProgress = (progress: number, message: string): void => void told.push([progress, message]);
    const answer = await client.call("run_script", { script: "calls" }, { onProgress });
    expect(answer.structuredContent).toMatchObject({ result: "done", toolCalls: 3 });
    expect(told).toEqual([1, 2, 3].map((progress) => [progress, "files.readFile: ok, 1 ms"]));
  });

  it("cancels the run when the client cancels its request", async () => {
    const { client, runs } = await openClient(door, kind);
    const abort = new AbortController();
    const called = client.call("run_script", { script: "forever" }, { signal: abort.signal });
    await vi.waitFor(() => expect(runs.watchers()).toBe(1));
    abort.abort(new Error("the user pressed stop"));
    await expect(called).rejects.toThrow();
    await vi.waitFor(() => expect(runs.cancelled).toEqual(["run_1"]));
    expect(runs.live()).toBe(0);
  });

  it("serves many calls at once", async () => {
    const { client } = await openClient(door, kind);
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, input) => client.call("run_script", { script: "return input", input })),
    );
    expect(answers.map(({ structuredContent }) => (structuredContent as { result: number }).result)).toEqual(
      Array.from({ length: 30 }, (_, index) => index),
    );
  });
});

describe("the era that is negotiated over HTTP", () => {
  it.each([
    { kind: "v2 auto", version: "2026-07-28" },
    { kind: "v2 legacy", version: "2025-11-25" },
    { kind: "v1", version: "2025-11-25" },
  ] as const)("is $version for a $kind client", async ({ kind, version }) => {
    const { client } = await openClient("http", kind);
    expect(client.protocolVersion()).toBe(version);
  });
});

describe("over HTTP", () => {
  const HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };

  function post(door: HttpDoor, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return fetch(door.url, { method: "POST", headers: { ...HEADERS, ...headers }, body: text });
  }

  function rpc(method: string, params: object, id?: number): object {
    return { jsonrpc: "2.0", method, params, ...(id === undefined ? {} : { id }) };
  }

  const INITIALIZE = rpc(
    "initialize",
    { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } },
    0,
  );
  const FOREVER = rpc("tools/call", { name: "run_script", arguments: { script: "forever" } }, 7);
  const CANCEL = rpc("notifications/cancelled", { requestId: 7 });

  it("gives each earlier client a session id of its own at initialize, and none later", async () => {
    const { door } = await openHttp();
    const first = await post(door, INITIALIZE);
    const second = await post(door, INITIALIZE);
    await Promise.all([first.text(), second.text()]);
    const ids = [first, second].map(({ headers }) => headers.get("mcp-session-id"));
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]{20,}$/u);
    const list = await post(door, rpc("tools/list", {}, 1), { "mcp-session-id": ids[0] ?? "" });
    expect(await list.text()).toContain("run_script");
    expect(list.headers.get("mcp-session-id")).toBeNull();
  });

  it.each([
    { claim: "another session of the same principal", headers: { "mcp-session-id": "other" } },
    { claim: "the same session id of another principal", headers: { "mcp-session-id": "mine", "x-principal": "bob" } },
    { claim: "no session", headers: {} },
  ])("$claim cannot cancel a request", async ({ headers }) => {
    const { door, runs } = await openHttp();
    const abort = new AbortController();
    const alice = { ...HEADERS, "mcp-session-id": "mine", "x-principal": "alice" };
    const called = fetch(door.url, {
      method: "POST",
      headers: alice,
      body: JSON.stringify(FOREVER),
      signal: abort.signal,
    });
    await vi.waitFor(() => expect(runs.watchers()).toBe(1));
    expect((await post(door, CANCEL, { "x-principal": "alice", ...headers })).status).toBe(202);
    expect(runs.cancelled).toEqual([]);
    expect((await post(door, CANCEL, { "mcp-session-id": "mine", "x-principal": "alice" })).status).toBe(202);
    await vi.waitFor(() => expect(runs.cancelled).toEqual(["run_1"]));
    abort.abort();
    await called.then((response) => response.body?.cancel()).catch(() => undefined);
  });

  it("a client that goes away cancels its run", async () => {
    const { door, runs } = await openHttp();
    const abort = new AbortController();
    const body = JSON.stringify(FOREVER);
    const called = fetch(door.url, { method: "POST", headers: HEADERS, body, signal: abort.signal });
    await vi.waitFor(() => expect(runs.watchers()).toBe(1));
    abort.abort();
    await called.then((response) => response.text()).catch(() => undefined);
    await vi.waitFor(() => expect(runs.cancelled).toEqual(["run_1"]));
  });

  it("runs belong to the principal who calls", async () => {
    const { door, runs } = await openHttp();
    for (const name of ["alice", "bob"]) {
      const client = await connectHttp("v2 auto", door, name);
      closing.push(client);
      await client.call("run_script", { script: "return input" });
    }
    expect(runs.submitted.map(({ principal }) => principal.id)).toEqual(["alice", "bob"]);
  });

  it.each(["GET", "DELETE"])("%s is 405, as nothing is kept between requests", async (method) => {
    const { door } = await openHttp();
    const response = await fetch(door.url, { method, headers: { accept: "text/event-stream" } });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow") ?? "POST").toContain("POST");
  });

  it.each([
    { claim: "a body that is not JSON", body: "{", headers: {}, status: 400, code: -32_700 },
    { claim: "an empty body", body: "", headers: {}, status: 400, code: -32_700 },
    { claim: "JSON that is no message", body: "null", headers: {}, status: 400, code: -32_600 },
    { claim: "another media type", body: "{}", headers: { "content-type": "text/plain" }, status: 415, code: -32_000 },
    { claim: "a body that is too large", body: `"${"x".repeat(3_000)}"`, headers: {}, status: 413, code: -32_000 },
  ])("$claim is refused with status $status", async ({ body, headers, status, code }) => {
    const { door } = await openHttp(createFakeRuns(perform), { maxBodyBytes: 2_000 });
    const response = await post(door, body, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ jsonrpc: "2.0", error: { code } });
  });

  it("takes bodies up to the configured size, also beyond the SDK's own", async () => {
    const { door } = await openHttp(createFakeRuns(perform), { maxBodyBytes: 8_000_000 });
    const client = await connectHttp("v2 auto", door);
    closing.push(client);
    const script = `${" ".repeat(5_000_000)}return input`;
    const answer = await client.call("run_script", { script });
    expect(answer.structuredContent).toMatchObject({ error: { code: "SCRIPT_ERROR" } });
  });

  it("a service that takes no more runs is told to the model, with when to come back", async () => {
    const runs: FakeRunService = {
      ...createFakeRuns(perform),
      submit: () =>
        Promise.reject(new RunletError("QUEUE_FULL", "The queue is full", { details: { retryAfterMs: 5 } })),
    };
    const { door } = await openHttp(runs);
    const client = await connectHttp("v2 auto", door);
    closing.push(client);
    const answer = await client.call("run_script", { script: "return input" });
    expect(answer).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "QUEUE_FULL", retryable: true, details: { retryAfterMs: 5 } } },
    });
  });

  it("a search that is cancelled while servers start is not logged as a failure", async () => {
    const error = vi.fn();
    const waiting = vi.fn();
    const catalogs: CatalogSource = {
      ...createFakeCatalogs([]),
      settled: (_access, _narrow, { signal } = {}) =>
        new Promise((_, reject) => {
          waiting();
          signal?.addEventListener("abort", () => reject(signal.reason as Error));
        }),
    };
    const debug = vi.fn();
    const { door } = await openHttp(createFakeRuns(perform), { catalogs, log: { ...silentLog, error, debug } });
    const client = await connectHttp("v2 auto", door);
    closing.push(client);
    const abort = new AbortController();
    const called = client.call("search_tools", { query: "" }, { signal: abort.signal });
    await vi.waitFor(() => expect(waiting).toHaveBeenCalledOnce());
    abort.abort(new Error("the user pressed stop"));
    await expect(called).rejects.toThrow();
    await vi.waitFor(() => expect(debug).toHaveBeenCalledWith(expect.anything(), "an MCP tool call was cancelled"));
    expect(error).not.toHaveBeenCalled();
  });

  it("a defect is told without its inside, and logged with it", async () => {
    const runs: FakeRunService = {
      ...createFakeRuns(perform),
      submit: () => Promise.reject(new TypeError("secret inside")),
    };
    const error = vi.fn();
    const { door } = await openHttp(runs, { log: { ...silentLog, error } });
    const client = await connectHttp("v1", door);
    closing.push(client);
    const answer = await client.call("run_script", { script: "return input" });
    expect(answer).toMatchObject({ isError: true, structuredContent: { error: { code: "INTERNAL" } } });
    expect(JSON.stringify(answer)).not.toContain("secret inside");
    expect(error).toHaveBeenCalledOnce();
  });
});

describe("over stdio", () => {
  it.each(CLIENTS)("the end of stdin ends the connection and cancels its runs (%s)", async (kind) => {
    const runs = createFakeRuns(perform);
    const { client, server, stdin } = await openStdioDoor(kind, depsOf(runs));
    const called = client.call("run_script", { script: "forever" }).catch(() => undefined);
    await vi.waitFor(() => expect(runs.watchers()).toBe(1));
    stdin.end();
    await server.closed;
    await vi.waitFor(() => expect(runs.cancelled).toEqual(["run_1"]));
    await client.close();
    await called;
  });

  it("a connection on which nothing was said can be closed, twice", async () => {
    const { client, server } = await openStdioDoor("v2 auto", depsOf(createFakeRuns(perform)));
    await server.close();
    await server.close();
    await server.closed;
    await client.close();
  });

  it("a broken pipe ends the connection", async () => {
    const { server, client, stdin } = await openStdioDoor("v1", depsOf(createFakeRuns(perform)));
    stdin.destroy();
    await server.closed;
    await client.close();
  });

  it("everything belongs to the local principal", async () => {
    const { client, runs } = await openClient("stdio", "v2 auto");
    await client.call("run_script", { script: "return input" });
    expect(runs.submitted.map(({ principal }) => principal.id)).toEqual(["local"]);
  });

  it.each(["v2 auto", "v2 legacy"] as const)("a real process serves a %s client and ends with it", async (kind) => {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [fileURLToPath(new URL("../fixtures/servers/runlet-stdio.ts", import.meta.url))],
    });
    const client = await connectModern(kind, transport);
    const answer = await client.call("run_script", { script: "return input", input: "hello" });
    expect(answer.structuredContent).toMatchObject({ result: "hello" });
    const { pid } = transport;
    if (pid === null) throw new Error("the client started no process");
    await client.close();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});
