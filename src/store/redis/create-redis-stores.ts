import type { Stores } from "../stores.ts";
import type { RedisConnection } from "./connect-redis.ts";
import { RedisJournal } from "./redis-journal.ts";
import { RedisObservationStore } from "./redis-observation-store.ts";
import { RedisPinStore } from "./redis-pin-store.ts";
import { RedisResultStore } from "./redis-result-store.ts";
import { RedisRunStore } from "./redis-run-store.ts";
import { PRUNE } from "./run-scripts.ts";
import { ScriptRunner } from "./script.ts";

/** What the stores need of the connection. */
export interface RedisStoreOptions {
  /** Shared with others; whoever made it closes it after the stores. */
  readonly connection: Pick<RedisConnection, "client" | "prefix">;
}

/** How many runs are deleted before other work of Redis has its turn. */
const PRUNE_BATCH = 100;

/**
 * Stores in Redis, for any number of processes. Writes are as durable as the server is: with `appendonly yes` they outlive it.
 * Those that wait for a server that is away are done when it is back.
 */
export function createRedisStores({ connection }: RedisStoreOptions): Stores {
  const scripts = new ScriptRunner(connection);
  return {
    runs: new RedisRunStore(scripts),
    journal: new RedisJournal(scripts),
    results: new RedisResultStore(scripts),
    observations: new RedisObservationStore(scripts),
    pins: new RedisPinStore(scripts),
    async prune(endedBeforeMs) {
      let deleted = 0;
      for (;;) {
        const count = Number(await scripts.run("prune runs", PRUNE, endedBeforeMs, PRUNE_BATCH));
        deleted += count;
        if (count < PRUNE_BATCH) return deleted;
      }
    },
    async close() {
      scripts.close();
    },
  };
}
