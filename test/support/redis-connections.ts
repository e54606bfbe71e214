import { randomUUID } from "node:crypto";
import { afterAll } from "vitest";
import { silentLog } from "../../src/lib/log.ts";
import { connectRedis, type RedisConnection } from "../../src/store/redis/connect-redis.ts";
import { startRedis, type RedisServer } from "./redis-server.ts";

let server: Promise<RedisServer> | undefined;

afterAll(async () => (await server)?.close());

/** The Redis server of one test file, started when it is first asked for. */
export function fileRedis(): Promise<RedisServer> {
  return (server ??= startRedis());
}

/** A connection to the server of this test file, with keys of its own. */
export async function openRedis(prefix = `${randomUUID()}:`): Promise<RedisConnection> {
  return connectRedis({ url: (await fileRedis()).url, prefix, log: silentLog });
}
