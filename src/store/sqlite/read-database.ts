import type { PinRecord } from "../pin-store.ts";
import { lookIntoDatabase } from "./open-database.ts";
import { SqlitePinStore } from "./sqlite-pin-store.ts";

/** What a database holds that is read without being changed. */
export interface ReadDatabase {
  /** Version of its schema. */
  readonly version: number;
  /** The version that the next start brings it to. */
  readonly newest: number;
  /** Every pin; none where the schema is older than this version's. */
  readonly pins: readonly PinRecord[];
}

/**
 * Reads the database of a data folder, and lets go of it.
 *
 * @returns `undefined` when there is none.
 * @throws CONFIG_INVALID as `openDatabase` does.
 */
export async function readDatabase(dataDir: string): Promise<ReadDatabase | undefined> {
  const look = lookIntoDatabase(dataDir);
  if (look === undefined) return undefined;
  const { database, version, newest } = look;
  try {
    return { version, newest, pins: version === newest ? await new SqlitePinStore(database).list() : [] };
  } finally {
    database.close();
  }
}
