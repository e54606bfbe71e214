import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import type { RunView } from "../../src/runs/run.ts";
import { descendants, isAlive } from "../support/processes.ts";
import { readEventsFile } from "../support/events-file.ts";
import { createFolder, fixtureServer, pause, startService, within } from "../support/service.ts";
import type { RunningService, StartOptions } from "../support/service.ts";
import type { Problem, ServiceClient } from "../support/service-client.ts";

const services: RunningService[] = [];

/** Starts a service with the fixture server `lab`, whose events are in `events.jsonl`; ended after the test. */
async function start(options: StartOptions = {}): Promise<RunningService> {
  const folder = options.folder ?? createFolder();
  const service = await startService({
    folder,
    mcpServers: { lab: fixtureServer("lab", { EVENTS_FILE: join(folder, "events.jsonl") }) },
    executors: { processes: 2 },
    shutdownGrace: "1s",
    ...options,
  });
  services.push(service);
  return service;
}

afterEach(async () => {
  for (const service of services.splice(0).toReversed()) await service.remove();
});

async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 1_200; tries++) {
    if (await holds()) return;
    await pause(25);
  }
  throw new Error(`this did not come to hold: ${what}`);
}

function calls(client: ServiceClient, id: string, name?: string): Promise<void> {
  return eventually(async () => {
    const { body } = await client.get<RunView>(`/runs/${id}`);
    return body.calls.some(({ outcome, tool }) => outcome === "pending" && (name ?? tool) === tool);
  }, `run ${id} has a call in flight`);
}

/** Runs one after the other until each executor process had one. */
async function expectHealthy(service: RunningService): Promise<void> {
  for (let i = 0; i < 4; i++) {
    expect(await service.run("return (await mcp.lab.echo({ v: 41 })).v + 1")).toMatchObject({ result: 42 });
  }
}

function toolCalls(service: RunningService, name: string): number {
  const events = readEventsFile(join(service.folder, "events.jsonl"));
  return events.filter(({ event, params }) => event === "tools/call" && (params as { name: string }).name === name)
    .length;
}

describe("an executor process that is killed", () => {
  test("costs no run that had made calls: each goes on in another process, which takes its place", async () => {
    const service = await start();
    const script = "await mcp.lab.write({}); return await mcp.lab.sleep({ ms: 3000 + input })";
    const ids = await Promise.all([1, 2, 3, 4].map((input) => service.queue(script, { input })));
    await Promise.all(ids.map((id) => calls(service, id, "sleep")));
    await eventually(() => service.executors().length === 3, "there are two processes and a spare");
    const before = service.executors();
    for (const pid of before) process.kill(pid, "SIGKILL");
    for (const run of await Promise.all(ids.map((id) => service.ended(id)))) {
      expect(run).toMatchObject({ status: "succeeded", attempt: 2 });
      expect(run.calls.map(({ tool, outcome }) => [tool, outcome])).toEqual([
        ["write", "ok"],
        ["sleep", "ok"],
      ]);
    }
    expect([toolCalls(service, "write"), toolCalls(service, "sleep")]).toEqual([4, 8]);
    await eventually(() => service.executors().length === 3, "there are as many processes again");
    expect(service.executors().some((pid) => before.includes(pid))).toBe(false);
    await expectHealthy(service);
    expect((await service.get<string>("/metrics")).body).toMatch(
      /^runlet_executor_crashes_total\{reason="signal"\} [1-9]/mu,
    );
  });

  test("does not cost runs that had made no call and were not alone: they run again", async () => {
    const service = await start({ executors: { processes: 1 } });
    const script = "await new Promise((done) => setTimeout(done, 1500)); return input";
    const ids = await Promise.all([1, 2, 3].map((input) => service.queue(script, { input })));
    const caller = await service.queue("return await mcp.lab.sleep({ ms: 2000 })");
    await calls(service, caller);
    for (const pid of service.executors()) process.kill(pid, "SIGKILL");
    const runs = await Promise.all(ids.map((id) => service.ended(id)));
    expect(runs.map(({ result }) => result)).toEqual([1, 2, 3]);
    expect(await service.ended(caller)).toMatchObject({ status: "succeeded", attempt: 2 });
    await expectHealthy(service);
  });

  test("is replaced also when it was idle, and when all are killed again and again", async () => {
    const service = await start();
    await expectHealthy(service);
    for (let round = 0; round < 3; round++) {
      await eventually(() => service.executors().length === 3, "there are two processes and a spare");
      const killed = service.executors();
      for (const pid of killed) process.kill(pid, "SIGKILL");
      await eventually(() => {
        const now = service.executors();
        return now.length === 3 && !now.some((pid) => killed.includes(pid));
      }, "all processes are replaced");
      await expectHealthy(service);
    }
  });
});

describe("a client whose scripts keep crashing executor processes", () => {
  test("is refused for a while, and told how long; another client is not", { timeout: 150_000 }, async () => {
    const keys = { mallory: createClientKey(), ann: createClientKey() };
    const clients = { mallory: { key: keys.mallory.hash }, ann: { key: keys.ann.hash } };
    const service = await start({ clients, executors: { processes: 2 } });
    const [mallory, ann] = [service.as(keys.mallory.key), service.as(keys.ann.key)];
    let id = "";
    for (let crashes = 0; crashes < 10; crashes++) {
      await eventually(async () => {
        const { body } = await service.get("/readyz");
        return JSON.stringify(body).includes("2 ready, 1 spare, 0 starting");
      }, "all processes are ready");
      // Each is taken up again once, as its call may be worth it.
      const attempt = (crashes % 2) + 1;
      if (attempt === 1) id = await mallory.queue("return await mcp.lab.never()");
      await eventually(async () => {
        const { body } = await mallory.get<RunView>(`/runs/${id}`);
        return (body.attempt ?? 1) === attempt && body.calls.some(({ outcome }) => outcome === "pending");
      }, "its call is in flight");
      for (const pid of service.executors()) process.kill(pid, "SIGKILL");
      if (attempt === 2)
        expect(await mallory.ended(id)).toMatchObject({
          error: { code: "EXECUTOR_LOST", details: { blame: "script" } },
        });
    }
    const refused = await mallory.post<Problem>("/run", { script: "return 1" });
    expect(refused).toMatchObject({ status: 429, body: { code: "TOO_MANY_CRASHES", retryable: true } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(30);
    expect(await ann.run("return (await mcp.lab.echo({ v: 41 })).v + 1")).toMatchObject({ result: 42 });
  });
});

describe("MCP servers that fail", () => {
  test("a server that dies in a call is a typed error, and the next call starts it again", async () => {
    const service = await start();
    const run = await service.run(`
      let first;
      try { await mcp.lab.crash() } catch (error) { first = [error.name, error.code, error.server, error.retryable] }
      return [first, await mcp.lab.echo({ again: true })]`);
    expect(run).toMatchObject({
      status: "succeeded",
      result: [["ToolError", "UPSTREAM_UNAVAILABLE", "lab", true], { again: true }],
    });
    expect(run.calls.map(({ outcome }) => outcome)).toEqual(["error", "ok"]);
  });

  test("a server that is killed from outside is started again", async () => {
    const service = await start({ mcpServers: { lab: { ...fixtureServer("lab"), retry: false } } });
    const id = await service.queue("return await mcp.lab.never()");
    await calls(service, id);
    const { body } = await service.get<{ servers: { name: string; pid: number }[] }>("/servers");
    process.kill(body.servers[0]?.pid ?? 0, "SIGKILL");
    expect(await service.ended(id)).toMatchObject({ status: "failed", error: { code: "UPSTREAM_UNAVAILABLE" } });
    await expectHealthy(service);
  });

  test("a read is called again on the new process of a server that was killed from outside", async () => {
    const service = await start();
    const id = await service.queue("return await mcp.lab.sleep({ ms: 3000 })");
    await calls(service, id);
    const pid = async () => (await service.get<{ servers: { pid: number }[] }>("/servers")).body.servers[0]?.pid ?? 0;
    const killed = await pid();
    process.kill(killed, "SIGKILL");
    expect(await service.ended(id)).toMatchObject({ status: "succeeded" });
    expect(await pid()).not.toBe(killed);
  });

  test("a dead and a hanging server do not delay runs that do not use them", async () => {
    const service = await start({
      mcpServers: {
        lab: fixtureServer("lab"),
        dead: fixtureServer("exit-at-once"),
        hanging: { ...fixtureServer("hang"), connectTimeout: "20s" },
      },
    });
    const first = await service.run("return await mcp.lab.echo({ first: true })", { servers: ["lab"] });
    expect(first).toMatchObject({ status: "succeeded", result: { first: true } });
    const startedAt = performance.now();
    const second = await service.run("return await mcp.lab.echo({ second: true })");
    expect(second).toMatchObject({ status: "succeeded", result: { second: true } });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    const third = await service.run("try { return await mcp.dead.anything({}) } catch (error) { return error.code }", {
      servers: ["dead", "lab"],
    });
    expect(JSON.stringify(third)).toContain("UPSTREAM_UNAVAILABLE");
  });

  test("a first run that names a good server does not wait for a hanging one", async () => {
    const service = await start({
      mcpServers: { lab: fixtureServer("lab"), hanging: { ...fixtureServer("hang"), connectTimeout: "60s" } },
    });
    const startedAt = performance.now();
    const run = await service.run("return await mcp.lab.echo({ ok: true })");
    expect(run).toMatchObject({ status: "succeeded", result: { ok: true } });
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });
});

describe("SIGTERM", () => {
  test("lets a short run end with its answer, then ends everything with exit code 0", async () => {
    const service = await start({ shutdownGrace: "10s" });
    await expectHealthy(service);
    const answer = service.run("await mcp.lab.sleep({ ms: 800 }); return 'finished'");
    await eventually(() => toolCalls(service, "sleep") === 1, "the run is in its call");
    const stopping = service.stop();
    expect(await answer).toMatchObject({ status: "succeeded", result: "finished" });
    expect(await stopping).toEqual({ code: 0, signal: null });
  });

  test("leaves a run that outlasts the grace to the next process, and says where it is", async () => {
    const service = await start();
    const answer = service.post<RunView>("/run", { script: "return await mcp.lab.sleep({ ms: 4000 })" });
    await eventually(() => toolCalls(service, "sleep") === 1, "the run is in its call");
    const stopping = service.stop();
    const { status, headers, body } = await answer;
    expect([status, headers.get("location"), body.status]).toEqual([202, `/runs/${body.id}`, "running"]);
    expect(await stopping).toEqual({ code: 0, signal: null });
    const next = await start({ folder: service.folder });
    expect(await next.ended(body.id)).toMatchObject({ status: "succeeded", attempt: 2 });
  });

  test("ends a run that outlasts the grace where nothing is kept, with an answer", async () => {
    const service = await start({ dataDir: ":memory:" });
    const answer = service.run("return await mcp.lab.never()");
    await eventually(() => toolCalls(service, "never") === 1, "the run is in its call");
    const stopping = service.stop();
    expect(await answer).toMatchObject({ status: "failed", error: { code: "SHUTTING_DOWN" } });
    expect(await stopping).toEqual({ code: 0, signal: null });
  });

  test("leaves no process of a server that has children of its own", async () => {
    const service = await start({ mcpServers: { tree: fixtureServer("tree") } });
    const run = await service.run("return await mcp.tree.child()");
    const child = Number(run.result);
    expect(isAlive(child)).toBe(true);
    expect(descendants(service.pid)).toContain(child);
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(isAlive(child)).toBe(false);
  });

  test("leaves queued runs to the next process on the same data", async () => {
    const options = { queue: { depth: 10, concurrency: 1 } };
    const first = await start(options);
    const blocker = await first.queue("return await mcp.lab.sleep({ ms: 3000 })");
    await calls(first, blocker);
    const waiting = await Promise.all(
      [1, 2].map((input) => first.queue("return [await mcp.lab.write({}), input]", { input })),
    );
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    const second = await start({ ...options, folder: first.folder });
    const runs = await Promise.all(waiting.map((id) => second.ended(id)));
    expect(runs.map(({ result }) => result)).toEqual([
      ["written", 1],
      ["written", 2],
    ]);
    expect(await second.ended(blocker)).toMatchObject({ status: "succeeded", attempt: 2 });
  });
});

describe("kill -9 of the service", () => {
  test("leaves no process behind, and the next one goes on with interrupted runs", async () => {
    const first = await start();
    const id = await first.queue("await mcp.lab.write({ done: 1 }); return await mcp.lab.sleep({ ms: 3000 })");
    await calls(first, id, "sleep");
    await eventually(() => first.executors().length === 3, "there are two processes and a spare");
    expect(await first.stop("SIGKILL")).toEqual({ code: null, signal: "SIGKILL" });
    const second = await start({ folder: first.folder });
    const run = await second.ended(id);
    expect(run).toMatchObject({ status: "succeeded", attempt: 2 });
    expect(run.calls).toMatchObject([
      { seq: 1, server: "lab", tool: "write", outcome: "ok" },
      { seq: 2, server: "lab", tool: "sleep", outcome: "ok" },
    ]);
    expect(toolCalls(second, "write")).toBe(1);
    await expectHealthy(second);
  });

  test("keeps the results of runs that had ended", async () => {
    const first = await start();
    const { id } = await first.run("return await mcp.lab.echo({ kept: true })");
    await first.stop("SIGKILL");
    const second = await start({ folder: first.folder });
    expect((await second.get<RunView>(`/runs/${id}`)).body).toMatchObject({
      status: "succeeded",
      result: { kept: true },
    });
    expect(await within(second.exited, 100)).toBeUndefined();
  });
});
