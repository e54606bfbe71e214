import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStores } from "../../src/store/memory/create-memory-stores.ts";
import { createSqliteStores } from "../../src/store/sqlite/create-sqlite-stores.ts";
import type { Stores } from "../../src/store/stores.ts";

/** Stores that a test opened, and what removes what they leave behind. */
export interface OpenedStores {
  readonly stores: Stores;
  readonly cleanUp: () => void;
}

/** Every implementation of the stores, by its name. */
export const STORE_KINDS: readonly (readonly [name: string, open: () => OpenedStores])[] = [
  ["memory stores", () => ({ stores: createMemoryStores(), cleanUp: () => undefined })],
  ["SQLite stores in memory", () => ({ stores: createSqliteStores(":memory:"), cleanUp: () => undefined })],
  [
    "SQLite stores in a file",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "runlet-stores-"));
      return { stores: createSqliteStores(folder), cleanUp: () => rmSync(folder, { recursive: true }) };
    },
  ],
];
