import { Redis, type RedisOptions } from "ioredis";
import { RunletError } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { watchOutages, type OutageWatch } from "./outages.ts";

/** Where the Redis server is, and which keys of it are ours. */
export interface RedisConnectionOptions {
  /** `redis://` or, with TLS, `rediss://`; may hold a user, a password and the number of a database. */
  readonly url: string;
  /** What every key begins with, its separator included: `runlet:`. */
  readonly prefix: string;
  readonly log: Log;
}

/** A Redis server that all parts of one process share. */
export interface RedisConnection {
  /** For commands that do not block. Those sent during an outage wait for its end. */
  readonly client: Redis;
  readonly prefix: string;
  /** Another connection to the same server, for what blocks or subscribes; closed with this one at the latest. */
  open(): Redis;
  /** Ends all connections, after the answers to what was sent if the server can be reached. Safe to call twice. */
  close(): Promise<void>;
}

const OLDEST_MAJOR = 7;
const RETRY_MAX_MS = 2_000;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Connects to a Redis or Valkey server of version 7 or later, not to a cluster. An outage later on delays work and fails none:
 * commands are sent again, so each write must bear being done twice. Pipelines must not be used: one that was answered in part
 * would fail.
 *
 * @throws CONFIG_INVALID when the server cannot be reached, refuses the credentials or is too old. Neither errors nor the log
 *   hold the URL's credentials.
 */
export async function connectRedis({ url, prefix, log }: RedisConnectionOptions): Promise<RedisConnection> {
  const address = addressOf(url);
  const outages = watchOutages(address, log);
  const client = new Redis(url, { ...OPTIONS, lazyConnect: true, retryStrategy: () => null });
  let failure: Error | undefined;
  client.on("error", (error: Error) => (failure = error));
  try {
    await client.connect();
    checkServer(address, await client.info(), log);
  } catch (error) {
    client.disconnect();
    if (error instanceof RunletError) throw error;
    throw unreachable(address, failure ?? error);
  }
  client.options.retryStrategy = retryDelayMs;
  outages.add(client);
  return connectionOf({ client, url, prefix, outages });
}

const OPTIONS = {
  maxRetriesPerRequest: null,
  enableReadyCheck: true,
  enableAutoPipelining: false,
  connectTimeout: CONNECT_TIMEOUT_MS,
  /** A server that became a replica takes no writes: look for its successor at the same address. */
  reconnectOnError: (error) => (error.message.startsWith("READONLY") ? 2 : false),
} as const satisfies RedisOptions;

function connectionOf(parts: {
  readonly client: Redis;
  readonly url: string;
  readonly prefix: string;
  readonly outages: OutageWatch;
}): RedisConnection {
  const { client, url, prefix, outages } = parts;
  const connections = new Set([client]);
  let closing: Promise<void> | undefined;
  async function closeAll(): Promise<void> {
    outages.end();
    await Promise.all(
      [...connections].map(async (one) => {
        if (one.status === "ready") await one.quit().catch(() => one.disconnect());
        else one.disconnect();
      }),
    );
  }
  return {
    client,
    prefix,
    open() {
      const another = new Redis(url, { ...OPTIONS, retryStrategy: retryDelayMs });
      connections.add(another);
      another.once("end", () => connections.delete(another));
      outages.add(another);
      return another;
    },
    close: () => (closing ??= closeAll()),
  };
}

function retryDelayMs(attempt: number): number {
  return Math.min(RETRY_MAX_MS, 25 * 2 ** Math.min(attempt, 16));
}

function addressOf(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !/^rediss?:$/u.test(parsed.protocol) || parsed.hostname === "") {
    throw new RunletError(
      "CONFIG_INVALID",
      "Cannot connect to Redis as its URL must begin with redis:// or rediss:// and name a host: current value does not.",
    );
  }
  return `${parsed.hostname}:${parsed.port || "6379"}`;
}

function checkServer(address: string, info: string, log: Log): void {
  const version = infoOf(info, "redis_version") ?? "unknown";
  if (!(Number.parseInt(version, 10) >= OLDEST_MAJOR)) {
    throw new RunletError(
      "CONFIG_INVALID",
      `Cannot use the Redis server at ${address} as its version must be ${OLDEST_MAJOR} or later: current value is "${version}".`,
      { hint: `Run Redis ${OLDEST_MAJOR} or later, or Valkey.` },
    );
  }
  const policy = infoOf(info, "maxmemory_policy") ?? "noeviction";
  if (policy !== "noeviction") {
    log.warn(
      { server: address, policy },
      "Redis may evict runs when its memory is full: set its maxmemory-policy to noeviction",
    );
  }
  if (infoOf(info, "aof_enabled") === "0") {
    log.warn({ server: address }, "Redis loses runs when it ends: set its appendonly to yes");
  }
}

function infoOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, "mu").exec(info)?.[1];
}

function unreachable(address: string, error: unknown): RunletError {
  const reason = error instanceof Error && error.message !== "" ? error.message : codeOf(error);
  return new RunletError(
    "CONFIG_INVALID",
    `Cannot connect to Redis as the server at ${address} must answer: it says "${reason}".`,
    { hint: "Start the server, or set redis.url to where it is, with its user and password if it wants them." },
  );
}

/** Of a host with several addresses that all fail, an error has a code and no message. */
function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "nothing";
}
