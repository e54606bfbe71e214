import { createSqliteStores } from "../../src/store/sqlite/create-sqlite-stores.ts";
import { run } from "./records.ts";

/** Opens the stores of the folder in `argv[2]`, inserts a run, says so, and closes when stdin ends. */
const stores = createSqliteStores(process.argv[2] ?? "");
await stores.runs.insert(run("run_held"));
process.stdout.write("held\n");
process.stdin.resume().on("end", () => void stores.close());
