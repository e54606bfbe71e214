import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import { residentMiB } from "../support/processes.ts";
import { fixtureServer, pause, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { EndedRun, ServiceClient } from "../support/service-client.ts";

const MIB = 1024 * 1024;
/** Lets a test collect what the service does not need any more and learn, in its log, the bytes that it then still holds. */
const COLLECT = `data:text/javascript,process.on("SIGUSR2", () => {
  gc({ type: "major", flavor: "last-resort" });
  const { heapUsed, external } = process.memoryUsage();
  console.error("holds " + (heapUsed + external));
})`;

/**
 * Lets glibc give large blocks back when they are freed. By default it keeps many for next time, after these floods from 70 to
 * 320 MiB: free, and resident.
 */
const GIVE_BACK = { MALLOC_MMAP_THRESHOLD_: String(MIB) };

/**
 * What the service may take above what it takes when it is idle, in MiB: the sum of what bounds it, for the runs of one client.
 * Requests that wait or run 128 (`HeldRequests`), twice while they are stored; arguments that are being sent 32, five times as text
 * (`CallBytes`); results of 8 runs at 32; values emitted by 8 runs, 4 each and fourteen times that while they are written out; ended
 * runs 128 (`RecentRuns`). What V8 has not collected yet is as much again, at most.
 */
const MOST_ABOVE_IDLE_MIB = 128 * 2 + 32 * 5 + 8 * 32 + 8 * 4 * 2 + 128;
/** What is left in memory after all floods: 128 of ended runs (`RecentRuns`), and code, tables, the database's pages. */
const MOST_LEFT_MIB = 128 + 96;
/** What the service holds then of heap and buffers above what it held before: the ended runs, and code. */
const MOST_HELD_MIB = 128 + 32;

let service: RunningService;
let mallory: ServiceClient;
let ann: ServiceClient;
let malloryKey = "";

beforeAll(async () => {
  const keys = [createClientKey(), createClientKey()] as const;
  malloryKey = keys[1].key;
  service = await startService({
    nodeFlags: ["--expose-gc", "--import", COLLECT],
    env: GIVE_BACK,
    mcpServers: { lab: { ...fixtureServer("lab"), concurrency: 128 }, own: fixtureServer("lab") },
    clients: { ann: { key: keys[0].hash }, mallory: { key: keys[1].hash } },
    executors: { processes: 2 },
    log: { level: "warn" },
  });
  [ann, mallory] = [service.as(keys[0].key), service.as(keys[1].key)];
  for (let i = 0; i < 30; i++) await honest();
  await mallory.run("return await mcp.lab.echo({})");
});
afterAll(() => service.remove());

const honest = (): Promise<EndedRun> => ann.run("return (await mcp.own.echo({ v: 41 })).v + 1");
const times = <T>(count: number, work: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, work));

/** As many empty lists as an emitted value may hold: of all JSON it takes the most memory. */
const EMIT = `const lists = Array.from({ length: 300_000 }, () => []);
for (let i = 0; i < 20; i++) try { emit(lists) } catch {}
return 1`;
const LOG = "for (let i = 0; i < 1e5; i++) console.log('x'.repeat(5_000)); return 1";
const CALLS = `const v = "x".repeat(${MIB - 32});
return (await Promise.allSettled(Array.from({ length: 200 }, () => mcp.lab.echo({ v })))).length`;
const ANSWERS = `let count = 0;
await Promise.all(Array.from({ length: 64 }, async () => { await mcp.lab.big({ bytes: ${4 * MIB - 64} }); count++; }));
return count`;

/** Watchers who never read, of a run that emits and returns as much as it may. */
async function deafWatchers(): Promise<void> {
  const gone = new AbortController();
  const id = await mallory.queue(
    `for (let i = 0; i < 16; i++) emit("x".repeat(${MIB / 4 - 64})); await mcp.lab.sleep({ ms: 1_500 }); return "x".repeat(${MIB})`,
  );
  const headers = { authorization: `Bearer ${malloryKey}` };
  await times(200, () => fetch(`${service.url}/runs/${id}/events`, { headers, signal: gone.signal }));
  await mallory.ended(id);
  await pause(1_000);
  gone.abort();
}

/** More text than one client may have waiting. */
async function largeRequests(): Promise<void> {
  const post = () =>
    mallory.post<{ id?: string; code?: string }>("/run", {
      script: "return 1",
      input: "x".repeat(3.9e6),
      mode: "queue",
    });
  const answers = await times(80, post);
  const codes = answers.flatMap(({ body }) => body.code ?? []);
  expect(codes.every((code) => code === "QUEUE_FULL")).toBe(true);
  for (const { body } of answers) if (body.id !== undefined) await mallory.ended(body.id);
}

const FLOODS: readonly (readonly [name: string, flood: () => Promise<unknown>])[] = [
  ["values emitted", () => times(8, () => mallory.run(EMIT))],
  ["log lines", () => times(8, () => mallory.run(LOG))],
  ["calls with a mebibyte of arguments each", () => times(8, () => mallory.run(CALLS))],
  ["answers of four mebibytes, 64 at once", () => mallory.run(ANSWERS, { limits: { memoryMiB: 256, wallMs: 90_000 } })],
  ["results of 32 MiB", () => times(8, () => mallory.run(`return "x".repeat(${32 * MIB - 2})`))],
  [
    "runs that end at once",
    async () => {
      for (let i = 0; i < 10; i++) await times(40, () => mallory.run("return 'x'.repeat(1_000)"));
    },
  ],
  ["watchers who do not read", deafWatchers],
  ["requests of four megabytes", largeRequests],
];

/** Collects in the service. @returns What it holds then, in MiB. */
async function heldMiB(): Promise<number> {
  const held = (): string[] => service.logs().match(/holds \d+/gu) ?? [];
  for (let i = 0; i < 3; i++) {
    const before = held().length;
    process.kill(service.pid, "SIGUSR2");
    await vi.waitUntil(() => held().length > before, 10_000);
  }
  return Number(held().at(-1)?.slice("holds ".length)) / MIB;
}

test(
  "floods of one client stay within what bounds them, leave nothing behind, and spoil no run of another",
  { timeout: 240_000 },
  async () => {
    const heldBefore = await heldMiB();
    const idle = residentMiB(service.pid);
    const defects: unknown[] = [];
    const peaks: Record<string, number> = {};
    for (const [name, flood] of FLOODS) {
      const over = new AbortController();
      let peak = 0;
      const watching = (async () => {
        for (; !over.signal.aborted; await pause(20)) peak = Math.max(peak, residentMiB(service.pid));
      })();
      const living = (async () => {
        do {
          const { result, error } = await honest();
          if (result !== 42) defects.push({ name, result, error });
          await pause(50);
        } while (!over.signal.aborted);
      })();
      await flood().catch(async (error: unknown) => {
        const exit = await Promise.race([service.exited, pause(1_000)]);
        throw new Error(
          `the flood of ${name} failed; the service ${exit === undefined ? "runs" : JSON.stringify(exit)}`,
          {
            cause: error,
          },
        );
      });
      over.abort();
      await Promise.all([watching, living]);
      peaks[name] = Math.round(peak - idle);
      await heldMiB();
    }
    expect(defects).toEqual([]);
    expect(Object.entries(peaks).filter(([, above]) => above > MOST_ABOVE_IDLE_MIB)).toEqual([]);
    const held = (await heldMiB()) - heldBefore;
    const left = residentMiB(service.pid) - idle;
    expect(held).toBeLessThan(MOST_HELD_MIB);
    expect(left).toBeLessThan(MOST_LEFT_MIB);
    expect(await honest()).toMatchObject({ result: 42 });
    console.log(JSON.stringify({ idle: Math.round(idle), peaks, left: Math.round(left), held: Math.round(held) }));
  },
);
