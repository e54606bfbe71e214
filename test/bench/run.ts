/**
 * `npm run bench`: the main job over loopback HTTP against a bare isolate and, where `npm run bench:peers` has installed them,
 * against workerd's Worker Loader behind HTTP and `@utcp/code-mode`; in turns in one run, so that ratios hold on a noisy
 * machine. `node test/bench/run.ts alone` leaves the peers out. Prints numbers; judges nothing.
 *
 * Each run of each system has a new isolate that nothing else runs in. What they hold beside that:
 * - Runlet: `POST /run` of a service in a process of its own, isolates in confined processes without JIT; the run is stored in
 *   SQLite and on disk before it starts, checked, limited (wall, computing, memory, calls, output), logged and counted; its
 *   tools are those of an MCP server in another process, called through the policy gateway.
 * - bare isolate: isolated-vm with a memory limit and a timeout, JIT on, in process: no runtime, no tools, no HTTP.
 * - workerd: one process, JIT on, isolates share it and its one thread; no network; no limits at all (the open source runtime
 *   has none); nothing is stored; its tools are functions of the worker that loads, in the same process. `× n`: so many of
 *   it, that all cores are used.
 * - UTCP code mode: isolated-vm in process, JIT on, timed inside that process without HTTP; a timeout on the entry and a
 *   memory limit; nothing is stored; tools are those of the same MCP server as Runlet's.
 *
 * The client is one process on the same machine, and takes its share of it in what is measured over HTTP.
 */
import { availableParallelism } from "node:os";
import { hasRunPeers, startUtcp, startWorkerd } from "./run-peers.ts";
import { startBareIsolate, startRunlet } from "./run-systems.ts";
import type { RunSystem } from "./run-systems.ts";
import { p50p99, quantile, show } from "./statistics.ts";

const WARM_UP = 60;
const ROUNDS = 20;
const PER_ROUND = 20;
const CALL_ROUNDS = 9;
const CLIENTS = [1, 8, 32] as const;
const TURNS = 3;
const TURN_MS = 1_000;
const TRIVIAL = "return 1+1";

type Times = ReadonlyMap<RunSystem, number[]>;

const systems: RunSystem[] = [];

function timesOf(of: readonly RunSystem[]): Times {
  return new Map(of.map((system) => [system, []]));
}

/** Another system comes first in each round. */
function inTurn(of: readonly RunSystem[], round: number): readonly RunSystem[] {
  const first = round % of.length;
  return [...of.slice(first), ...of.slice(0, first)];
}

/** Ours divided by each other's. */
function ratios(times: Times, share: number): string {
  const [ours = [], ...others] = times.values();
  const names = [...times.keys()].slice(1).map(({ name }) => name);
  return others.map((other, at) => `${show(quantile(ours, share) / quantile(other, share))} × ${names[at]}`).join(", ");
}

/** One run at a time. */
async function latency(of: readonly RunSystem[]): Promise<void> {
  const times = timesOf(of);
  for (let round = 0; round < ROUNDS; round++) {
    for (const system of inTurn(of, round))
      for (let i = 0; i < PER_ROUND; i++) times.get(system)?.push(await system.run(TRIVIAL));
  }
  console.log(`\n\`${TRIVIAL}\`, one at a time, ms`);
  for (const [{ name }, list] of times) console.log(`  ${name.padEnd(16)} ${p50p99(list)}`);
  for (const share of [0.5, 0.99]) console.log(`  ratio at p${share * 100}: ${ratios(times, share)}`);
}

/** Calls of tools in one run. Those of workerd never leave its process. */
async function calls(of: readonly RunSystem[]): Promise<void> {
  const kinds = [
    ["10 parallel calls of 50 ms", (wait: string) => `await Promise.all(Array.from({length: 10}, () => ${wait}({})))`],
    ["100 sequential no-op calls", (_: string, noop: string) => `for (let i = 0; i < 100; i++) await ${noop}({})`],
  ] as const;
  for (const [label, write] of kinds) {
    const times = timesOf(of);
    for (let round = 0; round < CALL_ROUNDS; round++)
      for (const system of inTurn(of, round)) {
        const tool = system.tool ?? String;
        times.get(system)?.push(await system.run(write(tool("wait"), tool("noop"))));
      }
    console.log(`\n${label}, ms`);
    for (const [{ name }, list] of times) console.log(`  ${name.padEnd(16)} ${p50p99(list)}`);
    console.log(`  ratio at p50: ${ratios(times, 0.5)}`);
  }
}

/** As many runs as so many clients get. */
async function throughput(of: readonly RunSystem[], clients: number): Promise<void> {
  const times = timesOf(of);
  // The time a system needs may be more than its turn: its last runs end later.
  const spent = new Map(of.map((system) => [system, 0]));
  for (let round = 0; round < TURNS; round++)
    for (const system of inTurn(of, round)) {
      const startedAt = performance.now();
      const done = (await system.loop?.(TRIVIAL, clients, TURN_MS)) ?? [];
      spent.set(system, (spent.get(system) ?? 0) + performance.now() - startedAt);
      times.get(system)?.push(...done);
    }
  const perSecond = (system: RunSystem): number =>
    ((times.get(system)?.length ?? 0) * 1_000) / (spent.get(system) ?? Number.NaN);
  console.log(`\n${clients} ${clients === 1 ? "client" : "clients"}`);
  for (const [system, list] of times)
    console.log(`  ${system.name.padEnd(16)} ${show(perSecond(system)).padStart(8)} runs/s; ms: ${p50p99(list)}`);
  const [ours, ...others] = of;
  if (ours === undefined || others.length === 0) return;
  const factors = others.map((other) => `${show(perSecond(ours) / perSecond(other))} × ${other.name}`);
  console.log(`  runs/s: ${factors.join(", ")}`);
}

async function start(system: RunSystem | Promise<RunSystem>): Promise<RunSystem> {
  const started = await system;
  systems.push(started);
  for (let i = 0; i < WARM_UP; i++) await started.run(TRIVIAL);
  return started;
}

try {
  const peers = process.argv[2] !== "alone" && hasRunPeers();
  const runlet = await start(startRunlet());
  const bare = await start(startBareIsolate());
  const others = peers ? [await start(startWorkerd(1)), await start(startUtcp())] : [];
  await latency([runlet, bare, ...others]);
  await calls([runlet, ...others]);
  const cores = availableParallelism();
  const crowd = peers && cores > 1 ? [await start(startWorkerd(cores))] : [];
  for (const clients of CLIENTS) await throughput([runlet, ...others, ...crowd], clients);
  if (!peers) console.log("\nPeers were left out: npm run bench:peers installs them.");
} finally {
  for (const system of systems) await system.close();
}
