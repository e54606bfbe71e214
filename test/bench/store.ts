/** Prints what the store's writes cost on this machine, in µs each: `node test/bench/store.ts`. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStores } from "../../src/store/memory/create-memory-stores.ts";
import { createSqliteStores } from "../../src/store/sqlite/create-sqlite-stores.ts";
import type { Stores } from "../../src/store/stores.ts";
import { call, run } from "../support/records.ts";

const RUNS = 5_000;
const CALLS_PER_RUN = 4;
const OUTCOME_JSON = JSON.stringify({ result: "x".repeat(1_000), logs: [] });
const RESULT_JSON = JSON.stringify("y".repeat(2_000));

async function measure(label: string, count: number, work: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  await work();
  const micros = ((performance.now() - startedAt) * 1_000) / count;
  console.log(`  ${label.padEnd(34)} ${micros.toFixed(1).padStart(8)} µs`);
}

async function bench(name: string, stores: Stores): Promise<void> {
  const ids = Array.from({ length: RUNS }, (_, at) => `run_${String(at).padStart(6, "0")}`);
  const calls = ids.flatMap((id) => Array.from({ length: CALLS_PER_RUN }, (_, at) => call(id, at + 1, { attempt: 1 })));
  console.log(`${name}: ${RUNS} runs, ${CALLS_PER_RUN} calls each`);
  await measure("insert a run", RUNS, async () => {
    for (const [at, id] of ids.entries()) await stores.runs.insert(run(id, { principal: `p${at % 10}` }));
  });
  await measure("take: queued → running", RUNS, async () => {
    for (const id of ids) await stores.runs.take(id, ["queued"], 1);
  });
  await measure("journal: begin", calls.length, async () => {
    for (const start of calls) await stores.journal.begin(start);
  });
  const settlement = { outcome: "ok", settledAtMs: 2, order: 1, resultJson: RESULT_JSON, error: undefined } as const;
  await measure("journal: settle, 2 kB", calls.length, async () => {
    for (const { runId, seq } of calls) await stores.journal.settle({ runId, seq, attempt: 1 }, settlement);
  });
  await measure("update: running → succeeded, 1 kB", RUNS, async () => {
    const change = { status: "succeeded", endedAtMs: 3, outcomeJson: OUTCOME_JSON } as const;
    for (const id of ids) await stores.runs.update(id, ["queued", "running"], change);
  });
  await measure("get a run", RUNS, async () => {
    for (const id of ids) await stores.runs.get(id);
  });
  await measure("read a journal of 4 calls", RUNS, async () => {
    for (const id of ids) await stores.journal.list(id);
  });
  await measure("list 20 of one principal", 200, async () => {
    const query = { principal: "p3", status: undefined, limit: 20, before: undefined };
    for (let at = 0; at < 200; at++) await stores.runs.list(query);
  });
  await measure("prune a run with its journal", RUNS, () => stores.prune(10));
  await stores.close();
}

const folder = mkdtempSync(join(tmpdir(), "runlet-bench-"));
try {
  await bench("memory", createMemoryStores());
  await bench("SQLite in memory", createSqliteStores(":memory:"));
  await bench("SQLite in a file", createSqliteStores(folder));
  console.log(`  file after pruning ${(statSync(join(folder, "runlet.db")).size / 1024 / 1024).toFixed(1)} MiB`);
} finally {
  rmSync(folder, { recursive: true });
}
