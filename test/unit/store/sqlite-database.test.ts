import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RunletError } from "../../../src/lib/errors.ts";
import { createSqliteStores } from "../../../src/store/sqlite/create-sqlite-stores.ts";
import { APPLICATION_ID, MIGRATIONS } from "../../../src/store/sqlite/migrations.ts";
import { openDatabase } from "../../../src/store/sqlite/open-database.ts";
import { call, run } from "../../support/records.ts";

const HOLDER = new URL("../../support/hold-store.ts", import.meta.url).pathname;

let folder: string;
let children: ChildProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "runlet-database-"));
  children = [];
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
  rmSync(folder, { recursive: true });
});

/** A process that opens the stores of a folder, inserts a run and holds on. */
async function holdInOtherProcess(dataDir: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [HOLDER, dataDir], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout, "data");
  return child;
}

function refusalOf(dataDir: string): RunletError {
  try {
    openDatabase(dataDir).close();
  } catch (error) {
    if (error instanceof RunletError) return error;
    throw error;
  }
  throw new Error("the database opened");
}

function edit(sql: string): void {
  const database = new DatabaseSync(join(folder, "runlet.db"));
  database.exec(sql);
  database.close();
}

describe("the data folder", () => {
  it("is made with its parents for this user alone, and so is the file", () => {
    const dataDir = join(folder, "var", "runlet");
    createSqliteStores(dataDir);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDir, "runlet.db")).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, "runlet.db-wal")).mode & 0o777).toBe(0o600);
  });

  it("keeps the rights its owner gave it", () => {
    chmodSync(folder, 0o750);
    openDatabase(folder).close();
    expect(statSync(folder).mode & 0o777).toBe(0o750);
  });

  it("keeps runs and journals over a restart", async () => {
    const first = createSqliteStores(folder);
    await first.runs.insert(run("run_1"));
    await first.journal.begin(call("run_1", 1));
    await first.close();
    expect(existsSync(join(folder, "runlet.db-wal"))).toBe(false);
    const second = createSqliteStores(folder);
    expect(await second.runs.get("run_1")).toEqual(run("run_1"));
    expect(await second.journal.list("run_1")).toHaveLength(1);
    await second.close();
  });

  it("is refused when a file stands in its place", () => {
    const path = join(folder, "file");
    writeFileSync(path, "");
    expect(refusalOf(path)).toMatchObject({
      code: "CONFIG_INVALID",
      message: `Cannot open the data folder "${path}" as it must be a folder this user may write to: the system says EEXIST.`,
    });
  });

  it("is refused when a folder stands in the file's place", () => {
    mkdirSync(join(folder, "runlet.db"));
    expect(refusalOf(folder)).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("the system says EISDIR") as string,
    });
  });
});

describe("the lock", () => {
  it("keeps a second process out", async () => {
    await holdInOtherProcess(folder);
    expect(refusalOf(folder)).toMatchObject({
      code: "CONFIG_INVALID",
      message: `Cannot open the data folder "${folder}" as one process at a time may use it: another one does. Stop that one, or set another dataDir.`,
    });
  });

  it("keeps a second opening in the same process out", () => {
    const first = openDatabase(folder);
    expect(refusalOf(folder).code).toBe("CONFIG_INVALID");
    first.close();
    openDatabase(folder).close();
  });

  it("of a killed process does not outlive it, nor are its writes lost", async () => {
    const child = await holdInOtherProcess(folder);
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    const stores = createSqliteStores(folder);
    expect((await stores.runs.unfinished()).map(({ id }) => id)).toEqual(["run_held"]);
    await stores.close();
  });

  it("is waited for while the other process ends", async () => {
    const child = await holdInOtherProcess(folder);
    await new Promise<void>((resolve) => child.stdin?.end(resolve));
    openDatabase(folder).close();
  });
});

describe("the schema", () => {
  it("is marked with its version and as ours", () => {
    const database = openDatabase(folder);
    const read = (sql: string): unknown => Object.values(database.connection.prepare(sql).get() ?? {})[0];
    expect(read("PRAGMA user_version")).toBe(MIGRATIONS.length);
    expect(read("PRAGMA application_id")).toBe(APPLICATION_ID);
    expect(read("PRAGMA journal_mode")).toBe("wal");
    expect(read("PRAGMA synchronous")).toBe(1);
    expect(read("PRAGMA foreign_keys")).toBe(1);
    database.close();
  });

  it("of a newer version is refused and left as it is", () => {
    openDatabase(folder).close();
    edit("PRAGMA user_version = 99");
    const before = readFileSync(join(folder, "runlet.db"));
    expect(refusalOf(folder)).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(
        `this version of Runlet reads schema ${MIGRATIONS.length} at most: current value is 99.`,
      ) as string,
    });
    expect(readFileSync(join(folder, "runlet.db")).equals(before)).toBe(true);
  });

  it("of another program is refused", () => {
    edit("CREATE TABLE songs (title TEXT)");
    expect(refusalOf(folder)).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("it belongs to another program") as string,
    });
  });

  it("rolls back whole when a step fails, so that the next start tries again", () => {
    edit(`PRAGMA application_id = ${APPLICATION_ID}; CREATE TABLE calls (x)`);
    expect(refusalOf(folder).code).toBe("CONFIG_INVALID");
    edit("DROP TABLE calls");
    const tables = new DatabaseSync(join(folder, "runlet.db"));
    expect(tables.prepare("SELECT name FROM sqlite_schema").all()).toEqual([]);
    tables.close();
    openDatabase(folder).close();
  });

  it("answers every list from an index, without sorting", () => {
    const database = openDatabase(":memory:");
    const filters = ["", "principal = 'a' AND ", "status = 'a' AND ", "principal = 'a' AND status = 'b' AND "];
    for (const filter of filters) {
      const sql = `EXPLAIN QUERY PLAN SELECT * FROM runs WHERE ${filter}id < coalesce(NULL, x'') ORDER BY id DESC LIMIT 5`;
      const plan = database.connection
        .prepare(sql)
        .all()
        .map((row) => String(row["detail"]));
      expect(plan).toEqual([expect.stringMatching(/^SEARCH runs USING INDEX .*id<\?\)$/u)]);
    }
    database.close();
  });
});

describe("damage", () => {
  it("of the file is told before anything is served", () => {
    writeFileSync(join(folder, "runlet.db"), "these are not the bytes of a database ".repeat(200));
    expect(refusalOf(folder)).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("runlet.db must be a whole SQLite database: it is damaged.") as string,
    });
  });

  it.each([
    ["metadata_json = '{'", 'Cannot read run "run_1" as its stored metadata_json must be JSON: it is not.'],
    ["status = 'lost'", 'Cannot read run "run_1" as its stored status must be one of queued, running,'],
    ["source = 'x'", 'Cannot read run "run_1" as its stored source must be one of script, task: it is not.'],
  ])("of a run's row is told without its content: %s", async (assignment, message) => {
    const first = createSqliteStores(folder);
    await first.runs.insert(run("run_1"));
    await first.close();
    edit(`UPDATE runs SET ${assignment}`);
    const stores = createSqliteStores(folder);
    const failure = { code: "INTERNAL", message: expect.stringContaining(message) as string };
    await expect(stores.runs.get("run_1")).rejects.toMatchObject(failure);
    await stores.close();
  });

  it.each(["'{'", "'{}'", `'{"code":"NO_SUCH_CODE","message":"m"}'`])("of a call's error is told: %s", async (text) => {
    const first = createSqliteStores(folder);
    await first.runs.insert(run("run_1"));
    await first.journal.begin(call("run_1", 1));
    await first.close();
    edit(`UPDATE calls SET error_json = ${text}`);
    const stores = createSqliteStores(folder);
    await expect(stores.journal.list("run_1")).rejects.toMatchObject({
      code: "INTERNAL",
      message: expect.stringContaining('Cannot read call 1 of run "run_1" as its stored error_json must be') as string,
    });
    await stores.close();
  });

  it("met in a statement is INTERNAL, with SQLite's word and its error as the cause", async () => {
    const database = openDatabase(":memory:");
    const failed = (): unknown =>
      database.attempt("count songs", () => database.connection.exec("SELECT * FROM songs"));
    expect(failed).toThrow('Cannot count songs as the database must take it: SQLite says "SQL logic error".');
    expect(failed).toThrow(expect.objectContaining({ code: "INTERNAL", cause: expect.any(Error) as Error }) as Error);
    database.close();
  });
});
