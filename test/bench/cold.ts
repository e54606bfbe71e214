/**
 * `node test/bench/cold.ts [rounds]`: how long a service takes from its start until it listens, until its first run is
 * answered, and until its first run with a tool is, whose server is started for it; those runs beside later ones. From sources
 * and, where `npm run build` has made it, as built; in turns in one run. Then an executor process: start to ready, and from
 * its death until a run is answered and until as many are ready as before. Prints numbers; judges nothing.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadBundles } from "../../src/executor/bundles.ts";
import type { ProcessExecutor } from "../../src/executor/process-executor.ts";
import { runScript, startExecutor } from "../support/executor.ts";
import { pause } from "../support/service.ts";
import { NOOP_SERVER } from "./bench-service.ts";
import { createPoster } from "./post-run.ts";
import { quantile, show } from "./statistics.ts";

const ROUNDS = Number(process.argv[2] ?? 4);
const LATER_RUNS = 30;
const KILLS = 6;
const LOOK_EVERY_MS = 1;
const SETTLE_MS = 500;

const PROGRAMS = [
  ["from sources", fileURLToPath(new URL("../../src/main.ts", import.meta.url))],
  ["as built", fileURLToPath(new URL("../../dist/src/main.js", import.meta.url))],
] as const;

/** Samples in ms by what was measured, in the order in which that was first seen. */
const samples = new Map<string, number[]>();

function note(label: string, ms: number): void {
  const list = samples.get(label) ?? [];
  samples.set(label, list);
  list.push(ms);
}

function report(title: string): void {
  console.log(title);
  for (const [label, list] of samples)
    console.log(
      `  ${label.padEnd(36)} best ${show(Math.min(...list))}, p50 ${show(quantile(list, 0.5))}, worst ${show(Math.max(...list))} ms`,
    );
  samples.clear();
}

async function boot(label: string, program: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "runlet-bench-"));
  const config = join(folder, "runlet.json");
  const options = {
    port: 0,
    dataDir: join(folder, "data"),
    log: { level: "warn" },
    mcpServers: { bench: NOOP_SERVER },
  };
  await writeFile(config, JSON.stringify(options));
  const startedAt = performance.now();
  const child = spawn(process.execPath, [program, "serve", "--config", config], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  try {
    const poster = createPoster(await urlOf(child.stdout));
    note(`${label}: start to listening`, performance.now() - startedAt);
    const { ms: first } = await poster.run("return 1+1");
    note(`${label}: start to first answer`, performance.now() - startedAt);
    note(`${label}: first run`, first);
    const { ms: firstCall } = await poster.run("return await mcp.bench.noop({})");
    note(`${label}: first run with a tool`, firstCall);
    for (let i = 0; i < LATER_RUNS; i++) {
      note(`${label}: a later run`, (await poster.run("return 1+1")).ms);
      note(`${label}: a later run with a tool`, (await poster.run("return await mcp.bench.noop({})")).ms);
    }
    poster.close();
  } finally {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

async function urlOf(output: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const part of output.setEncoding("utf8")) {
    text += String(part);
    const url = /listens on (?<url>\S+)/u.exec(text)?.groups?.["url"];
    if (url !== undefined) return url;
  }
  throw new Error(`the service did not start: ${text}`);
}

/** One process with its spares, if it has any. */
async function starts(): Promise<void> {
  const bundledAt = performance.now();
  await loadBundles();
  const bundlesMs = performance.now() - bundledAt;
  note("bundles (made in a checkout)", bundlesMs);
  const startedAt = performance.now();
  const executor = await startExecutor({});
  note("bundles, start to ready", performance.now() - startedAt);
  note("start to ready alone (difference)", performance.now() - startedAt - bundlesMs);
  await executor.close();
}

async function holds(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(LOOK_EVERY_MS);
}

async function answers(executor: ProcessExecutor): Promise<void> {
  for (;;) {
    const { result, error } = await runScript(executor, "return 42");
    if (result === 42) return;
    if (error?.code !== "EXECUTOR_LOST") throw new Error(JSON.stringify(error));
  }
}

/** There is one place; a spare process takes it, if there is one, and is replaced in turn. */
async function kills(): Promise<void> {
  const executor = await startExecutor({});
  try {
    for (let i = 0; i < KILLS; i++) {
      await answers(executor);
      await pause(SETTLE_MS);
      const before = executor.status();
      const [victim] = executor.pids();
      if (victim === undefined) throw new Error("there is no executor process");
      const killedAt = performance.now();
      process.kill(victim, "SIGKILL");
      await holds(() => !executor.pids().includes(victim));
      await answers(executor);
      note("killed to a run answered", performance.now() - killedAt);
      await holds(() => {
        const { ready, spare } = executor.status();
        return ready >= before.ready && spare >= before.spare;
      });
      note("killed to its replacement ready", performance.now() - killedAt);
    }
  } finally {
    await executor.close();
  }
}

const programs = PROGRAMS.filter(([, program]) => existsSync(program));
for (let round = 0; round < ROUNDS; round++) for (const [label, program] of programs) await boot(label, program);
report("service");
for (let round = 0; round < ROUNDS; round++) await starts();
await kills();
report("executor process");
