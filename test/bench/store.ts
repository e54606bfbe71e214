/** Prints what the store's writes cost on this machine, in µs each: `node test/bench/store.ts`. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStores } from "../../src/store/memory/create-memory-stores.ts";
import { createSqliteStores } from "../../src/store/sqlite/create-sqlite-stores.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createId } from "../../src/lib/ids.ts";
import { connectRedis, type RedisConnection } from "../../src/store/redis/connect-redis.ts";
import { createRedisStores } from "../../src/store/redis/create-redis-stores.ts";
import type { Stores } from "../../src/store/stores.ts";
import { call, run } from "../support/records.ts";
import { startRedis } from "../support/redis-server.ts";

const RUNS = 5_000;
const WAITING = 10_000;
const CALLS_PER_RUN = 4;
const OUTCOME_JSON = JSON.stringify({ result: "x".repeat(1_000), logs: [] });
const RESULT_JSON = JSON.stringify("y".repeat(2_000));

async function measure(label: string, count: number, work: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  await work();
  const micros = ((performance.now() - startedAt) * 1_000) / count;
  console.log(`  ${label.padEnd(34)} ${micros.toFixed(1).padStart(8)} µs`);
}

async function bench(name: string, stores: Stores): Promise<void> {
  const ids = Array.from({ length: RUNS }, (_, at) => `run_${String(at).padStart(6, "0")}`);
  const calls = ids.flatMap((id) => Array.from({ length: CALLS_PER_RUN }, (_, at) => call(id, at + 1, { attempt: 1 })));
  console.log(`${name}: ${RUNS} runs, ${CALLS_PER_RUN} calls each`);
  await measure("insert a run", RUNS, async () => {
    for (const [at, id] of ids.entries()) await stores.runs.insert(run(id, { principal: `p${at % 10}` }));
  });
  await measure("take: queued → running", RUNS, async () => {
    for (const id of ids) await stores.runs.take(id, ["queued"], 1);
  });
  await measure("journal: begin", calls.length, async () => {
    for (const start of calls) await stores.journal.begin(start);
  });
  const settlement = { outcome: "ok", settledAtMs: 2, order: 1, resultJson: RESULT_JSON, error: undefined } as const;
  await measure("journal: settle, 2 kB", calls.length, async () => {
    for (const { runId, seq } of calls) await stores.journal.settle({ runId, seq, attempt: 1 }, settlement);
  });
  await measure("update: running → succeeded, 1 kB", RUNS, async () => {
    const change = { status: "succeeded", endedAtMs: 3, outcomeJson: OUTCOME_JSON } as const;
    for (const id of ids) await stores.runs.update(id, ["queued", "running"], change);
  });
  await measure("get a run", RUNS, async () => {
    for (const id of ids) await stores.runs.get(id);
  });
  await measure("read a journal of 4 calls", RUNS, async () => {
    for (const id of ids) await stores.journal.list(id);
  });
  await measure("list 20 of one principal", 200, async () => {
    const query = { principal: "p3", status: undefined, limit: 20, before: undefined };
    for (let at = 0; at < 200; at++) await stores.runs.list(query);
  });
  await measure("prune a run with its journal", RUNS, () => stores.prune(10));
  await stores.close();
}

/** What 10,000 runs that each wait for a decision on their third call take of Redis's memory. */
async function measureWaiting({ client, prefix }: RedisConnection, stores: Stores): Promise<void> {
  const used = async (): Promise<number> => Number(/^used_memory:(\d+)/mu.exec(await client.info("memory"))?.[1]);
  const before = await used();
  const settlement = { outcome: "ok", settledAtMs: 2, order: 1, resultJson: "[1,2,3]", error: undefined } as const;
  const wait = async (at: number): Promise<void> => {
    const id = createId("run", 1_700_000_000_000 + at);
    await stores.runs.insert(run(id, { principal: `p${at % 10}` }));
    await stores.runs.take(id, ["queued"], 1);
    for (const seq of [1, 2]) await stores.journal.record(call(id, seq, { attempt: 1 }), settlement);
    await stores.journal.begin(call(id, 3, { attempt: 1 }));
    await stores.journal.ask({ runId: id, seq: 3, attempt: 1 }, { askedAtMs: 1, expiresAtMs: 1_700_000_000_000 + at });
    await stores.runs.update(id, ["running"], { status: "waiting", stateJson: '{"scripts":[]}' }, 1);
  };
  for (let at = 0; at < WAITING; at += 100)
    await Promise.all(Array.from({ length: 100 }, (_, more) => wait(at + more)));
  console.log(`  ${WAITING} waiting runs of 3 calls: ${(((await used()) - before) / WAITING).toFixed(0)} bytes each`);
  await client.eval("for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end", 0, `${prefix}*`);
}

async function measureAtOnce(stores: Stores): Promise<void> {
  const ids = Array.from({ length: RUNS }, (_, at) => `run_b${String(at).padStart(6, "0")}`);
  await measure("insert a run, 100 at once", RUNS, async () => {
    for (let at = 0; at < RUNS; at += 100)
      await Promise.all(ids.slice(at, at + 100).map((id) => stores.runs.insert(run(id))));
  });
}

async function benchRedis(appendonly: boolean): Promise<void> {
  const server = await startRedis({ appendonly, settings: appendonly ? { appendfsync: "everysec" } : {} });
  const connection = await connectRedis({ url: server.url, prefix: "runlet:", log: silentLog });
  await measureWaiting(connection, createRedisStores({ connection }));
  await measureAtOnce(createRedisStores({ connection }));
  await bench(
    `Redis${appendonly ? ", appendonly, fsync each second" : " in memory"}`,
    createRedisStores({ connection }),
  );
  await connection.close();
  await server.close();
}

const folder = mkdtempSync(join(tmpdir(), "runlet-bench-"));
try {
  await bench("memory", createMemoryStores());
  await bench("SQLite in memory", createSqliteStores(":memory:"));
  await bench("SQLite in a file", createSqliteStores(folder));
  console.log(`  file after pruning ${(statSync(join(folder, "runlet.db")).size / 1024 / 1024).toFixed(1)} MiB`);
  await benchRedis(false);
  await benchRedis(true);
} finally {
  rmSync(folder, { recursive: true });
}
