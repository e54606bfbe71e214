import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createBullmqQueue, type BullmqQueueOptions } from "../../src/queue/bullmq-queue.ts";
import { createLocalQueue } from "../../src/queue/local-queue.ts";
import type { QueueOptions } from "../../src/queue/queue-options.ts";
import type { RunQueue } from "../../src/queue/run-queue.ts";
import { startRedis, type RedisServer } from "./redis-server.ts";

/** One implementation of the queue, and what it needs around it. */
export interface QueueKind {
  /** Makes a queue of its own. */
  open(options?: Partial<QueueOptions>): RunQueue;
  /** Ends what the queues needed. */
  cleanUp(): Promise<void>;
}

const DEFAULTS = { depth: 100, concurrency: 1, log: silentLog, clock: systemClock };

let prefixes = 0;

/** Every implementation of the queue, by its name. */
export const QUEUE_KINDS: readonly (readonly [name: string, create: () => Promise<QueueKind>])[] = [
  [
    "the queue in process",
    async () => ({ open: (options) => createLocalQueue({ ...DEFAULTS, ...options }), cleanUp: async () => undefined }),
  ],
  [
    "the queue in Redis",
    async () => {
      const server = await startRedis();
      return {
        open: (options) => openRedisQueue(server, { prefix: `test${++prefixes}`, ...options }),
        cleanUp: () => server.close(),
      };
    },
  ],
];

/** A queue on a test's server; those of one prefix share their jobs. */
export function openRedisQueue({ url }: Pick<RedisServer, "url">, options: Partial<BullmqQueueOptions> = {}): RunQueue {
  return createBullmqQueue({ ...DEFAULTS, url, onLost: async () => undefined, ...options });
}
