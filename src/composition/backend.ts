import type { Config } from "../config/config.ts";
import type { Log } from "../lib/log.ts";
import { createBullmqQueue } from "../queue/bullmq-queue.ts";
import { createLocalQueue } from "../queue/local-queue.ts";
import type { QueueOptions } from "../queue/queue-options.ts";
import type { RunQueue } from "../queue/run-queue.ts";
import { FeedRunEvents } from "../runs/feed-run-events.ts";
import { MemoryRunEvents } from "../runs/run-events.ts";
import type { RunEvents } from "../runs/run-events.ts";
import { createMemoryStores } from "../store/memory/create-memory-stores.ts";
import { createMemoryQuotaStore } from "../store/memory/memory-quota-store.ts";
import type { QuotaStore } from "../store/quota-store.ts";
import { connectRedis } from "../store/redis/connect-redis.ts";
import { createRedisStores } from "../store/redis/create-redis-stores.ts";
import { createRedisEventFeed } from "../store/redis/redis-event-feed.ts";
import { createRedisQuotaStore } from "../store/redis/redis-quota-store.ts";
import { createSqliteStores } from "../store/sqlite/create-sqlite-stores.ts";
import type { Stores } from "../store/stores.ts";

/** Where runs are kept and how they reach those who perform them: within this process, or shared by many. */
export interface Backend {
  readonly stores: Stores;
  readonly quotas: QuotaStore;
  readonly events: RunEvents;
  /** @param onLost Told of a run of whose job every process died. */
  createQueue(options: QueueOptions, onLost: (runId: string) => Promise<void>): RunQueue;
  /** Whether stored runs outlive this process. */
  readonly isDurable: boolean;
  /** Whether other processes take, perform and watch runs of it. */
  readonly isShared: boolean;
  /** Closes the stores and what they stand on. Safe to call twice. */
  close(): Promise<void>;
}

/** Opens what the configuration names. @throws CONFIG_INVALID when it cannot be used. */
export async function openBackend(config: Config, log: Log): Promise<Backend> {
  return config.redis === undefined ? openLocal(config) : openShared(config, config.redis, log);
}

function openLocal({ dataDir }: Config): Backend {
  const isDurable = dataDir !== ":memory:";
  const stores = isDurable ? createSqliteStores(dataDir) : createMemoryStores();
  return {
    stores,
    quotas: createMemoryQuotaStore(),
    events: new MemoryRunEvents(),
    createQueue: createLocalQueue,
    isDurable,
    isShared: false,
    close: () => stores.close(),
  };
}

async function openShared(
  { queue }: Config,
  { url, prefix }: NonNullable<Config["redis"]>,
  log: Log,
): Promise<Backend> {
  const connection = await connectRedis({ url, prefix: `${prefix}:`, log });
  const stores = createRedisStores({ connection });
  const feed = createRedisEventFeed(connection);
  const { stallAfterMs } = queue;
  return {
    stores,
    quotas: createRedisQuotaStore(connection),
    events: new FeedRunEvents({ feed, runs: stores.runs, log }),
    createQueue: (options, onLost) => createBullmqQueue({ ...options, url, prefix, stallAfterMs, onLost }),
    isDurable: true,
    isShared: true,
    async close() {
      await stores.close();
      await connection.close();
    },
  };
}
