/**
 * `node test/bench/suspended.ts [runs]`: 500 runs (or so many) that wait for a slow tool at once, posted together to
 * a service in a process of its own: time until all of them wait, memory they hold in the service and in its executor
 * processes, the longest that the service's event loop was held up, and how soon all end when the tool answers. Three times, as
 * the first also pays for what is kept. Prints numbers; judges nothing. Goal: at most 2 MiB a run on each side.
 */
import { NOOP_SERVER } from "./bench-service.ts";
import { createJsonPoster } from "./post-run.ts";
import type { JsonAnswer } from "./post-run.ts";
import { p50p99, quantile, show } from "./statistics.ts";
import { startObserved } from "./start-observed.ts";
import type { FullLook } from "./start-observed.ts";

const RUNS = Number(process.argv[2] ?? 500);
const WAVES = 3;
const WARM_UP = 200;
const ASK_EVERY_MS = 20;
const PROCESSES = 2;

/** Each answers with a number of its own: no answer may be another's. */
const held = (number: number): string => `await mcp.bench.hold({}); return ${number};`;

const service = await startObserved({
  // Says why, should a process be given up with so many runs in it.
  log: { level: "warn" },
  mcpServers: { bench: { ...NOOP_SERVER, concurrency: RUNS + 16 } },
  executors: { processes: PROCESSES, isolatesPerProcess: Math.ceil(RUNS / PROCESSES) + 16 },
  limits: { wallMs: { default: "60s", max: "60s" } },
});
const poster = createJsonPoster(service.url);

async function invoke(tool: string): Promise<string> {
  const { status, body } = await poster.post("/invoke", { server: "bench", tool, arguments: {} });
  if (status !== 200) throw new Error(`${tool}: ${JSON.stringify(body)}`);
  return String((body as { readonly result: unknown }).result);
}

/** Resolves when all wait; rejects when one has ended instead. */
async function allWait(answers: readonly Promise<JsonAnswer>[]): Promise<void> {
  let early: unknown;
  for (const answer of answers) {
    answer.then(
      ({ body }) => (early ??= body),
      (error: unknown) => (early ??= error),
    );
  }
  while (Number(await invoke("held")) < RUNS) {
    if (early !== undefined) throw new Error(`a run ended early: ${JSON.stringify(early).slice(0, 1_000)}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function memory(before: FullLook, during: FullLook): string {
  const service = (during.rssMiB - before.rssMiB) / RUNS;
  const heap = (during.heapMiB + during.externalMiB - before.heapMiB - before.externalMiB) / RUNS;
  const executors = (sum(during.executorsMiB) - sum(before.executorsMiB)) / RUNS;
  return `service ${show(service)} MiB a run (heap ${show(heap)}), executors ${show(executors)} MiB a run`;
}

async function wave(number: number): Promise<void> {
  const before = await service.look();
  const startedAt = performance.now();
  const answers = Array.from({ length: RUNS }, (_, index) => poster.post("/run", { script: held(index) }));
  await allWait(answers);
  const waitMs = performance.now() - startedAt;
  const during = await service.look();
  const releasedAt = performance.now();
  const ends: number[] = [];
  const released = invoke("release");
  const bodies = await Promise.all(
    answers.map(async (answer) => {
      const { body } = await answer;
      ends.push(performance.now() - releasedAt);
      return body as { readonly result: unknown };
    }),
  );
  await released;
  const right = bodies.filter(({ result }, index) => result === index).length;
  const after = await service.look();
  console.log(`wave ${number}: all ${RUNS} wait after ${show(waitMs)} ms, longest stall ${show(during.heldUpMs)} ms`);
  console.log(`  ${memory(before, during)}`);
  console.log(
    `  after the tool answered: ${p50p99(ends)}, last ${show(quantile(ends, 1))} ms; right ${right} of ${RUNS}; longest stall ${show(after.heldUpMs)} ms`,
  );
  console.log(
    `  service RSS ${show(before.rssMiB)} → ${show(during.rssMiB)} → ${show(after.rssMiB)} MiB; executors ${show(sum(before.executorsMiB))} → ${show(sum(during.executorsMiB))} → ${show(sum(after.executorsMiB))} MiB; crashes ${after.executor.crashes}`,
  );
}

try {
  for (let i = 0; i < WARM_UP; i++) await poster.post("/run", { script: "return await mcp.bench.noop({})" });
  for (let number = 1; number <= WAVES; number++) await wave(number);
} finally {
  poster.close();
  const { ms, left } = await service.stop();
  console.log(`the service ended in ${show(ms)} ms; processes left: ${left}`);
}
