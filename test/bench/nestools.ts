/**
 * `node test/bench/nestools.ts [stdio|http] [own|pack] [scripts] [rounds]`: NesTools workflows through Runlet and through
 * `@utcp/code-mode`, in turns in one run, against the same fake server with the same tools. Prints numbers; judges nothing.
 * Goal: at the median a script takes at most half as long.
 *
 * `own`: the server lists a workflow's own tools, some ten; `pack`: those of the whole pack, or of as much of it as one
 * server can have, up to 2,474. Each system keeps its connection to the server. Before anything is timed, every system has
 * read the new list; before a workflow is, each has run its script once. Timed is, for UTCP, `callToolChain` in its own process
 * without IPC, its console silenced; for Runlet over HTTP, from the request to the parsed answer of `POST /run` at a service
 * in a process of its own, SQLite in a file; for Runlet in process, from `submit` to the ended run. Each answer is compared
 * with the recorded one.
 */
import { existsSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { compileConfig } from "../../src/config/compile.ts";
import type { ServerOptions } from "../../src/config/options.ts";
import { LOCAL_PRINCIPAL } from "../../src/config/principal.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createService } from "../../src/service.ts";
import { PACKS } from "../support/pack-data.ts";
import type { PackTool, Scenario } from "../support/pack-data.ts";
import { listed, toBatches } from "../support/pack-run.ts";
import { createStage } from "../support/pack-stage.ts";
import { openClient } from "../support/service-client.ts";
import { startService } from "../support/service.ts";
import { createPoster } from "./post-run.ts";
import { quantile, show } from "./statistics.ts";
import { startUtcpProcess, UTCP } from "./utcp-process.ts";

/** A system under test, connected to a server of its own on the stage. */
interface System {
  readonly name: string;
  /** Returns once it knows exactly these tools. */
  attach(tools: readonly PackTool[]): Promise<void>;
  /** Runs a script. @returns Its value, and what it took in ms. */
  run(script: string): Promise<{ readonly result: unknown; readonly ms: number }>;
  close(): Promise<void>;
}

const [, , transport = "stdio", attached = "own", scripts = "200", rounds = "5"] = process.argv;
if (transport !== "stdio" && transport !== "http") throw new Error("the first argument is stdio or http");
if (attached !== "own" && attached !== "pack") throw new Error("the second argument is own or pack");
const peers = new URL("peers/", import.meta.url);
if (!existsSync(new URL("node_modules", peers))) throw new Error("install the peers first: npm run bench:peers");

async function runletOverHttp(lib: ServerOptions): Promise<System> {
  const service = await startService({ mcpServers: { lib }, log: { level: "warn" } });
  const poster = createPoster(service.url);
  return {
    name: "Runlet, POST /run",
    attach: (tools) => listed("lib", tools, service),
    run: (script) => poster.run(script),
    async close() {
      poster.close();
      await service.remove();
    },
  };
}

async function runletInProcess(lib: ServerOptions): Promise<System> {
  const config = compileConfig({ port: 0, dataDir: ":memory:", mcpServers: { lib } });
  const service = await createService(config, { log: silentLog });
  await service.executor.ready();
  const { url } = await service.listen();
  return {
    name: "Runlet, in process",
    attach: (tools) => listed("lib", tools, openClient(url)),
    async run(script) {
      const startedAt = performance.now();
      const { id } = await service.runs.submit(LOCAL_PRINCIPAL, { script });
      const run = await service.runs.wait(LOCAL_PRINCIPAL, id, { maxWaitMs: 30_000 });
      return { result: run.result, ms: performance.now() - startedAt };
    },
    close: () => service.close(),
  };
}

/** UTCP has no servers in its names: `mcp.lib["x"]` is written `mcp.lib_x`. */
function toUtcp(script: string): string {
  return script.replaceAll(/mcp\.lib\["(\w+)"\]/gu, "mcp.lib_$1");
}

async function utcp(lib: ServerOptions): Promise<System> {
  const { ask, close } = await startUtcpProcess({ transport, ...lib });
  return {
    name: UTCP,
    async attach(tools) {
      const names = await ask({ command: "attach" });
      const wanted = tools.map((tool) => `mcp.lib.${tool.name}`);
      if (!isDeepStrictEqual(names, wanted)) throw new Error(`UTCP lists ${JSON.stringify(names)}`);
    },
    async run(script) {
      return (await ask({ command: "run", script: toUtcp(script) })) as { result: unknown; ms: number };
    },
    close,
  };
}

async function timed(system: System, { id, script, expected }: Scenario): Promise<number> {
  const run = await system.run(script);
  if (!isDeepStrictEqual(run.result, expected)) throw new Error(`${system.name} fails ${id}: ${JSON.stringify(run)}`);
  return run.ms;
}

const MAKERS = { http: runletOverHttp, process: runletInProcess, utcp };
const all = PACKS.find(({ name }) => name === "NesTools")?.read() ?? [];
const step = Math.max(1, Math.floor(all.length / Number(scripts)));
const chosen = new Set(all.filter((_, index) => index % step === 0).slice(0, Number(scripts)));
const groups = attached === "own" ? [...chosen].map((scenario) => [scenario]) : toBatches(all);
const stage = await createStage(transport, Object.keys(MAKERS));
const systems: System[] = [];
/** By system: ms of every run; by script, how its median and its fastest run compare with UTCP's. */
const times = new Map<string, number[]>();
const ratios = new Map<string, { readonly median: number; readonly fastest: number }[]>();

/** Attaches the tools of a group, and measures those of its workflows that were chosen. */
async function measureGroup(group: readonly Scenario[]): Promise<void> {
  const tools = [
    ...new Map(group.flatMap((each) => each.tools.get("lib") ?? []).map((tool) => [tool.name, tool])).values(),
  ];
  const parts = group.map(({ id, steps }) => ({ id, steps, order: "circle" as const }));
  for (const name of Object.keys(MAKERS)) await stage.load(name, { tools, scenarios: parts });
  for (const system of systems) await system.attach(tools);
  for (const scenario of group) if (chosen.has(scenario)) await measure(scenario);
}

async function measure(scenario: Scenario): Promise<void> {
  for (const system of systems) await timed(system, scenario);
  const taken = new Map(systems.map(({ name }) => [name, new Array<number>()]));
  for (let round = 0; round < Number(rounds); round++)
    for (const system of systems) taken.get(system.name)?.push(await timed(system, scenario));
  const peer = taken.get(UTCP) ?? [];
  for (const [name, list] of taken) {
    times.set(name, [...(times.get(name) ?? []), ...list]);
    const median = quantile(list, 0.5) / quantile(peer, 0.5);
    ratios.set(name, [...(ratios.get(name) ?? []), { median, fastest: quantile(list, 0) / quantile(peer, 0) }]);
  }
}

try {
  for (const [name, make] of Object.entries(MAKERS)) systems.push(await make(stage.mcpServers[name] ?? {}));
  for (const group of groups) if (group.some((scenario) => chosen.has(scenario))) await measureGroup(group);
  console.log(
    `${chosen.size} scripts, ${rounds} runs each, over ${transport}, ${attached} tools; ratios to UTCP are medians over scripts`,
  );
  for (const [name, list] of times) {
    const of = ratios.get(name) ?? [];
    const [p10, p50, p90] = [quantile(list, 0.1), quantile(list, 0.5), quantile(list, 0.9)];
    const [median, fastest] = [of.map((ratio) => ratio.median), of.map((ratio) => ratio.fastest)];
    console.log(
      `${name.padEnd(18)} p10 ${show(p10)}, p50 ${show(p50)}, p90 ${show(p90)} ms; median run ${show(quantile(median, 0.5))}, fastest run ${show(quantile(fastest, 0.5))} × UTCP`,
    );
  }
} finally {
  for (const system of systems) await system.close();
  await stage.close();
}
