import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compileConfig } from "../../src/config/compile.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createService } from "../../src/service.ts";
import { createSqliteStores } from "../../src/store/sqlite/create-sqlite-stores.ts";
import { descendants } from "../support/processes.ts";
import { run } from "../support/records.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "runlet-service-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

test("a service that cannot take up what an earlier one left leaves no process and no lock behind", async () => {
  const before = new Set(descendants(process.pid));
  const stores = createSqliteStores(dataDir);
  await stores.runs.insert(run("run_1"));
  await stores.close();
  const database = new DatabaseSync(join(dataDir, "runlet.db"));
  database.exec("UPDATE runs SET source = 'dream'");
  database.close();

  const config = compileConfig({ dataDir, executors: { processes: 2 } });
  await expect(createService(config, { log: silentLog })).rejects.toMatchObject({ code: "INTERNAL" });

  expect(descendants(process.pid).filter((pid) => !before.has(pid))).toEqual([]);
  await createSqliteStores(dataDir).close();
});
