/**
 * What the queue in Redis adds to BullMQ: jobs that do nothing, added and performed, through this queue and through BullMQ
 * alone: same server, same concurrency, jobs removed when done; both in turn, several rounds, after one that does not count.
 *
 * `node test/bench/queue.ts [JOBS]`: jobs of one round, 10,000 unless said otherwise.
 */
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createBullmqQueue } from "../../src/queue/bullmq-queue.ts";
import { startRedis } from "../support/redis-server.ts";
import { quantile } from "./statistics.ts";

const JOBS = Number(process.argv[2] ?? 10_000);
const ROUNDS = 5;
const CONCURRENCY = 32;
/** Callers that add at once, each one job after the other. */
const CALLERS = [1, 64];

interface System {
  readonly add: (id: string, at: number) => Promise<unknown>;
  readonly close: () => Promise<unknown>;
}

/** Jobs a second in one round. */
interface Rates {
  readonly bare: number;
  readonly ours: number;
}

type Open = (url: string, done: () => void) => Promise<System>;

const bare: Open = async (url, done) => {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const prefix = "bare";
  const queue = new Queue("runs", { connection, prefix });
  const worker = new Worker("runs", async () => done(), {
    connection,
    prefix,
    concurrency: CONCURRENCY,
    lockDuration: 10_000,
    stalledInterval: 5_000,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });
  await worker.waitUntilReady();
  return {
    add: (jobId) => queue.add("run", 0, { jobId, removeOnComplete: true, removeOnFail: true }),
    close: async () => {
      await worker.close();
      await queue.close();
      await connection.quit();
    },
  };
};

const ours: Open = async (url, done) => {
  const queue = createBullmqQueue({
    url,
    depth: JOBS,
    concurrency: CONCURRENCY,
    concurrencyOf: () => Infinity,
    onLost: async () => undefined,
    log: silentLog,
    clock: systemClock,
  });
  queue.start(async () => done());
  return {
    add: (runId, at) => queue.enqueue({ runId, principal: `p${at % 8}`, priority: 0, attempt: 1 }),
    close: () => queue.close(1_000),
  };
};

/** @returns Jobs a second, from the first that is added to the last that has ended. */
async function measure(url: string, open: Open, callers: number): Promise<number> {
  let left = JOBS;
  const all = Promise.withResolvers<void>();
  const system = await open(url, () => {
    if (--left === 0) all.resolve();
  });
  await system.add("warm.0", 0).then(() => left++);
  let at = 0;
  const startedAt = performance.now();
  const caller = async (): Promise<void> => {
    while (at < JOBS) {
      const mine = at++;
      await system.add(`run_${mine}.1`, mine);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  await all.promise;
  const rate = (JOBS / (performance.now() - startedAt)) * 1_000;
  await system.close();
  return rate;
}

const server = await startRedis();
try {
  for (const callers of CALLERS) {
    const rates: Rates[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const rate = { bare: await measure(server.url, bare, callers), ours: await measure(server.url, ours, callers) };
      if (round > 0) rates.push(rate);
    }
    const median = (of: (rate: Rates) => number): number => quantile(rates.map(of), 0.5);
    const ratio = median((rate) => rate.ours / rate.bare);
    const [bareRate, ourRate] = [median((rate) => rate.bare), median((rate) => rate.ours)];
    console.log(
      `${callers} caller${callers === 1 ? "" : "s"}: BullMQ alone ${Math.round(bareRate)} jobs/s, ` +
        `this queue ${Math.round(ourRate)} jobs/s; ${ratio.toFixed(2)} x (median of ${ROUNDS} rounds, at least 0.70 wanted)`,
    );
  }
} finally {
  await server.close();
}
