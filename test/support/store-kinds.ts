import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStores } from "../../src/store/memory/create-memory-stores.ts";
import { createRedisStores } from "../../src/store/redis/create-redis-stores.ts";
import { createSqliteStores } from "../../src/store/sqlite/create-sqlite-stores.ts";
import type { Stores } from "../../src/store/stores.ts";
import { openRedis } from "./redis-connections.ts";

/** Stores that a test opened, and what removes what they leave behind. */
export interface OpenedStores {
  readonly stores: Stores;
  readonly cleanUp: () => void | Promise<void>;
}

/** Every implementation of the stores, by its name. */
export const STORE_KINDS: readonly (readonly [name: string, open: () => OpenedStores | Promise<OpenedStores>])[] = [
  ["memory stores", () => ({ stores: createMemoryStores(), cleanUp: () => undefined })],
  ["SQLite stores in memory", () => ({ stores: createSqliteStores(":memory:"), cleanUp: () => undefined })],
  [
    "SQLite stores in a file",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "runlet-stores-"));
      return { stores: createSqliteStores(folder), cleanUp: () => rmSync(folder, { recursive: true }) };
    },
  ],
  [
    "Redis stores",
    async () => {
      const connection = await openRedis();
      return { stores: createRedisStores({ connection }), cleanUp: () => connection.close() };
    },
  ],
];
