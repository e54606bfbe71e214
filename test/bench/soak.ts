/**
 * `npm run bench:soak -- 50000 --hostile 10 --clients 32`: that many runs through `POST /run` of a service in a process of its
 * own, so many of a hundred hostile: scripts of the corpora, posted by a client of their own. Every honest answer is
 * checked; a third client's canary runs alongside. Every tenth of the way: memory of the service and of its executors,
 * descriptors, processes, ends by code, times of the honest runs. At its end: whether anything still computes, and whether
 * every process is gone. Prints numbers; judges nothing. The data folder, which grows, is on disk. `--log warn` shows what the
 * service writes of executor processes that it gave up.
 */
import { parseArgs } from "node:util";
import { createClientKey } from "../../src/config/clients.ts";
import { startCanary } from "../support/canary.ts";
import { cpuSeconds, descendants } from "../support/processes.ts";
import { fixtureServer, pause } from "../support/service.ts";
import { openClient } from "../support/service-client.ts";
import { createJsonPoster } from "./post-run.ts";
import { postHonest, postHostile } from "./soak-load.ts";
import type { SoakAnswer } from "./soak-load.ts";
import { p50p99, quantile, show } from "./statistics.ts";
import { startObserved } from "./start-observed.ts";
import { executorsBelow } from "./thread-times.ts";

const PARTS = 10;
const WARM_UP = 200;
/** Calls of the attacker's and of the honest runs in flight at once, which wait in one server. */
const CALLS_AT_ONCE = 2_048;
const MAX_FAULTS = 20;
/** What a stopped script may go on for before its process is given up. */
const SETTLE_MS = 8_000;
const WATCH_MS = 1_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    hostile: { type: "string", default: "10" },
    clients: { type: "string", default: "32" },
    log: { type: "string", default: "error" },
  },
});
const TOTAL = Number(positionals[0] ?? 10_000);
const HOSTILE_PERCENT = Number(values.hostile);
const CLIENTS = Number(values.clients);
if (!(TOTAL >= PARTS && HOSTILE_PERCENT >= 0 && HOSTILE_PERCENT <= 100 && CLIENTS >= 1))
  throw new Error("Cannot soak as this needs: at least 10 runs, --hostile from 0 to 100, --clients of 1 or more");

const keys = { attacker: createClientKey(), honest: createClientKey(), canary: createClientKey() };
const bearer = (name: keyof typeof keys): Record<string, string> => ({ authorization: `Bearer ${keys[name].key}` });
const service = await startObserved({
  log: { level: values.log === "warn" ? "warn" : "error" },
  mcpServers: { test: { ...fixtureServer("lab"), concurrency: CALLS_AT_ONCE } },
  clients: Object.fromEntries(Object.entries(keys).map(([name, { hash }]) => [name, { key: hash }])),
});
const attacker = createJsonPoster(service.url, bearer("attacker"));
const honest = createJsonPoster(service.url, bearer("honest"));

/** How many of the first so many runs are hostile. */
const hostileBelow = (count: number): number => Math.floor((count * HOSTILE_PERCENT) / 100);

function post(index: number): Promise<SoakAnswer> {
  const before = hostileBelow(index);
  return hostileBelow(index + 1) > before ? postHostile(attacker, before) : postHonest(honest, index);
}

/** Runs from one number to another, by all clients; each posts the next when its last is answered. */
async function postAll(from: number, to: number): Promise<readonly SoakAnswer[]> {
  let next = from;
  const answers: SoakAnswer[] = [];
  const client = async (): Promise<void> => {
    while (next < to) answers.push(await post(next++));
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return answers;
}

function byCode(answers: readonly SoakAnswer[]): string {
  const counts = new Map<string, number>();
  for (const { code } of answers) counts.set(code, (counts.get(code) ?? 0) + 1);
  return Array.from(counts, ([code, count]) => `${code} ${count}`).join(", ");
}

function byVerdict(answers: readonly SoakAnswer[]): string {
  const wrong = answers.filter(({ fault }) => fault !== undefined).length;
  const rerun = answers.filter((answer) => answer.rerun).length;
  return `right ${answers.length - wrong}, of them run again ${rerun}, wrong ${wrong}`;
}

async function report(label: string): Promise<void> {
  const look = await service.look();
  const { executorsMiB, executor } = look;
  console.log(
    `${label}: service RSS ${show(look.rssMiB)} MiB, heap ${show(look.heapMiB)} of ${show(look.heapTotalMiB)}, external ${show(look.externalMiB)}; ` +
      `executors [${executorsMiB.map((mib) => mib.toFixed(0)).join(", ")}] MiB; descriptors ${look.descriptors}, ` +
      `processes ${look.processes}, crashes ${executor.crashes}, longest stall ${show(look.heldUpMs)} ms`,
  );
}

const timesOf = (answers: readonly SoakAnswer[]): number[] => answers.map(({ ms }) => ms);
const split = (answers: readonly SoakAnswer[], hostile: boolean): readonly SoakAnswer[] =>
  answers.filter((answer) => answer.hostile === hostile);

function reportPart(answers: readonly SoakAnswer[]): void {
  const [ours, theirs] = [split(answers, false), split(answers, true)];
  console.log(`  honest: ms ${p50p99(timesOf(ours))}; ${byVerdict(ours)}; ${byCode(ours)}`);
  if (theirs.length > 0) console.log(`  hostile: ms ${p50p99(timesOf(theirs))}; ${byCode(theirs)}`);
}

/** Executor processes that compute though nothing runs. */
async function stillBusy(): Promise<number> {
  await pause(SETTLE_MS);
  const before = executorsBelow(process.pid).map((pid) => ({ pid, seconds: cpuSeconds(pid) }));
  await pause(WATCH_MS);
  return before.filter(({ pid, seconds }) => cpuSeconds(pid) - seconds > WATCH_MS / 2_000).length;
}

async function soak(): Promise<void> {
  for (let i = 0; i < WARM_UP; i++) await postHonest(honest, i);
  await report("before");
  const canary = startCanary(openClient(service.url, bearer("canary")));
  const all: SoakAnswer[] = [];
  const startedAt = performance.now();
  for (let part = 0; part < PARTS; part++) {
    const [from, to] = [Math.floor((TOTAL * part) / PARTS), Math.floor((TOTAL * (part + 1)) / PARTS)];
    const answers = await postAll(from, to);
    all.push(...answers);
    await report(`after ${to}`);
    reportPart(answers);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const seen = await canary.stop();
  reportTotals(all, seconds);
  console.log(
    `canary: ${seen.runs} runs, wrong ${seen.wrong.length}; ms p50 ${show(seen.p50Ms)}, p99 ${show(seen.p99Ms)}, longest ${show(seen.maxMs)}`,
  );
  for (const { saw } of seen.wrong) console.log(`  ${saw}`);
  console.log(`executors that still compute: ${await stillBusy()}`);
  const last = await Promise.all([postHonest(honest, 1), postHonest(attacker, 1)]);
  console.log(`a run of each client afterwards: ${byCode(last)}`);
  await report("at rest");
}

function reportTotals(all: readonly SoakAnswer[], seconds: number): void {
  const [ours, theirs] = [split(all, false), split(all, true)];
  const lost = all.filter(({ code }) => code === "LOST").length;
  const faults = all.flatMap(({ fault }) => (fault === undefined ? [] : [fault]));
  console.log(
    `${TOTAL} runs, ${theirs.length} of them hostile, ${CLIENTS} clients, ${show(seconds)} s: answered ${all.length - lost}, lost ${lost}, faults ${faults.length}`,
  );
  console.log(
    `  honest: ms ${p50p99(timesOf(ours))}, longest ${show(quantile(timesOf(ours), 1))}; ${byVerdict(ours)}; ${byCode(ours)}`,
  );
  if (theirs.length > 0)
    console.log(
      `  hostile: ms ${p50p99(timesOf(theirs))}, longest ${show(quantile(timesOf(theirs), 1))}; ${byCode(theirs)}`,
    );
  for (const fault of faults.slice(0, MAX_FAULTS)) console.log(`  ${fault}`);
}

try {
  await soak();
} finally {
  attacker.close();
  honest.close();
  const { ms, left } = await service.stop();
  console.log(`the service ended in ${show(ms)} ms; processes left: ${left + descendants(process.pid).length}`);
}
