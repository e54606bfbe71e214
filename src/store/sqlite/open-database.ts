import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { RunletError } from "../../lib/errors.ts";
import { storeClosed } from "../refusals.ts";
import { APPLICATION_ID, MIGRATIONS } from "./migrations.ts";
import { sqliteFailure, sqliteResultCode } from "./sqlite-failure.ts";

const FILE_NAME = "runlet.db";
/** How long a start waits for another process to let go of the file: an orderly restart overlaps this much. */
const LOCK_WAIT_MS = 2_000;
/** The write-ahead log is cut back to this size after a checkpoint. */
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;

/** An open SQLite database, held by this process alone. */
export interface Database {
  readonly connection: DatabaseSync;
  /**
   * Does one piece of work on the database; what SQLite throws becomes a `RunletError` that names the action.
   *
   * @param action Verb and object for messages, such as `insert a run`.
   * @throws INTERNAL when the database is closed or SQLite fails.
   */
  attempt<T>(action: string, work: () => T): T;
  /** Does several writes as one: all of them or, when `work` throws, none. Not within another. */
  transaction(work: () => void): void;
  /** Checkpoints and closes. Safe to call twice. */
  close(): void;
}

/**
 * Opens the database of a data folder and brings its schema up to date; makes the folder (0700) and the file (0600) when
 * they are missing.
 *
 * The process holds the file's lock until it closes or dies: the kernel frees it then, so no lock goes stale, and it
 * counts across containers that share the folder, which a process id in a file would not.
 *
 * @param dataDir Folder, or `:memory:` for a database that ends with the process.
 * @throws CONFIG_INVALID when the folder or file cannot be used, another process holds it, it is not ours, or a newer
 *   version of Runlet wrote it.
 */
export function openDatabase(dataDir: string): Database {
  const connection = connect(dataDir);
  try {
    prepareConnection(connection, dataDir);
    migrate(connection, dataDir);
  } catch (error) {
    connection.close();
    throw error instanceof RunletError ? error : unusable(dataDir, error);
  }
  return toDatabase(connection);
}

/** A database that is looked at only. */
export interface DatabaseLook {
  readonly database: Database;
  /** Version of its schema, and the one that this version of Runlet brings it to. */
  readonly version: number;
  readonly newest: number;
}

/**
 * Opens the database of a data folder, where there is one, to read it: nothing is made, changed or brought up to date. Nobody
 * else can open it meanwhile.
 *
 * @returns `undefined` when there is none.
 * @throws CONFIG_INVALID as `openDatabase` does, at once where another process holds it.
 */
export function lookIntoDatabase(dataDir: string): DatabaseLook | undefined {
  const path = join(dataDir, FILE_NAME);
  if (!existsSync(path)) return undefined;
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { timeout: 0 });
    connection.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON");
    const version = readVersion(connection, dataDir);
    return { database: toDatabase(connection), version, newest: MIGRATIONS.length };
  } catch (error) {
    connection?.close();
    throw error instanceof RunletError ? error : unusable(dataDir, error);
  }
}

function toDatabase(connection: DatabaseSync): Database {
  return {
    connection,
    attempt(action, work) {
      if (!connection.isOpen) throw storeClosed(action);
      try {
        return work();
      } catch (error) {
        throw error instanceof RunletError ? error : sqliteFailure(action, error);
      }
    },
    transaction(work) {
      connection.exec("BEGIN IMMEDIATE");
      try {
        work();
        connection.exec("COMMIT");
      } catch (error) {
        if (connection.isTransaction) connection.exec("ROLLBACK");
        throw error;
      }
    },
    close() {
      if (connection.isOpen) connection.close();
    },
  };
}

function connect(dataDir: string): DatabaseSync {
  try {
    if (dataDir === ":memory:") return new DatabaseSync(":memory:");
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const path = join(dataDir, FILE_NAME);
    closeSync(openSync(path, "a", 0o600));
    return new DatabaseSync(path, { timeout: LOCK_WAIT_MS });
  } catch (error) {
    throw unusable(dataDir, error);
  }
}

function prepareConnection(connection: DatabaseSync, dataDir: string): void {
  connection.exec("PRAGMA locking_mode = EXCLUSIVE");
  const mode = connection.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode !== "wal" && dataDir !== ":memory:") {
    throw refusal(dataDir, `its file system must carry SQLite's write-ahead log: current journal mode is "${mode}"`);
  }
  connection.exec(`
    PRAGMA synchronous = NORMAL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES};
  `);
}

function migrate(connection: DatabaseSync, dataDir: string): void {
  connection.exec("BEGIN EXCLUSIVE");
  try {
    const version = readVersion(connection, dataDir);
    for (const step of MIGRATIONS.slice(version)) connection.exec(step);
    connection.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}`);
    connection.exec("COMMIT");
  } catch (error) {
    if (connection.isTransaction) connection.exec("ROLLBACK");
    throw error;
  }
}

/** The version of the schema. @throws CONFIG_INVALID when the database is not ours or too new. */
function readVersion(connection: DatabaseSync, dataDir: string): number {
  const version = readPragma(connection, "PRAGMA user_version");
  const application = readPragma(connection, "PRAGMA application_id");
  const tables = readPragma(connection, "SELECT count(*) FROM sqlite_schema");
  if (application !== APPLICATION_ID && (application !== 0 || tables !== 0)) {
    throw refusal(dataDir, `${FILE_NAME} must be a database of Runlet: it belongs to another program`);
  }
  if (version > MIGRATIONS.length) {
    throw refusal(
      dataDir,
      `this version of Runlet reads schema ${MIGRATIONS.length} at most: current value is ${version}. Start the version that wrote it, or a newer one`,
    );
  }
  return version;
}

function readPragma(connection: DatabaseSync, sql: string): number {
  return Number(Object.values(connection.prepare(sql).get() ?? {})[0]);
}

function refusal(dataDir: string, rule: string, cause?: unknown): RunletError {
  return new RunletError("CONFIG_INVALID", `Cannot open the data folder "${dataDir}" as ${rule}.`, { cause });
}

/** Whether a database could not be opened because another process holds it. */
export function isHeldElsewhere(error: unknown): boolean {
  return error instanceof RunletError && sqliteResultCode(error.cause) === SQLITE_BUSY;
}

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function unusable(dataDir: string, error: unknown): RunletError {
  const code = sqliteResultCode(error);
  if (code === SQLITE_BUSY) {
    return refusal(
      dataDir,
      "one process at a time may use it: another one does. Stop that one, or set another dataDir",
      error,
    );
  }
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) {
    return refusal(
      dataDir,
      `${FILE_NAME} must be a whole SQLite database: it is damaged. Restore it from a backup, or move it away`,
      error,
    );
  }
  const why = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  return refusal(dataDir, `it must be a folder this user may write to: the system says ${why}`, error);
}
