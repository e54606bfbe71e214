import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { RunView } from "../../src/runs/run.ts";
import { readEventsFile } from "../support/events-file.ts";
import { startRedis } from "../support/redis-server.ts";
import type { RedisServer } from "../support/redis-server.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";
import type { RunningService, StartOptions } from "../support/service.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

let folder = "";
let prefix = 0;
const nodes: RunningService[] = [];

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop("SIGKILL");
});

/** Starts a node; those of one test share all but their folders. */
async function node(role: "api" | "worker" | "all", options: StartOptions = {}): Promise<RunningService> {
  if (nodes.length === 0) {
    folder = createFolder();
    prefix++;
  }
  const started = await startService({
    mcpServers: { tally: fixtureServer("tally", { EVENTS_FILE: join(folder, "events") }) },
    executors: { processes: 1 },
    redis: { url: redis.url, prefix: `test${prefix}` },
    queue: { stallAfter: "2s" },
    role,
    ...options,
  });
  nodes.push(started);
  return started;
}

const called = (): readonly unknown[] =>
  readEventsFile(join(folder, "events")).flatMap((event) => (event["event"] === "call" ? [event["tool"]] : []));

describe("nodes that share a Redis", () => {
  test("perform, wait for, list and watch each other's runs", async () => {
    const api = await node("api");
    const other = await node("api");
    await node("worker");
    const run = await api.run("console.log('said'); return [await mcp.tally.write({}), input]", { input: { n: 1 } });
    expect(run).toMatchObject({ status: "succeeded", result: ["call 1", { n: 1 }] });
    expect(await other.get(`/runs/${run.id}`)).toMatchObject({ status: 200, body: { status: "succeeded" } });
    expect((await other.get<{ runs: RunView[] }>("/runs")).body.runs.map(({ id }) => id)).toEqual([run.id]);
    const id = await other.queue("await mcp.tally.slow({ ms: 300 }); return 'watched'");
    const types: string[] = [];
    for await (const event of api.events(id)) types.push(event.type);
    expect(types).toEqual(["queued", "started", "call.started", "call.settled", "ended"]);
  });

  test("cancel each other's runs, queued or running", async () => {
    const api = await node("api");
    await node("worker", { queue: { concurrency: 1, stallAfter: "2s" } });
    const running = await api.queue("await mcp.tally.never({})");
    await expect.poll(() => called().length).toBe(1);
    const queued = await api.queue("return await mcp.tally.write({})");
    for (const id of [queued, running]) {
      expect(await api.send("DELETE", `/runs/${id}`)).toMatchObject({ status: 200, body: { status: "cancelled" } });
    }
    expect(called()).toEqual(["never"]);
  });

  test("take up the runs of a worker that is killed, and make no call twice that was answered", async () => {
    const api = await node("api");
    const first = await node("worker");
    const id = await api.queue("const a = await mcp.tally.write({}); return [a, await mcp.tally.slow({ ms: 2500 })]");
    await expect.poll(() => called().length).toBe(2);
    await first.stop("SIGKILL");
    await node("worker");
    expect(await api.ended(id)).toMatchObject({ status: "succeeded", result: ["call 1", "call 2"], attempt: 2 });
    expect(called()).toEqual(["write", "slow", "slow"]);
  });

  test("give one run for one idempotency key, whichever is asked", async () => {
    const [a, b] = [await node("all"), await node("api")];
    const post = (to: RunningService) =>
      to.post<RunView>("/run", { script: "return await mcp.tally.write({})" }, { headers: { "idempotency-key": "k" } });
    const [one, two] = await Promise.all([post(a), post(b)]);
    expect(two.body.id).toBe(one.body.id);
    expect(called()).toEqual(["write"]);
  });
});
