/**
 * `npm run bench`: the main job over loopback HTTP against a bare isolate, in turns in one run, so that ratios hold on a
 * noisy machine. Prints numbers; judges nothing.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import { startBenchService } from "./bench-service.ts";
import { quantile, show } from "./statistics.ts";

const ROUNDS = 20;
const PER_ROUND = 25;

const service = await startBenchService();
const bare = fork(fileURLToPath(new URL("bare-isolate.ts", import.meta.url)), { execArgv: ["--no-node-snapshot"] });
const agent = new Agent({ keepAlive: true });

interface RunAnswer {
  readonly status: string;
  readonly usage: { readonly wallMs: number };
}

function post(script: string): Promise<RunAnswer> {
  const body = JSON.stringify({ script });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const outgoing = request(`${service.url}/run`, { agent, method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.once("end", () => {
        const run = JSON.parse(text) as RunAnswer;
        if (run.status === "succeeded") resolve(run);
        else reject(new Error(text));
      });
    });
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function bareMs(): Promise<number> {
  bare.send("go");
  const [ms] = (await once(bare, "message")) as [number];
  return ms;
}

async function against(): Promise<void> {
  const bareTimes: number[] = [];
  const runTimes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < PER_ROUND; i++) bareTimes.push(await bareMs());
    for (let i = 0; i < PER_ROUND; i++) runTimes.push(await timed(() => post("return 1+1")));
  }
  for (const share of [0.5, 0.99]) {
    const [a, b] = [quantile(runTimes, share), quantile(bareTimes, share)];
    console.log(`POST /run  p${share * 100}: ${show(a)} ms; bare isolate ${show(b)} ms; ratio ${show(a / b)}`);
  }
}

async function calls(): Promise<void> {
  const parallel: number[] = [];
  const sequential: number[] = [];
  for (let i = 0; i < 15; i++) {
    parallel.push(await timed(() => post("await Promise.all(Array.from({length: 10}, () => mcp.bench.wait({})))")));
    sequential.push(await timed(() => post("for (let i = 0; i < 100; i++) await mcp.bench.noop({})")));
  }
  console.log(`10 parallel calls of 50 ms: ${show(quantile(parallel, 0.5))} ms`);
  console.log(`100 sequential no-op calls: ${show(quantile(sequential, 0.5))} ms`);
}

async function closedLoop(clients: number, seconds: number): Promise<void> {
  const until = performance.now() + seconds * 1_000;
  const times: number[] = [];
  const client = async (): Promise<void> => {
    while (performance.now() < until) times.push(await timed(() => post("return 1+1")));
  };
  await Promise.all(Array.from({ length: clients }, client));
  console.log(
    `${clients} clients: ${show(times.length / seconds)} runs/s, p50 ${show(quantile(times, 0.5))} ms, p99 ${show(quantile(times, 0.99))} ms`,
  );
}

try {
  for (let i = 0; i < 100; i++) {
    await post("return await mcp.bench.noop({})");
    await bareMs();
  }
  await against();
  await calls();
  for (const clients of [1, 8, 32]) await closedLoop(clients, 5);
} finally {
  agent.destroy();
  bare.kill();
  await service.stop();
}
