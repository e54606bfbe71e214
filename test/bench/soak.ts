/**
 * `npm run bench:soak -- 10000`: that many runs through the whole service, one in fifty of them failing; then memory of the
 * service and of its executors, descriptors and processes, before and after. Prints numbers; judges nothing.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compileConfig } from "../../src/config/compile.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createService } from "../../src/service.ts";
import { descendants } from "../support/processes.ts";
import { quantile, show } from "./statistics.ts";

const TOTAL = Number(process.argv[2] ?? 10_000);
const CLIENTS = 8;
const WARM_UP = 1_000;
const PAGE_MIB = 4_096 / 1024 / 1024;

const config = compileConfig({
  port: 0,
  dataDir: ":memory:",
  mcpServers: {
    bench: { command: process.execPath, args: [fileURLToPath(new URL("noop-server.ts", import.meta.url))] },
  },
});
const service = await createService(config, { log: silentLog });
const { url } = await service.listen();

const SCRIPTS = [
  "return 1+1",
  "console.log('x'.repeat(100)); return await mcp.bench.noop({})",
  "return (await Promise.all(Array.from({length: 5}, () => mcp.bench.noop({})))).length",
];

const times: number[] = [];
let wrong = 0;

async function post(index: number): Promise<void> {
  const fails = index % 50 === 0;
  const script = fails ? "throw new Error('on purpose')" : SCRIPTS[index % SCRIPTS.length];
  const startedAt = performance.now();
  const response = await fetch(`${url}/run`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ script }),
  });
  const { status } = (await response.json()) as { status: string };
  times.push(performance.now() - startedAt);
  if (status !== (fails ? "failed" : "succeeded")) wrong++;
}

async function runMany(count: number): Promise<void> {
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < count) await post(next++);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

function rssMiB(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_MIB;
}

function report(label: string): void {
  globalThis.gc?.();
  const { heapUsed } = process.memoryUsage();
  const executors = service.executor.pids().map((pid) => show(rssMiB(pid)));
  console.log(
    `${label}: service RSS ${show(rssMiB(process.pid))} MiB, heap ${show(heapUsed / 1024 / 1024)} MiB, ` +
      `descriptors ${readdirSync("/proc/self/fd").length}, executors [${executors.join(", ")}] MiB, child processes ${descendants(process.pid).length}`,
  );
}

await service.executor.ready();
await runMany(WARM_UP);
report(`after ${WARM_UP}`);
times.length = 0;
const startedAt = performance.now();
for (let part = 1; part <= 4; part++) {
  await runMany(TOTAL / 4);
  report(`after ${(TOTAL / 4) * part} more`);
}
const seconds = (performance.now() - startedAt) / 1_000;
console.log(
  `${TOTAL} runs, ${CLIENTS} clients: ${show(TOTAL / seconds)} runs/s, p50 ${show(quantile(times, 0.5))} ms, p99 ${show(quantile(times, 0.99))} ms, wrong answers ${wrong}, crashes ${service.executor.status().crashes}`,
);
await service.close();
console.log(`after close: child processes ${descendants(process.pid).length}`);
