/**
 * Prints what large results cost: time of the whole run, computing time of the service's main thread, and the longest that
 * the thread was held up, which a run of nothing is measured for too: `node test/bench/results.ts`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { compileConfig } from "../../src/config/compile.ts";
import { LOCAL_PRINCIPAL } from "../../src/config/principal.ts";
import type { RunRequest } from "../../src/runs/run.ts";
import { createService } from "../../src/service.ts";
import { quantile, show } from "./statistics.ts";

const TIMES = 5;
const MIB = 1024 * 1024;
const OBJECTS =
  "return Array.from({ length: 200_000 }, (_, id) => ({ id, name: 'item ' + id, text: 'some text '.repeat(9) }))";
const LIMITS = { memoryMiB: 256, resultBytes: 64 * MIB };
const CASES: readonly (readonly [label: string, request: RunRequest])[] = [
  ["nothing", { script: "return 1" }],
  ["1 MiB of text, whole", { script: "return 'x'.repeat(1e6)" }],
  ["30 MiB of text", { script: "return 'x'.repeat(30 * 2 ** 20)" }],
  ["60 MiB of text", { script: "return 'x'.repeat(60 * 2 ** 20)", limits: LIMITS }],
  ["27 MiB of objects", { script: OBJECTS, limits: LIMITS }],
  ["27 MiB of objects, checked", { script: OBJECTS, limits: LIMITS, outputSchema: { items: { required: ["id"] } } }],
  ["9 MiB of empty lists", { script: "return Array.from({ length: 3e6 }, () => [])", limits: LIMITS }],
];

const dataDir = mkdtempSync(join(tmpdir(), "runlet-bench-"));
const service = await createService(compileConfig({ dataDir, log: { level: "error" }, executors: { processes: 1 } }));
try {
  await service.executor.ready();
  console.log(
    `${"result".padEnd(30)} ${"run, ms".padStart(10)} ${"CPU, ms".padStart(10)} ${"held up, ms".padStart(12)}`,
  );
  for (const [label, request] of CASES) {
    const samples: { readonly wall: number; readonly cpu: number; readonly held: number }[] = [];
    for (let time = 0; time < TIMES; time++) {
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const before = process.threadCpuUsage();
      const startedAt = performance.now();
      const { id } = await service.runs.submit(LOCAL_PRINCIPAL, request);
      const run = await service.runs.wait(LOCAL_PRINCIPAL, id, { maxWaitMs: 120_000 });
      const wall = performance.now() - startedAt;
      const { user, system } = process.threadCpuUsage(before);
      delay.disable();
      if (run.status !== "succeeded") throw new Error(`${label}: ${JSON.stringify(run.error)}`);
      samples.push({ wall, cpu: (user + system) / 1_000, held: delay.max / 1e6 });
    }
    const p50 = (pick: (sample: (typeof samples)[number]) => number): string => show(quantile(samples.map(pick), 0.5));
    console.log(
      `${label.padEnd(30)} ${p50(({ wall }) => wall).padStart(10)} ${p50(({ cpu }) => cpu).padStart(10)} ${p50(({ held }) => held).padStart(12)}`,
    );
  }
} finally {
  await service.close();
  rmSync(dataDir, { recursive: true });
}
