import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { RunletError } from "../../src/lib/errors.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { BullmqQueueOptions } from "../../src/queue/bullmq-queue.ts";
import type { Job, RunQueue } from "../../src/queue/run-queue.ts";
import { createDurableRedis } from "../support/durable-redis.ts";
import { openRedisQueue } from "../support/queue-kinds.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

interface Started {
  readonly by: string;
  readonly job: Job;
  readonly signal: AbortSignal;
  readonly end: () => void;
}

const WORKER = new URL("../fixtures/queue-worker.ts", import.meta.url).pathname;
const UNTIL = { timeout: 20_000, interval: 10 };
const STALL_MS = 1_000;

let server: RedisServer;
let prefix: string;
let prefixes = 0;
let queues: RunQueue[];
let children: ChildProcess[];
let started: Started[];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.close());
beforeEach(() => {
  prefix = `test${++prefixes}`;
  queues = [];
  children = [];
  started = [];
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  const closed = queues.map((queue) => queue.close(1_000));
  for (const { end } of started) end();
  await Promise.all(closed);
});

/** A queue object with connections of its own, as another process has. */
function open(options: Partial<BullmqQueueOptions> = {}, url = server.url): RunQueue {
  const queue = openRedisQueue({ url }, { prefix, stallAfterMs: STALL_MS, ...options });
  queues.push(queue);
  return queue;
}

/** A handler that ends when the test says so. */
const handleAs =
  (by: string) =>
  (job: Job, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      started.push({ by, job, signal, end: resolve });
    });

/** A process that never ends what it takes. @returns What kills it, and its first run. */
async function startWorker(): Promise<{ readonly kill: () => Promise<void>; readonly first: Promise<string> }> {
  const child = spawn(process.execPath, [WORKER, server.url, prefix, String(STALL_MS)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const first = once(child.stdout, "data").then(([text]) => String(text).trim());
  const kill = async (): Promise<void> => {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  return { kill, first };
}

const job = (runId: string, principal = "ann"): Job => ({ runId, principal, priority: 0, attempt: 1 });
const order = (): string[] => started.map(({ job: { runId } }) => runId);

describe("several processes", () => {
  it("share the work, and each job is performed once", async () => {
    const api = open({ depth: 1_000 });
    const counts = new Map<string, number>();
    const shares = [0, 0];
    for (const [at, worker] of [open({ concurrency: 4 }), open({ concurrency: 4 })].entries()) {
      worker.start(async ({ runId }) => {
        counts.set(runId, (counts.get(runId) ?? 0) + 1);
        shares[at] = (shares[at] ?? 0) + 1;
        await sleep(1);
      });
    }
    const ids = Array.from({ length: 500 }, (_, at) => `run_${at}`);
    await Promise.all(ids.map((id, at) => api.enqueue(job(id, `p${at % 5}`))));
    await vi.waitFor(() => expect(counts.size).toBe(500), UNTIL);
    await vi.waitFor(() => expect(api.depth()).toEqual({ waiting: 0, running: 0 }), UNTIL);
    expect([...counts.values()].every((count) => count === 1)).toBe(true);
    expect(shares.every((share) => share > 0)).toBe(true);
  });

  it("deliver a run again whose process was killed, the same attempt of it", async () => {
    const api = open();
    const { kill, first } = await startWorker();
    await api.enqueue(job("run_a"));
    expect(await first).toBe("run_a");
    open().start(handleAs("other"));
    await kill();
    await vi.waitFor(
      () => expect(started.map(({ job: { runId, attempt } }) => [runId, attempt])).toEqual([["run_a", 1]]),
      UNTIL,
    );
  });

  it("deliver to each permit the run that it had, whatever was queued since", async () => {
    const api = open();
    const { kill, first } = await startWorker();
    await api.enqueue(job("run_a"));
    expect(await first).toBe("run_a");
    await api.enqueue(job("run_b", "bob"));
    await kill();
    open({ concurrency: 2 }).start(handleAs("other"));
    await vi.waitFor(() => expect(order().toSorted()).toEqual(["run_a", "run_b"]), UNTIL);
  });

  it("tell the run whose processes keep dying, and deliver it no more", async () => {
    const api = open();
    const lost: string[] = [];
    const { kill, first } = await startWorker();
    await api.enqueue(job("run_a"));
    await first;
    await kill();
    const worker = open({ maxStalls: 0, onLost: async (runId) => void lost.push(runId) });
    worker.start(handleAs("other"));
    await vi.waitFor(() => expect(lost).toEqual(["run_a"]), UNTIL);
    await api.enqueue(job("run_b"));
    await vi.waitFor(() => expect(order()).toEqual(["run_b"]), UNTIL);
  });

  it("take up what a closing one could not finish, at once", async () => {
    const api = open();
    const closing = open({ stallAfterMs: 60_000 });
    closing.start(
      (_job, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
    );
    await api.enqueue(job("run_a"));
    await vi.waitFor(() => expect(closing.depth().running).toBe(1), UNTIL);
    open({ stallAfterMs: 60_000 }).start(handleAs("other"));
    await closing.close(10);
    await vi.waitFor(() => expect(order()).toEqual(["run_a"]), UNTIL);
  });

  it("leave jobs of a principal that one of them holds back to the others", async () => {
    const api = open();
    open({ concurrency: 3, concurrencyOf: () => 1 }).start(handleAs("strict"));
    for (const id of ["1", "2", "3"]) await api.enqueue(job(id));
    await vi.waitFor(() => expect(started.map(({ by }) => by)).toEqual(["strict"]), UNTIL);
    open({ concurrency: 3 }).start(handleAs("other"));
    await vi.waitFor(() => expect(started.map(({ by }) => by)).toEqual(["strict", "other", "other"]), UNTIL);
  });

  it("keep one principal's ten thousand from delaying another's first, whoever delivers", async () => {
    const api = open({ depth: 20_000 });
    await Promise.all(Array.from({ length: 10_000 }, (_, at) => api.enqueue(job(`a${at}`))));
    await api.enqueue(job("b0", "bob"));
    open().start(handleAs("one"));
    await vi.waitFor(() => expect(order()).toEqual(["a0"]), UNTIL);
    open().start(handleAs("two"));
    await vi.waitFor(() => expect(order()).toEqual(["a0", "b0"]), UNTIL);
  });
});

describe("cancel from another process", () => {
  it("takes a waiting run out", async () => {
    const api = open();
    await api.enqueue(job("run_a"));
    await api.enqueue(job("run_b"));
    expect(await open().cancel("run_a", new Error("stop"))).toBe("removed");
    open().start(handleAs("worker"));
    await vi.waitFor(() => expect(order()).toEqual(["run_b"]), UNTIL);
  });

  it("aborts a running one, with the code and message of the reason", async () => {
    const api = open();
    open().start(handleAs("worker"));
    await api.enqueue(job("run_a"));
    await vi.waitFor(() => expect(order()).toEqual(["run_a"]), UNTIL);
    expect(await api.cancel("run_a", new RunletError("RUN_CANCELLED", "Cannot go on."))).toBe("aborted");
    await vi.waitFor(() => expect(started[0]?.signal.aborted).toBe(true), UNTIL);
    expect(started[0]?.signal.reason).toMatchObject({ code: "RUN_CANCELLED", message: "Cannot go on." });
  });

  it("is found by the process that runs it even where the message is lost", async () => {
    const api = open();
    open().start(handleAs("worker"));
    await api.enqueue(job("run_a"));
    await vi.waitFor(() => expect(order()).toEqual(["run_a"]), UNTIL);
    const redis = new Redis(server.url);
    await redis.hset(`${prefix}:lanes:cancelled`, "run_a.1", JSON.stringify({ message: "stop" }));
    await redis.quit();
    await vi.waitFor(() => expect(started[0]?.signal.reason).toEqual(new Error("stop")), UNTIL);
  });
});

describe("what is left over", () => {
  it("is nothing once all runs have ended, were cancelled or refused", async () => {
    const api = open({ depth: 3 });
    const worker = open({ concurrency: 2 });
    for (const id of ["1", "2", "3"]) await api.enqueue(job(id));
    await expect(api.enqueue(job("4"))).rejects.toMatchObject({ code: "QUEUE_FULL" });
    await api.cancel("2", new Error("stop"));
    await api.enqueue({ ...job("5"), notBeforeMs: Date.now() + 60_000 });
    await api.cancel("5", new Error("stop"));
    worker.start(async () => undefined);
    const redis = new Redis(server.url);
    const left = async (): Promise<string[]> => (await redis.keys(`${prefix}:*`)).toSorted();
    const expected = ["lanes:counter", "lanes:workers", "runs:events", "runs:id", "runs:meta"];
    const passing = new Set([`${prefix}:runs:stalled-check`, `${prefix}:runs:marker`]);
    await vi.waitFor(async () => {
      expect((await left()).filter((key) => !passing.has(key))).toEqual(expected.map((key) => `${prefix}:${key}`));
    }, UNTIL);
    await redis.quit();
  });

  it("in a lane without its permit starts once it is queued again", async () => {
    const api = open();
    await api.enqueue(job("run_a"));
    const redis = new Redis(server.url, { maxRetriesPerRequest: null });
    const permits = new Queue("runs", { connection: redis, prefix });
    await permits.remove("run_a.1");
    open().start(handleAs("worker"));
    await sleep(100);
    expect(order()).toEqual([]);
    await api.enqueue(job("run_a"));
    await vi.waitFor(() => expect(order()).toEqual(["run_a"]), UNTIL);
    await permits.close();
    await redis.quit();
  });
});

describe("a Redis that dies", () => {
  it("and comes back goes on with what it kept; the log is told once", async () => {
    const durable = await createDurableRedis();
    await durable.start();
    const errors = vi.fn<(fields: object, message: string) => void>();
    const log = { ...silentLog, error: errors };
    const api = open({ log }, durable.url);
    const worker = open({}, durable.url);
    worker.start(handleAs("worker"));
    await api.enqueue(job("run_a"));
    await api.enqueue(job("run_b"));
    await vi.waitFor(() => expect(order()).toEqual(["run_a"]), UNTIL);
    await durable.kill();
    const during = api.enqueue(job("run_c"));
    await sleep(500);
    await durable.start();
    await during;
    started[0]?.end();
    await vi.waitFor(() => expect(order()).toEqual(["run_a", "run_b"]), UNTIL);
    started[1]?.end();
    await vi.waitFor(() => expect(order()).toEqual(["run_a", "run_b", "run_c"]), UNTIL);
    expect(errors.mock.calls.map(([, message]) => message)).toEqual([
      "Redis cannot be reached: queued runs wait until it is back.",
    ]);
    started[2]?.end();
    await Promise.all(queues.map((queue) => queue.close(1_000)));
    await durable.close();
  });
});
