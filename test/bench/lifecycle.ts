/**
 * `node --expose-gc test/bench/lifecycle.ts [cycles]`: starts and stops a server below a wrapper, with a child of its own, as
 * npx trees are, so many times (1,000 where not said), ten at once. Prints what is left of them, our memory over time,
 * and what one cycle took. What is resident grows until 1,000 cycles or so, as it does where nothing but processes are started, and then
 * stays: 160 MiB after 1,000 as after 3,000. Where process 1 collects ended orphans late a cycle takes up to a second more: until then the
 * system counts them.
 */
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { UpstreamConfig } from "../../src/config/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createUpstream } from "../../src/upstream/supervisor.ts";
import { descendants, processesWithMark, residentMiB } from "../support/processes.ts";
import { lifecycle, patiently, stdioConfig } from "../support/upstreams.ts";

const AT_ONCE = 10;
/** Before memory is compared: what a first use sets up is not a leak. */
const WARM_UP = 50;
const PROCESSES_A_CYCLE = 3;
const QUARTERS = 4;

const cycles = Number(process.argv[2] ?? 1_000);
const mark = `mark-${randomUUID()}`;
const script = fileURLToPath(new URL("../fixtures/servers/mini.sh", import.meta.url));
const args = ["-c", 'sh "$0"; exit $?', script];
const config: UpstreamConfig = {
  ...stdioConfig([], { lifecycle: lifecycle({ idleStopMs: undefined }) }),
  transport: { kind: "stdio", command: "sh", args, env: { MARK: mark, TREE: "1" }, cwd: undefined },
};
const upstreams = Array.from({ length: AT_ONCE }, () =>
  createUpstream(config, { clock: systemClock, log: silentLog, env: process.env }),
);

async function perform(count: number): Promise<void> {
  let left = Math.ceil(count);
  const work = upstreams.map(async (upstream) => {
    for (; left > 0;) {
      left -= 1;
      // One after the other: each server is started anew each time.
      await upstream.callTool("pid", {}, patiently());
      await upstream.restart();
    }
  });
  await Promise.all(work);
}

function memory(): { readonly residentMiB: number; readonly heapMiB: number } {
  globalThis.gc?.();
  return {
    residentMiB: Math.round(residentMiB(process.pid)),
    heapMiB: Math.round(process.memoryUsage().heapUsed / 1024 ** 2),
  };
}

await perform(WARM_UP);
const shown = [memory()];
const startedAt = performance.now();
for (let quarter = 0; quarter < QUARTERS; quarter++) {
  await perform(cycles / QUARTERS);
  shown.push(memory());
}
const tookMs = performance.now() - startedAt;
const left = { marked: processesWithMark(mark).length, descendants: descendants(process.pid).length };
await Promise.all(upstreams.map((upstream) => upstream.close()));
const perCycleMs = Math.round((tookMs * AT_ONCE) / cycles);
console.log(`${cycles} cycles, ${cycles * PROCESSES_A_CYCLE} processes, ${perCycleMs} ms each`);
console.log(`left behind: ${left.descendants} children or theirs, ${left.marked} with the mark of the servers`);
console.log(`resident, MiB, by quarters: ${shown.map(({ residentMiB: mib }) => mib).join(" → ")}`);
console.log(`heap, MiB, by quarters: ${shown.map(({ heapMiB }) => heapMiB).join(" → ")}`);
