/**
 * Prints what sharing runs by Redis costs, in one run on one machine: `POST /run` in wait mode on a service by itself (SQLite) and on
 * one with Redis (AOF, fsync always), and how soon a run goes on whose worker was killed. `node test/bench/shared.ts [recovery]`
 */
import { startRedis } from "../support/redis-server.ts";
import { fixtureServer, pause, startService } from "../support/service.ts";
import type { RunningService, StartOptions } from "../support/service.ts";

const RUNS = 150;
const ROUNDS = 3;
const SCRIPT = "return (await mcp.lab.echo({ v: input })).v";

const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

async function post(service: RunningService, runs: number): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < runs; at++) {
    const startedAt = performance.now();
    await service.run(SCRIPT, { input: at });
    times.push(performance.now() - startedAt);
  }
  return times;
}

async function waitMode(redisUrl: string): Promise<void> {
  const options: StartOptions = { mcpServers: { lab: fixtureServer("lab") }, executors: { processes: 1 } };
  const alone = await startService(options);
  const shared = await startService({ ...options, redis: { url: redisUrl, prefix: "bench" } });
  try {
    await Promise.all([post(alone, 30), post(shared, 30)]);
    const ratios: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const [embedded, redis] = [middle(await post(alone, RUNS)), middle(await post(shared, RUNS))];
      ratios.push(redis / embedded);
      console.log(
        `  POST /run, one call, p50: embedded ${embedded.toFixed(2)} ms, Redis ${redis.toFixed(2)} ms, ${(redis / embedded).toFixed(2)} x`,
      );
    }
    console.log(`  median: ${middle(ratios).toFixed(2)} x`);
  } finally {
    await alone.remove();
    await shared.remove();
  }
}

async function recovery(redisUrl: string): Promise<void> {
  const start = (role: "api" | "worker"): Promise<RunningService> =>
    startService({
      mcpServers: { lab: fixtureServer("lab") },
      executors: { processes: 1 },
      redis: { url: redisUrl, prefix: "recovery" },
      role,
    });
  const [api, killed] = [await start("api"), await start("worker")];
  const id = await api.queue("await mcp.lab.echo({}); await new Promise((done) => setTimeout(done, 15_000)); return 1");
  await pause(1_000);
  const other = await start("worker");
  const startedAt = performance.now();
  const stopped = killed.stop("SIGKILL");
  for await (const event of api.events(id)) if (event.type === "resumed") break;
  console.log(
    `  a run of a killed worker goes on after ${((performance.now() - startedAt) / 1000).toFixed(1)} s (stallAfter 10s)`,
  );
  await Promise.all([stopped, api.ended(id)]);
  await Promise.all([api.remove(), other.remove()]);
}

const redis = await startRedis({ appendonly: true });
try {
  if (process.argv[2] !== "recovery") await waitMode(redis.url);
  await recovery(redis.url);
} finally {
  await redis.close();
}
