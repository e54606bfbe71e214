/**
 * `node test/bench/calls.ts`: no-op calls of a script across the process boundary, answered by the service's process at
 * once: in turn and in parallel, each in µs. Prints numbers; judges nothing.
 */
import { BUILT_IN_LIMITS } from "../../src/config/limits.ts";
import { runScript, startExecutor } from "../support/executor.ts";
import { quantile, show } from "./statistics.ts";

const ROUNDS = 40;
const CALLS = 200;
const limits = { ...BUILT_IN_LIMITS.defaults, toolCalls: 10_000, concurrency: 256, wallMs: 60_000, cpuMs: 60_000 };
const SEQUENTIAL = `const t = Date.now(); for (let i = 0; i < ${CALLS}; i++) await mcp.shop.list(); return Date.now() - t`;
const PARALLEL = `const t = Date.now(); await Promise.all(Array.from({length: ${CALLS}}, () => mcp.shop.list())); return Date.now() - t`;

const executor = await startExecutor({});
const times: Record<string, number[]> = { sequential: [], parallel: [], trivial: [] };
for (let i = 0; i < ROUNDS; i++) {
  for (const [name, code] of [
    ["sequential", SEQUENTIAL],
    ["parallel", PARALLEL],
  ] as const) {
    const { result, error } = await runScript(executor, code, { limits, answer: () => ({ ok: true, json: "{}" }) });
    if (error !== undefined) throw new Error(JSON.stringify(error));
    times[name]?.push((Number(result) * 1_000) / CALLS);
  }
  const t = performance.now();
  await runScript(executor, "return 1", { limits });
  times["trivial"]?.push((performance.now() - t) * 1000);
}
for (const [name, list] of Object.entries(times))
  console.log(`${name}: p50 ${show(quantile(list, 0.5))} µs, best ${show(Math.min(...list))}`);
await executor.close();
