import { join } from "node:path";
import type { RunView } from "../../src/runs/run.ts";
import { readEventsFile } from "./events-file.ts";
import { startRedis } from "./redis-server.ts";
import { createFolder, fixtureServer, pause, startService } from "./service.ts";
import type { RunningService } from "./service.ts";
import { killAll } from "./taken-over.ts";

/** How much chaos there is. */
export interface ChaosOptions {
  /** Runs, each of 5 calls. */
  readonly runs: number;
  /** Same seed, same order of blows. */
  readonly seed: number;
  /** Between two blows, ms. */
  readonly everyMs: number;
}

/** What became of the runs. */
export interface ChaosReport {
  readonly ended: number;
  readonly succeeded: number;
  /** Runs whose script was told that the outcome of a call is unknown, and went on. */
  readonly withUnknown: number;
  /** Codes of those that failed, with how many. */
  readonly failed: Readonly<Record<string, number>>;
  /** Calls whose effect was seen more than once though the script was answered: none may be. */
  readonly repeated: readonly string[];
  /** Calls that were answered `ok` and whose effect was never seen: none may be. */
  readonly missing: readonly string[];
  /** Calls with an unknown outcome; of those, how many had been done. */
  readonly unknown: number;
  readonly unknownDone: number;
  readonly calls: number;
  readonly blows: Readonly<Record<string, number>>;
}

/** Each call says who it is, so that its effects can be counted. */
const SCRIPT = `
  const outcomes = [];
  const add = async (n) => {
    try { await mcp.tally.add({ id: input + "/" + n, ms: 20 + (n * 13) % 50 }); outcomes[n] = "ok"; }
    catch (error) { outcomes[n] = error.code; }
  };
  await add(0);
  await Promise.all([add(1), add(2), add(3)]);
  await add(4);
  return outcomes;`;

/** Runs a service of one api and two workers on a Redis with a file, deals blows until all runs have ended, and counts. */
export async function runChaos({ runs, seed, everyMs }: ChaosOptions): Promise<ChaosReport> {
  const folder = createFolder();
  const events = join(folder, "events");
  const redis = await startRedis({ appendonly: true });
  const start = (role: "api" | "worker"): Promise<RunningService> =>
    startService({
      mcpServers: { tally: fixtureServer("tally", { EVENTS_FILE: events }) },
      executors: { processes: 2 },
      queue: { depth: runs + 10, concurrency: 16, stallAfter: "2s" },
      redis: { url: redis.url },
      role,
      log: { level: "warn" },
    });
  const api = await start("api");
  const workers = [await start("worker"), await start("worker")];
  const blows: Record<string, number> = {};
  let random = seed;
  const pick = (below: number): number => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    return (random >>> 8) % below;
  };
  const strike = async (): Promise<void> => {
    const blow = ["worker", "executors", "executors", "redis"][pick(4)] ?? "worker";
    blows[blow] = (blows[blow] ?? 0) + 1;
    const at = pick(2);
    const worker = workers[at];
    if (blow === "redis") await redis.restart();
    else if (blow === "executors") killAll(worker?.executors() ?? []);
    else {
      await worker?.stop("SIGKILL");
      workers[at] = await start("worker");
    }
  };
  try {
    const over = new AbortController();
    const chaos = (async () => {
      while (!over.signal.aborted) {
        await pause(everyMs);
        if (!over.signal.aborted) await strike();
      }
    })();
    const ids: string[] = [];
    for (let at = 0; at < runs; at++) ids.push(await api.queue(SCRIPT, { input: `r${at}` }));
    const views: RunView[] = [];
    for (const id of ids) views.push(await endOf(api, id));
    over.abort();
    await chaos;
    return count(views, readEventsFile(events), blows);
  } finally {
    for (const worker of workers) await worker.stop("SIGKILL");
    await api.stop("SIGKILL");
    await redis.close();
  }
}

/** A run's end; the service may be away for a moment. */
async function endOf(api: RunningService, id: string): Promise<RunView> {
  for (let tries = 0; tries < 2_000; tries++) {
    const { body } = await api.get<RunView>(`/runs/${id}`, { headers: { prefer: "wait=5" } });
    if (body.endedAt !== undefined) return body;
  }
  throw new Error(`the run ${id} does not end`);
}

function count(
  views: readonly RunView[],
  events: readonly Readonly<Record<string, unknown>>[],
  blows: ChaosReport["blows"],
): ChaosReport {
  const done = new Map<string, number>();
  for (const { event, id } of events) if (event === "add") done.set(String(id), (done.get(String(id)) ?? 0) + 1);
  const failed: Record<string, number> = {};
  const repeated: string[] = [];
  const missing: string[] = [];
  let [unknown, unknownDone, succeeded, withUnknown] = [0, 0, 0, 0];
  for (const [at, { status, result, error }] of views.entries()) {
    const outcomes = Array.isArray(result) ? result : [];
    if (status === "succeeded") succeeded++;
    else failed[error?.code ?? "none"] = (failed[error?.code ?? "none"] ?? 0) + 1;
    if (outcomes.includes("CALL_OUTCOME_UNKNOWN")) withUnknown++;
    for (const [n, outcome] of outcomes.entries()) {
      const times = done.get(`r${at}/${n}`) ?? 0;
      if (times > 1) repeated.push(`r${at}/${n}: ${times} times, ${String(outcome)}`);
      if (outcome === "ok" && times === 0) missing.push(`r${at}/${n}`);
      if (outcome !== "CALL_OUTCOME_UNKNOWN") continue;
      unknown++;
      if (times > 0) unknownDone++;
    }
  }
  const calls = [...done.values()].reduce((all, times) => all + times, 0);
  return { ended: views.length, succeeded, withUnknown, failed, repeated, missing, unknown, unknownDone, calls, blows };
}
