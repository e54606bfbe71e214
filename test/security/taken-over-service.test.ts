import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import { isErrorCode } from "../../src/lib/errors.ts";
import { descendants, residentMiB } from "../support/processes.ts";
import { fixtureServer, pause } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { EndedRun, ServiceClient } from "../support/service-client.ts";
import { killAll, startTakenOver } from "../support/taken-over.ts";
import { TAKEOVERS } from "./taken-over.ts";

const PROGRAM = fileURLToPath(new URL("../fixtures/executors/taken-over.mjs", import.meta.url));
/** Most memory the service may hold: what it starts with, two messages of the greatest size and what reading them takes. */
const MOST_MIB = 700;
const ERROR_BYTES = 4 * 1024;
const TRIES = 60;
/** Defects that only an executor process which is not ours brings about. */
const KNOWN_DEFECTS = [
  "an executor process sent a message that is not of the protocol; it is killed",
  "a tool call failed for a reason of ours",
];
const CONTROL = "return (await mcp.test.echo({ v: 41 })).v + 1";

/** Who takes part in one attack: each time others, so that nobody pays for what an earlier process did. */
function clientsOf(mode: string): readonly string[] {
  return [1, 2, 3, 4].map((count) => `${mode} ${count}`);
}

/** A service with clients of these names. */
async function start(names: readonly string[], argument = "") {
  const keys = new Map(names.map((name, at) => [name, { id: `client${at}`, ...createClientKey() }]));
  const service = await startTakenOver(
    { program: PROGRAM, argument },
    {
      mcpServers: { test: { ...fixtureServer("lab"), concurrency: 512 } },
      clients: Object.fromEntries([...keys.values()].map(({ id, hash }) => [id, { key: hash }])),
      executors: { processes: 2 },
      limits: { wallMs: 1_500, cpuMs: 500, errorBytes: ERROR_BYTES },
      log: { level: "warn" },
    },
  );
  return { service, as: (name: string): ServiceClient => service.as(keys.get(name)?.key ?? "") };
}

/** Replaces the impostors, whatever they are doing: one has a place beside the one process that is ours. */
async function renewImpostors(service: RunningService, client: ServiceClient): Promise<void> {
  killAll(descendants(service.pid, PROGRAM));
  await pause(100);
  await expect
    .poll(async () => (await client.get<ReadyzBody>("/readyz")).body.checks.executors.detail, { timeout: 30_000 })
    .toMatch(/^2 ready, \d+ spare, 0 starting, 0 draining/u);
}

interface ReadyzBody {
  readonly checks: { readonly executors: { readonly detail: string } };
}

function endOf({ status, error, result }: EndedRun): string {
  return status === "succeeded" ? `value ${JSON.stringify(result)}` : (error?.code ?? "no error");
}

/** Runs for as long as `attack` takes; tells how the neighbour's runs ended meanwhile. */
async function besides(neighbour: ServiceClient, attack: () => Promise<void>): Promise<readonly EndedRun[]> {
  const over = new AbortController();
  const runs: EndedRun[] = [];
  const living = (async () => {
    while (!over.signal.aborted) {
      runs.push(await neighbour.run(CONTROL, { check: "none" }));
      await pause(25);
    }
  })();
  try {
    await attack();
  } finally {
    over.abort();
    await living;
  }
  return runs;
}

/** The most memory a process was seen to hold meanwhile. */
async function peakDuring(pid: number, work: () => Promise<void>): Promise<number> {
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, residentMiB(pid))), 20);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return peak;
}

/** Of two runs at once one is given to the process that is ours. @param two Whose runs they are; asked for each time. */
async function isRight(two: () => readonly ServiceClient[]): Promise<void> {
  const ends = async (): Promise<readonly string[]> =>
    (await Promise.all(two().map((client) => client.run(CONTROL, { check: "none" })))).map(endOf);
  await expect.poll(ends, { timeout: 20_000 }).toContain("value 42");
  for (const client of two()) expect(await client.get("/healthz")).toMatchObject({ status: 200 });
}

function defects(service: RunningService, from: number): readonly string[] {
  return service
    .logs()
    .slice(from)
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { readonly level: string; readonly msg: string })
    .filter(({ level, msg }) => (level === "error" || level === "fatal") && !KNOWN_DEFECTS.includes(msg))
    .map(({ msg }) => msg);
}

describe("an executor process that is not ours any more harms its own runs only, when it", () => {
  let service: RunningService;
  let as: (name: string) => ServiceClient;

  beforeAll(async () => {
    ({ service, as } = await start(TAKEOVERS.flatMap(({ mode }) => clientsOf(mode))));
  });

  afterAll(async () => {
    expect(await service.remove()).toEqual({ code: 0, signal: null });
  });

  test.for(TAKEOVERS)("$mode", { timeout: 60_000 }, async ({ mode, ends }) => {
    const [one, two, neighbour, another] = [as(`${mode} 1`), as(`${mode} 2`), as(`${mode} 3`), as(`${mode} 4`)];
    await renewImpostors(service, another);
    const from = service.logs().length;
    const own = `value ${JSON.stringify(`mode:${mode}`)}`;
    let runs: readonly EndedRun[] = [];
    let beside: readonly EndedRun[] = [];
    const attack = async (): Promise<void> => {
      const script = `return "mode:${mode}"`;
      // Runs of one principal keep to one process, where they can.
      for (let tries = 0; tries < TRIES && !runs.some((run) => endOf(run) !== own); tries++) {
        runs = await Promise.all([one, two].map((client) => client.run(script, { check: "none" })));
        // A run that another process took over is the trace that one which refuses runs leaves.
        if (runs.some(({ logs }) => logs.some(({ text }) => text.includes("run again")))) break;
      }
    };
    const peakMiB = await peakDuring(service.pid, async () => {
      beside = await besides(neighbour, attack);
    });
    const seen = runs.map((run) => (run.logs.length > 0 && endOf(run) === own ? "value moved" : endOf(run)));
    const moved = ends.includes("EXECUTOR_LOST") ? ["value moved"] : [];
    // On a machine that has other things to do, whatever it is may come too late.
    expect([...ends, ...moved, own, "SCRIPT_TIMEOUT"]).toEqual(expect.arrayContaining(seen));
    expect(seen.some((end) => end !== own)).toBe(true);
    for (const { usage, logs, error } of runs) {
      expect(Object.values(usage).filter((amount) => typeof amount === "number" && !(amount < 1e12))).toEqual([]);
      expect([usage.cpuMs, usage.heapPeakMiB]).toEqual([expect.any(Number), expect.any(Number)]);
      expect(logs.length).toBeLessThan(1_100);
      expect(Buffer.byteLength(error?.message ?? "")).toBeLessThan(ERROR_BYTES + 100);
    }
    // Some of the neighbour's runs were given to the impostor; those that were not are right.
    const other = beside.filter(({ result }) => result !== 42 && result !== "forged");
    expect(other.filter(({ error }) => error?.code !== "EXECUTOR_LOST" && error?.code !== "SCRIPT_TIMEOUT")).toEqual(
      [],
    );
    expect(peakMiB).toBeLessThan(MOST_MIB);
    await isRight(() => [neighbour, another]);
    expect(defects(service, from)).toEqual([]);
  });

  test("measures what it says of its use with numbers that can be added up", async () => {
    const { body } = await as(clientsOf(TAKEOVERS[0]?.mode ?? "")[0] ?? "").get<string>("/metrics");
    expect(body).toContain("runlet_run_cpu_seconds_sum");
    expect(body).not.toMatch(/NaN|Inf$/mu);
  });
});

describe("an executor process that is not ours from its start leaves the others to work, when it", () => {
  const ways = [
    "is never ready",
    "dies before it is ready",
    "dies when it is told names",
    "ends runs before they come",
    "floods pongs before it has a run",
  ];

  test.for(ways)("%s", { timeout: 60_000 }, async (argument) => {
    // Whose runs it was given is slowed when it dies again and again: each run is of somebody else.
    const names = Array.from({ length: 10 }, (_, at) => `client ${at}`);
    const others = Array.from({ length: 200 }, (_, at) => `another ${at}`);
    const { service, as } = await start([...names, ...others], argument);
    try {
      const peakMiB = await peakDuring(service.pid, async () => {
        for (const name of names) {
          const { status, error, result } = await as(name).run(CONTROL, { check: "none" });
          if (status === "succeeded") expect([42, "forged"]).toContain(result);
          else expect(isErrorCode(error?.code) && error.code).toBe("EXECUTOR_LOST");
        }
      });
      expect(peakMiB).toBeLessThan(MOST_MIB);
      await isRight(() => others.splice(0, 2).map(as));
      expect(defects(service, 0)).toEqual([]);
    } finally {
      expect(await service.remove()).toEqual({ code: 0, signal: null });
    }
  });
});
