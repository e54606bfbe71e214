import { isDeepStrictEqual } from "node:util";
import { canonicalJson } from "../../src/lib/json.ts";
import type { PackTool, Scenario } from "./pack-data.ts";
import type { Stage } from "./pack-stage.ts";
import { pause } from "./service.ts";
import type { ServiceClient } from "./service-client.ts";

const CLIENTS = 8;
const LISTED_WITHIN_MS = 20_000;

/** What a workflow did, and what it must have done. */
export interface Played {
  readonly id: string;
  readonly actual: Outcome;
  readonly expected: Outcome;
}

interface Outcome {
  readonly status: string;
  readonly result: unknown;
  readonly error: unknown;
  /** Server, tool and outcome of each call, as the run tells them. */
  readonly calls: readonly (readonly [string, string, string])[];
  /** Tool and arguments of each call, as each server received them. */
  readonly received: Readonly<Record<string, readonly unknown[]>>;
}

/**
 * Groups workflows that one set of servers can serve at the same time: tools of one name are the same tool, and no call
 * is made by two of them.
 */
export function toBatches(scenarios: readonly Scenario[]): readonly (readonly Scenario[])[] {
  const batches: {
    readonly scenarios: Scenario[];
    readonly tools: Map<string, string>;
    readonly calls: Set<string>;
  }[] = [];
  for (const scenario of scenarios) {
    const tools = [...scenario.tools].flatMap(([server, list]) =>
      list.map((tool) => [`${server} ${tool.name}`, canonicalJson(tool)] as const),
    );
    const calls = scenario.steps.map(({ server, tool, args }) => canonicalJson([server, tool, args]));
    const fits = batches.find(
      (batch) =>
        tools.every(([name, tool]) => (batch.tools.get(name) ?? tool) === tool) &&
        calls.every((call) => !batch.calls.has(call)),
    );
    const batch = fits ?? { scenarios: [], tools: new Map<string, string>(), calls: new Set<string>() };
    if (fits === undefined) batches.push(batch);
    batch.scenarios.push(scenario);
    for (const [name, tool] of tools) batch.tools.set(name, tool);
    for (const call of calls) batch.calls.add(call);
  }
  return batches.map((batch) => batch.scenarios);
}

/**
 * Plays workflows through `POST /run`, several at a time, each narrowed to its own tools, after telling the servers.
 *
 * @param scenarios One batch.
 * @returns Those that went otherwise than recorded.
 * @throws Error when a server received a call that no workflow has.
 */
export async function play(
  scenarios: readonly Scenario[],
  stage: Stage,
  service: ServiceClient,
  servers: readonly string[],
): Promise<readonly Played[]> {
  for (const server of servers) await prepare(server, scenarios, stage, service);
  const runs = new Map<string, Omit<Outcome, "received">>();
  const waiting = scenarios.values();
  const client = async (): Promise<void> => {
    for (const scenario of waiting) runs.set(scenario.id, await run(scenario, service));
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const reports = new Map<string, Awaited<ReturnType<Stage["report"]>>>();
  for (const server of servers) {
    const report = await stage.report(server);
    if (report.strays.length > 0) throw new Error(`calls of no workflow: ${JSON.stringify(report.strays)}`);
    reports.set(server, report);
  }
  return scenarios.flatMap((scenario) => {
    const { id } = scenario;
    const received = Object.fromEntries([...reports].map(([server, report]) => [server, report.received[id] ?? []]));
    const actual = { ...runs.get(id), received } as Outcome;
    const expected = expectedOutcome(scenario, servers);
    return isDeepStrictEqual(actual, expected) ? [] : [{ id, actual, expected }];
  });
}

/** What a run is narrowed to: the tools of its workflow and no others. */
export function narrowing({ tools }: Scenario) {
  return {
    servers: [...tools.keys()],
    tools: Object.fromEntries([...tools].map(([server, list]) => [server, list.map(({ name }) => name)])),
  };
}

async function run(scenario: Scenario, service: ServiceClient): Promise<Omit<Outcome, "received">> {
  const ended = await service.run(scenario.script, narrowing(scenario));
  return {
    status: ended.status,
    result: ended.result,
    error: ended.error,
    calls: ended.calls.map(({ server, tool, outcome }) => [server, tool, outcome] as const),
  };
}

function expectedOutcome({ steps, expected }: Scenario, servers: readonly string[]): Outcome {
  return {
    status: "succeeded",
    result: expected,
    error: undefined,
    calls: steps.map(
      ({ server, tool, exception }) => [server, tool, exception === undefined ? "ok" : "error"] as const,
    ),
    received: Object.fromEntries(
      servers.map((name) => [
        name,
        steps.filter(({ server }) => server === name).map(({ tool, args }) => ({ tool, args })),
      ]),
    ),
  };
}

/** Tells one server its part in a batch. */
async function prepare(
  server: string,
  scenarios: readonly Scenario[],
  stage: Stage,
  service: ServiceClient,
): Promise<void> {
  const tools = new Map<string, PackTool>();
  for (const tool of scenarios.flatMap((scenario) => scenario.tools.get(server) ?? [])) tools.set(tool.name, tool);
  const parts = scenarios.map(({ id, steps }) => ({
    id,
    order: "strict" as const,
    steps: steps.filter((step) => step.server === server),
  }));
  await stage.load(server, { tools: [...tools.values()], scenarios: parts });
  await listed(server, [...tools.values()], service);
}

/** Waits until the service lists exactly these tools of a server. @throws Error when it does not within 20 s. */
export async function listed(server: string, tools: readonly PackTool[], service: ServiceClient): Promise<void> {
  const names = tools.map(({ name }) => name);
  let seen: readonly string[] = [];
  for (const end = performance.now() + LISTED_WITHIN_MS; performance.now() < end; await pause(20)) {
    const { body } = await service.get<{ readonly servers: readonly ServerEntry[] }>("/servers");
    if (body.servers.find(({ name }) => name === server)?.tools !== names.length) continue;
    const list = await service.get<{ readonly tools: readonly ServerEntry[] }>(`/tools?limit=5000&server=${server}`);
    seen = list.body.tools.map(({ name }) => name);
    if (isDeepStrictEqual(seen.toSorted(), names.toSorted())) return;
  }
  throw new Error(`the service lists ${seen.length} tools of ${server}, not its ${names.length}`);
}

interface ServerEntry {
  readonly name: string;
  readonly tools?: number;
}
