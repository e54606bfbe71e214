/**
 * Prints what runs that wait for approval cost a service, kept in SQLite: memory of the process, time to list a page and to have one
 * go on. `node test/bench/waiting.ts [RUNS]`, 100,000 by default. They are written to the store as a run leaves itself there, as
 * making so many would take minutes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { keyOf } from "../../src/bridge/recorded-calls.ts";
import type { RunView } from "../../src/runs/run.ts";
import { createSqliteStores } from "../../src/store/sqlite/create-sqlite-stores.ts";
import { call, run } from "../support/records.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";

const RUNS = Number(process.argv[2] ?? 100_000);
const SCRIPT = "return await mcp.tally.write({ n: input })";

async function fill(folder: string, runs: number): Promise<void> {
  const stores = createSqliteStores(join(folder, "data"));
  const events = [{ type: "queued" }, { type: "started" }, { type: "waiting" }].map((event, at) => ({
    ...event,
    id: at + 1,
    atMs: 1,
  }));
  const stateJson = JSON.stringify({ scripts: [], wallMs: 60, cpuMs: 3, retried: 0, events });
  for (let at = 0; at < runs; at++) {
    const id = `run_${String(at).padStart(8, "0")}`;
    const requestJson = JSON.stringify({ script: SCRIPT, input: at });
    await stores.runs.insert(run(id, { principal: "local", requestJson }));
    await stores.runs.take(id, ["queued"], 1_000);
    const key = keyOf('["tally","write"]', `[{"n":${at}}]`);
    const start = call(id, 1, { attempt: 1, server: "tally", tool: "write", key, argumentsJson: `{"n":${at}}` });
    await stores.journal.begin(start);
    await stores.journal.ask(start, { askedAtMs: 2_000, expiresAtMs: Date.now() + 86_400_000 });
    await stores.runs.update(id, ["running"], { status: "waiting", stateJson }, 1);
  }
  await stores.close();
}

/** Resident memory of a process, in KiB. */
function residentKiB(pid: number): number {
  return Number(/VmRSS:\s+(?<kib>\d+)/u.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.groups?.["kib"]);
}

async function measure(runs: number): Promise<number> {
  const folder = createFolder();
  await fill(folder, runs);
  const mcpServers = { tally: fixtureServer("tally", { EVENTS_FILE: join(folder, "events") }) };
  const approvals = [{ server: "tally", class: "write" as const }];
  const service = await startService({ folder, mcpServers, approvals, executors: { processes: 1 } });
  try {
    await service.run("return (await mcp.tally.read({})).call");
    for (let i = 0; i < 20; i++) await service.get("/runs?status=waiting&limit=100");
    const memory = residentKiB(service.pid);
    if (runs === 0) return memory;
    const startedAt = performance.now();
    const page = await service.get<{ runs: RunView[] }>("/runs?status=waiting&limit=100");
    console.log(`  list 100 of ${runs} that wait: ${(performance.now() - startedAt).toFixed(1)} ms`);
    const times: number[] = [];
    for (const { id } of page.body.runs.slice(0, 30)) {
      const before = performance.now();
      await service.post(`/runs/${id}/approvals`, { all: true, decision: "approve" });
      const { status, error } = await service.ended(id);
      if (status !== "succeeded") throw new Error(`${id} is ${status}: ${error?.message}`);
      times.push(performance.now() - before);
    }
    times.sort((a, b) => a - b);
    console.log(`  approve one and have it end: ${times[15]?.toFixed(1)} ms (median of 30)`);
    return memory;
  } finally {
    await service.remove();
  }
}

const empty = await measure(0);
const full = await measure(RUNS);
const bytes = ((full - empty) * 1024) / RUNS;
console.log(
  `  resident memory: ${(empty / 1024).toFixed(0)} MiB without, ${(full / 1024).toFixed(0)} MiB with ${RUNS} waiting runs`,
);
console.log(`  of one waiting run: ${bytes.toFixed(0)} bytes (goal: 1,024 at most)`);
