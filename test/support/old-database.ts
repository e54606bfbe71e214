import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { APPLICATION_ID, MIGRATIONS } from "../../src/store/sqlite/migrations.ts";

/** Makes a database of the version before a step of the schema. @param part Text of that step. */
export function makeDatabaseBefore(folder: string, part: string): void {
  const step = MIGRATIONS.findIndex((sql) => sql.includes(part));
  const database = new DatabaseSync(join(folder, "runlet.db"));
  for (const sql of MIGRATIONS.slice(0, step)) database.exec(sql);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${step}`);
  database.close();
}
