import { Redis } from "ioredis";
import type { Log } from "../lib/log.ts";

/** Where the queue's Redis is. */
export interface RedisLinkOptions {
  /** `redis://` or `rediss://`, with the credentials and the number of the database, where it has any. */
  readonly url: string;
  readonly log: Log;
}

const RECONNECT_MS = { step: 50, most: 1_000 };

/** Connections to one Redis that come back by themselves for ever, and tell the log once that it is gone. */
export class RedisLink {
  readonly #log: Log;
  readonly #connections = new Set<Redis>();
  #isDown = false;
  /** For commands. Those that are sent while Redis is gone wait for it, and keep their order. */
  readonly commands: Redis;

  constructor({ url, log }: RedisLinkOptions) {
    this.#log = log;
    this.commands = this.#watch(
      new Redis(url, {
        // What BullMQ asks for: no command is given up while Redis is away.
        maxRetriesPerRequest: null,
        retryStrategy: (attempt) => Math.min(attempt * RECONNECT_MS.step, RECONNECT_MS.most),
      }),
    );
    this.commands.on("ready", () => {
      if (this.#isDown) this.#log.info({}, "Redis answers again; the queue goes on.");
      this.#isDown = false;
    });
  }

  /** Opens one more connection, to subscribe with. */
  open(): Redis {
    return this.#watch(this.commands.duplicate());
  }

  /** Tells an error of a connection to the log, once for each time that Redis goes; any other each time. */
  tell(error: Error): void {
    if (this.#connections.size === 0) return;
    if (!isConnectionError(error)) {
      this.#log.warn({ err: error }, "The queue met an error; it goes on.");
    } else if (!this.#isDown) {
      this.#isDown = true;
      this.#log.error({ err: error }, "Redis cannot be reached: queued runs wait until it is back.");
    }
  }

  /** Ends all connections, after what was sent where Redis answers. Safe to call twice. */
  async close(): Promise<void> {
    const open = [...this.#connections];
    this.#connections.clear();
    await Promise.allSettled(open.map(async (redis) => (redis.status === "ready" ? redis.quit() : redis.disconnect())));
  }

  #watch(redis: Redis): Redis {
    this.#connections.add(redis);
    return redis.on("error", (error: Error) => this.tell(error));
  }
}

const CODES = new Set(["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EPIPE", "ETIMEDOUT", "EAI_AGAIN", "EHOSTUNREACH"]);

/** Whether Redis was not reached, as against an answer of it that says no. */
export function isConnectionError(error: Error & { readonly code?: unknown }): boolean {
  return (
    (typeof error.code === "string" && CODES.has(error.code)) || /connection is closed|ECONN/iu.test(error.message)
  );
}
