/**
 * `node test/bench/attached.ts`: what attached tools cost a run that calls one of them. Three services, each with one server
 * over stdio of 1, 100 and 1,000 tools taken from NesTools; `POST /run` in turns in one run. Prints numbers; judges nothing.
 * Goal: at the median, 1,000 tools cost at most 1.15 times what one costs.
 */
import { isDeepStrictEqual } from "node:util";
import { PACKS } from "../support/pack-data.ts";
import type { PackStep, PackTool, Scenario } from "../support/pack-data.ts";
import { listed } from "../support/pack-run.ts";
import { createStage } from "../support/pack-stage.ts";
import { startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import { createPoster } from "./post-run.ts";
import type { Poster } from "./post-run.ts";
import { quantile, show } from "./statistics.ts";

const COUNTS = [1, 100, 1_000] as const;
const WARM_UP = 100;
const ROUNDS = Number(process.argv[2] ?? 600);

const scenarios = PACKS.find(({ name }) => name === "NesTools")?.read() ?? [];
const step = firstStep();
const script = `return await mcp.lib.${step.tool}(${JSON.stringify(step.args)});`;

/** The call that every run makes: of the first tool of all. */
function firstStep(): PackStep {
  const first = scenarios[0]?.steps[0];
  if (first === undefined) throw new Error("the pack is empty");
  return first;
}

/** The first so many different tools of the pack; the one that is called comes first. */
function toolsOf(all: readonly Scenario[], count: number): readonly PackTool[] {
  const tools = new Map<string, PackTool>();
  for (const tool of all.flatMap((scenario) => scenario.tools.get("lib") ?? []))
    if (!tools.has(tool.name)) tools.set(tool.name, tool);
  return [...tools.values()].slice(0, count);
}

async function timed(poster: Poster): Promise<number> {
  const { result, ms } = await poster.run(script);
  if (!isDeepStrictEqual(result, step.result)) throw new Error(`a run went wrong: ${JSON.stringify(result)}`);
  return ms;
}

/** A service with so many tools, and how long its runs took. */
interface Attached {
  readonly count: number;
  readonly service: RunningService;
  readonly poster: Poster;
  readonly times: number[];
}

const stage = await createStage(
  "stdio",
  COUNTS.map((count) => `tools${count}`),
);
const attached: Attached[] = [];

async function attach(count: number): Promise<void> {
  const server = `tools${count}`;
  const lib = stage.mcpServers[server] ?? {};
  const service = await startService({ mcpServers: { lib }, log: { level: "warn" } });
  attached.push({ count, service, poster: createPoster(service.url), times: [] });
  const tools = toolsOf(scenarios, count);
  await stage.load(server, { tools, scenarios: [{ id: "one call", steps: [step], order: "circle" }] });
  await listed("lib", tools, service);
}

try {
  for (const count of COUNTS) await attach(count);
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    for (const { poster, times } of attached) {
      const ms = await timed(poster);
      if (round >= WARM_UP) times.push(ms);
    }
  }
  const one = quantile(attached[0]?.times ?? [], 0.5);
  for (const { count, times } of attached) {
    const [p50, p90] = [quantile(times, 0.5), quantile(times, 0.9)];
    console.log(
      `${String(count).padStart(5)} tools: p50 ${show(p50)} ms, p90 ${show(p90)} ms; ${show(p50 / one)} × one tool`,
    );
  }
} finally {
  for (const { service, poster } of attached) {
    poster.close();
    await service.remove();
  }
  await stage.close();
}
