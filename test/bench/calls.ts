/**
 * `node test/bench/calls.ts`: what one no-op call of a script costs, in turn and in parallel, in µs: across the process boundary
 * alone, where the service's side answers at once; through the whole service to an MCP server over stdio, less what a run
 * without calls costs; and that server asked by the MCP SDK's client alone. In turns in one run. Then the computing time of
 * each side by thread, in µs a call. Prints numbers; judges nothing. Goals for the boundary: 150 in turn, 40 in parallel.
 *
 * On virtual machines most of a call in turn is waking another processor, five times a call: `taskset -c 0` before the
 * command shows what is left without that.
 */
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { BUILT_IN_LIMITS } from "../../src/config/limits.ts";
import { runScript, startExecutor } from "../support/executor.ts";
import { NOOP_SERVER, startBenchService } from "./bench-service.ts";
import { createPoster } from "./post-run.ts";
import { quantile, show } from "./statistics.ts";
import { executorsBelow, watchThreads } from "./thread-times.ts";
import type { ThreadTimes } from "./thread-times.ts";

const ROUNDS = 25;
const CALLS = 190;
/** For the computing time by thread: enough that what is not a call does not count. */
const MANY_CALLS = 26 * CALLS;
const limits = {
  ...BUILT_IN_LIMITS.defaults,
  toolCalls: 10_000,
  concurrency: 256,
  wallMs: 60_000,
  cpuMs: 60_000,
};

type Shape = "in turn" | "parallel";
const SHAPES = ["in turn", "parallel"] as const;

/** A script that calls so often. */
function callsOf(shape: Shape, tool: string, count: number): string {
  if (shape === "in turn") return `for (let i = 0; i < ${count}; i++) await ${tool}({});`;
  const atOnce = Math.min(count, CALLS);
  const batch = `await Promise.all(Array.from({length: ${atOnce}}, () => ${tool}({})));`;
  return count === atOnce ? batch : `for (let i = 0; i < ${Math.ceil(count / atOnce)}; i++) ${batch}`;
}

/** What costs a call, by what is measured. */
const micros = new Map<string, number[]>();

function note(label: string, value: number): void {
  const list = micros.get(label) ?? [];
  micros.set(label, list);
  list.push(value);
}

const executor = await startExecutor({});
const service = await startBenchService({ limits: { concurrency: 256 } });
const poster = createPoster(service.url);
const { command = "", args = [] } = NOOP_SERVER;
const client = new Client({ name: "bench", version: "1.0.0" });
await client.connect(new StdioClientTransport({ command, args: args.map(String) }));

/** From one call before them to one behind them, as the service's side sees it: in the script's clock is no such detail. */
async function boundary(shape: Shape, count: number): Promise<number> {
  let startedAt = 0;
  let endedAt = 0;
  const code = `await mcp.shop.buy({}); ${callsOf(shape, "mcp.shop.list", count)} await mcp.shop.buy({});`;
  const { error } = await runScript(executor, code, {
    limits,
    answer: ([, tool]) => {
      if (tool === "buy") [startedAt, endedAt] = [endedAt, performance.now()];
      return { ok: true, json: "{}" };
    },
  });
  if (error !== undefined) throw new Error(JSON.stringify(error));
  return ((endedAt - startedAt) * 1_000) / (count + 1);
}

async function whole(shape: Shape): Promise<number> {
  const { ms: without } = await poster.run("return 1");
  const { ms } = await poster.run(callsOf(shape, "mcp.bench.noop", CALLS));
  return ((ms - without) * 1_000) / CALLS;
}

async function clientAlone(shape: Shape): Promise<number> {
  const call = (): Promise<unknown> => client.callTool({ name: "noop", arguments: {} });
  const startedAt = performance.now();
  if (shape === "in turn") for (let i = 0; i < CALLS; i++) await call();
  else await Promise.all(Array.from({ length: CALLS }, call));
  return ((performance.now() - startedAt) * 1_000) / CALLS;
}

/** Both sides' computing time while `work` makes so many calls. */
async function threads(
  label: string,
  pids: { readonly service: number; readonly executor: number },
  work: () => Promise<number>,
): Promise<void> {
  const spent = watchThreads([pids.executor, pids.service]);
  const calls = await work();
  const [child, own] = spent();
  const each = ({ main, others }: ThreadTimes): string =>
    `main ${show(main / calls)}, its other threads ${show(others / calls)}`;
  if (child !== undefined && own !== undefined)
    console.log(`  ${label.padEnd(22)} executor: ${each(child)}; service: ${each(own)}`);
}

async function measure(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    for (const shape of SHAPES) {
      note(`boundary, ${shape}`, await boundary(shape, CALLS));
      note(`whole service, ${shape}`, await whole(shape));
      note(`MCP client alone, ${shape}`, await clientAlone(shape));
    }
  }
}

try {
  await measure();
  micros.clear();
  await measure();
  console.log("a call, µs");
  for (const [label, list] of micros)
    console.log(
      `  ${label.padEnd(26)} best ${show(Math.min(...list))}, p50 ${show(quantile(list, 0.5))}, p99 ${show(quantile(list, 0.99))}`,
    );
  for (const shape of SHAPES) {
    const p50 = (label: string): number => quantile(micros.get(`${label}, ${shape}`) ?? [], 0.5);
    console.log(
      `  whole service ÷ MCP client alone, ${shape}: ${show(p50("whole service") / p50("MCP client alone"))}`,
    );
  }
  console.log("computing time of a call, µs");
  const [own = 0] = executorsBelow(process.pid);
  for (const shape of SHAPES)
    await threads(`boundary, ${shape}`, { service: process.pid, executor: own }, async () => {
      await boundary(shape, MANY_CALLS);
      return MANY_CALLS;
    });
} finally {
  await client.close();
  poster.close();
  await service.stop();
  await executor.close();
}
