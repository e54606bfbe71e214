import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { ProcessExecutor } from "../../../../src/executor/process-executor.ts";
import type { ProcessExecutorOptions } from "../../../../src/executor/process-executor.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import type { Log } from "../../../../src/lib/log.ts";
import { isAlive } from "../../../support/processes.ts";
import { pause } from "../../../support/service.ts";
import { errorOf, execute, recordingHost, valueOf } from "../support.ts";
import type { ExecuteOptions } from "../support.ts";

const OBEDIENT = fileURLToPath(new URL("../../../fixtures/executors/obedient.mjs", import.meta.url));
/** How long what must happen may take on a machine that is busy with other tests. */
const SOON = { timeout: 20_000 };
const open = new Set<ProcessExecutor>();

interface Supervised {
  readonly executor: ProcessExecutor;
  readonly logged: { readonly message: string; readonly fields: Record<string, unknown> }[];
  readonly crashes: string[];
  /** Runs a script that asks its process for something. @returns The process it ended in. */
  readonly deed: (what: string, options?: ExecuteOptions) => Promise<unknown>;
}

/** An executor whose processes do what scripts ask them for. */
async function supervise(
  change: Partial<ProcessExecutorOptions> & { readonly processes?: number } = {},
): Promise<Supervised> {
  const { processes = 1, ...options } = change;
  const logged: Supervised["logged"] = [];
  const keep = (fields: object, message: string): void => void logged.push({ message, fields: { ...fields } });
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  const executor = await ProcessExecutor.create({
    executors: { processes, isolatesPerProcess: 8, profile: "hardened" },
    memoryMiB: 64,
    clock: systemClock,
    log,
    command: { command: process.execPath, args: [OBEDIENT], env: { PATH: "" }, measures: [] },
    ...options,
  });
  open.add(executor);
  const crashes: string[] = [];
  executor.onCrash((reason) => crashes.push(reason));
  await expect.poll(() => executor.status(), SOON).toMatchObject({ ready: processes, starting: 0 });
  return { executor, logged, crashes, deed: (what, more) => valueOf(executor, `return "do: ${what}"`, more) };
}

afterEach(async () => {
  for (const executor of open) {
    const pids = executor.pids({ spares: true });
    await executor.close();
    expect(pids.filter(isAlive)).toEqual([]);
  }
  open.clear();
});

/** The spares of an executor. */
function spares(executor: ProcessExecutor): readonly number[] {
  const used = executor.pids();
  return executor.pids({ spares: true }).filter((pid) => !used.includes(pid));
}

describe("a process that goes", { timeout: 60_000 }, () => {
  test("is replaced at once by the spare, and the spare by a new one", async () => {
    const { executor, deed } = await supervise();
    await expect.poll(() => executor.status().spare, SOON).toBe(1);
    const [pid = 0] = executor.pids();
    const [spare] = spares(executor);
    process.kill(pid, "SIGKILL");
    await expect.poll(() => executor.pids(), SOON).toEqual([spare]);
    expect(await deed("end")).toBe(spare);
    await expect.poll(() => executor.status(), SOON).toMatchObject({ ready: 1, spare: 1 });
    expect(spares(executor)).not.toContain(spare);
  });

  test("after its runs is replaced before it stops taking them, and no run notices", async () => {
    const { executor, deed, crashes } = await supervise();
    const [first] = executor.pids();
    const seen = new Set<unknown>();
    let left = 5_400;
    const client = async (): Promise<void> => {
      while (left-- > 0) seen.add(await deed("end"));
    };
    await Promise.all(Array.from({ length: 8 }, client));
    expect([seen.size, seen.has(first)]).toEqual([2, true]);
    expect(executor.pids()).not.toContain(first);
    expect(crashes).toEqual([]);
  });

  test("swollen by a run that is over is replaced before it takes another", async () => {
    const { executor, deed, crashes } = await supervise();
    await expect.poll(() => executor.status().spare, SOON).toBe(1);
    const swollen = await deed("swell-and-end 400");
    await pause(500);
    expect(await deed("end")).not.toBe(swollen);
    await expect.poll(() => executor.pids(), SOON).not.toContain(swollen);
    expect(crashes).toEqual([]);
  });

  test("swollen by the run in it takes no more; those in it end", async () => {
    const { executor, deed } = await supervise();
    await expect.poll(() => executor.status().spare, SOON).toBe(1);
    const sibling = deed("end-after 4000");
    const stop = new AbortController();
    const greedy = execute(executor, `return "do: swell-and-wait 700"`, { signal: stop.signal });
    const [pid] = executor.pids();
    await expect.poll(() => executor.status().draining, SOON).toBe(1);
    expect(await deed("end")).not.toBe(pid);
    expect(await sibling).toBe(pid);
    stop.abort();
    expect(await greedy).toMatchObject({ error: { code: "RUN_CANCELLED" } });
    await expect.poll(() => executor.pids(), SOON).not.toContain(pid);
  });
});

describe("a process that takes too much", { timeout: 60_000 }, () => {
  test("of the machine's memory is killed, and the run that was alone in it told so", async () => {
    const { executor, crashes, logged } = await supervise();
    expect(await errorOf(executor, `return "do: swell-and-wait 1900"`, { limits: { wallMs: 50_000 } })).toMatchObject({
      code: "EXECUTOR_LOST",
      details: { blame: "script" },
    });
    expect(crashes).toEqual(["memory"]);
    expect(logged).toMatchObject([{ fields: { reason: "memory", runs: 1, principals: ["tester"] } }]);
  });

  test("of its time without having a run is killed: a thread went on after the run had ended", async () => {
    const { deed, crashes } = await supervise();
    const pid = Number(await deed("leave-a-thread-spinning"));
    await expect.poll(() => isAlive(pid), SOON).toBe(false);
    await expect.poll(() => crashes, SOON).toEqual(["cpu"]);
    expect(await deed("end")).not.toBe(pid);
  });

  test("that stands still is killed for its silence", async () => {
    const { executor, crashes } = await supervise();
    const run = errorOf(executor, `return "do: wait"`);
    process.kill(executor.pids()[0] ?? 0, "SIGSTOP");
    expect(await run).toMatchObject({ code: "EXECUTOR_LOST", details: { blame: "script" } });
    expect(crashes).toEqual(["silent"]);
  });
});

describe("when a process dies", { timeout: 60_000 }, () => {
  test.each([
    ["die-after 300", "signal", { signal: "SIGABRT" }],
    ["exit-after 300", "exit", { code: 7 }],
  ])("by itself (%s), that is told once: how, with how many runs, and whose", async (deed, reason, how) => {
    const { executor, crashes, logged } = await supervise();
    await errorOf(executor, `return "do: ${deed}"`);
    expect(crashes).toEqual([reason]);
    expect(logged).toMatchObject([
      { message: "an executor process crashed", fields: { reason, ...how, runs: 1, principals: ["tester"] } },
    ]);
  });

  test("what it wrote is told, cut so that no script's text is in it", async () => {
    const { executor, logged } = await supervise();
    await errorOf(executor, `return "do: write-and-die 300"`);
    const { stderr } = logged[0]?.fields ?? {};
    expect(stderr).toContain("FATAL ERROR: heap");
    expect(String(stderr).length).toBeLessThan(200);
  });

  test("runs that waited meanwhile are run again where there is room; the one that computed is run again alone", async () => {
    const { executor, crashes } = await supervise();
    const hosts = Array.from({ length: 4 }, () => recordingHost());
    const [pid = 0] = executor.pids();
    const waiting = hosts.slice(1).map((host) => valueOf(executor, `return "do: end-after 1500"`, { host }));
    const computing = errorOf(executor, `return "do: compute"`, {
      limits: { wallMs: 1_000 },
      ...hosts.slice(0, 1).map((host) => ({ host }))[0],
    });
    await pause(1_100);
    process.kill(pid, "SIGABRT");
    const ended = new Set(await Promise.all(waiting));
    expect([ended.size, ended.has(pid)]).toEqual([1, false]);
    expect(await computing).toMatchObject({ code: "SCRIPT_TIMEOUT" });
    expect(hosts.map(({ logs }) => logs.length)).toEqual([1, 1, 1, 1]);
    expect(crashes).toEqual(["signal"]);
  });

  test("a run that crashes its process again when it is alone is to blame, and costs the others nothing", async () => {
    const { executor, crashes, deed } = await supervise();
    const killer = errorOf(executor, `return "do: die-after 200"`);
    const others = [1, 2, 3].map(() => deed("end-after 600"));
    expect(await killer).toMatchObject({ code: "EXECUTOR_LOST", details: { blame: "script" } });
    expect(await Promise.all(others)).toEqual(Array(3).fill(expect.any(Number)));
    expect(crashes.length).toBeGreaterThanOrEqual(2);
    expect(crashes.length).toBeLessThanOrEqual(3);
  });

  test("a run that crashes it from a timer, when none computes, is found out all the same; the others succeed", async () => {
    const { executor, crashes, deed } = await supervise();
    const killer = errorOf(executor, `return "do: die-after 1400"`);
    const others = [1, 2, 3].map(() => deed("end-after 1800"));
    expect(await killer).toMatchObject({ code: "EXECUTOR_LOST", details: { blame: "script" } });
    expect(await Promise.all(others)).toEqual(Array(3).fill(expect.any(Number)));
    expect(crashes).toHaveLength(3);
  });

  test("a run that came when its process was dying already is not blamed: it is run again", async () => {
    const { executor, deed, crashes } = await supervise();
    await expect.poll(() => executor.status().spare, SOON).toBe(1);
    const [pid = 0] = executor.pids();
    process.kill(pid, "SIGKILL");
    expect(await deed("end")).not.toBe(pid);
    expect(crashes).toEqual(["signal"]);
  });

  test("a run that had made a call is not run again, and is told whose doing it was not", async () => {
    const { executor } = await supervise();
    const host = recordingHost(() => new Promise(() => {}));
    const caller = errorOf(executor, `return "do: call"`, { host });
    await pause(1_200);
    const computing = execute(executor, `return "do: compute-and-die 300"`);
    expect(await caller).toMatchObject({
      code: "EXECUTOR_LOST",
      message: expect.stringContaining("made 1 call, which is not done again") as string,
      details: { blame: "others", calls: 1, emitted: 0 },
    });
    expect(host.calls).toHaveLength(1);
    expect(await computing).toMatchObject({ error: { details: { blame: "script" } } });
  });
});

describe("a principal whose scripts crash processes", { timeout: 60_000 }, () => {
  const mallory = { principal: "mallory" };

  test("has its runs alone from then on: others are never beside them", async () => {
    const { executor, deed } = await supervise();
    await errorOf(executor, `return "do: die-after 200"`, mallory);
    const [place] = executor.pids();
    expect(executor.concurrencyOf("mallory")).toBe(1);
    const bad = errorOf(executor, `return "do: die-after 600"`, mallory);
    const next = deed("end", mallory);
    expect(await Promise.all([1, 2, 3].map(() => deed("end-after 800")))).toEqual([place, place, place]);
    expect(await bad).toMatchObject({ code: "EXECUTOR_LOST" });
    expect(await next).not.toBe(place);
    expect(executor.concurrencyOf("tester")).toBe(Infinity);
  });

  test("is slowed, then refused for a while and told so; nobody else is", async () => {
    const { executor, deed, crashes } = await supervise();
    const started = performance.now();
    for (let i = 0; i < 10; i++)
      expect(await errorOf(executor, `return "do: die-after 200"`, mallory)).toMatchObject({ code: "EXECUTOR_LOST" });
    // About 140, 280, 560, 1,130 and 2,260 ms from the fifth crash on.
    expect(performance.now() - started).toBeGreaterThan(4_000);
    expect(await errorOf(executor, "return 1", mallory)).toMatchObject({
      code: "TOO_MANY_CRASHES",
      fault: "client",
      retryable: true,
      details: { retryAfterMs: expect.any(Number) as number, until: expect.any(String) as string },
    });
    expect(executor.refusal("mallory")).toMatchObject({ code: "TOO_MANY_CRASHES" });
    expect(crashes).toHaveLength(10);
    expect(await deed("end")).toEqual(expect.any(Number));
  });

  test("runs that wait when their principal comes to be refused are refused", async () => {
    const { executor } = await supervise();
    const ends = await Promise.all(
      Array.from({ length: 14 }, () => errorOf(executor, `return "do: die-after 200"`, mallory)),
    );
    const codes = ends.map(({ code }) => code);
    expect(codes.filter((code) => code === "TOO_MANY_CRASHES").length).toBeGreaterThan(0);
    expect(codes.filter((code) => code === "EXECUTOR_LOST").length).toBeGreaterThan(9);
  });

  test("isolates that V8 gives up and threads that never stop count, too, for a tenth", async () => {
    const { executor, deed } = await supervise();
    for (let i = 0; i < 6; i++) await errorOf(executor, `return "do: taint"`, mallory);
    expect(executor.concurrencyOf("mallory")).toBe(Infinity);
    for (let i = 0; i < 6; i++) {
      await deed("end-and-never-stop", mallory);
      await pause(50);
    }
    expect(executor.concurrencyOf("mallory")).toBe(1);
  });

  test("that shares the processes with nobody is only told", async () => {
    const { executor, deed } = await supervise({ shared: false });
    for (let i = 0; i < 12; i++)
      expect(await errorOf(executor, `return "do: die-after 200"`)).toMatchObject({ code: "EXECUTOR_LOST" });
    expect([executor.refusal("tester"), executor.concurrencyOf("tester")]).toEqual([undefined, Infinity]);
    expect(await deed("end")).toEqual(expect.any(Number));
  });
});

describe("with a process for each run", { timeout: 60_000 }, () => {
  const dedicated = { executors: { processes: 2, isolatesPerProcess: 1, profile: "dedicated" } } as const;

  test("none is used twice, and as many run at once as there are processes", async () => {
    const { executor, deed } = await supervise({ ...dedicated, processes: 2 });
    const pids = await Promise.all(Array.from({ length: 6 }, () => deed("end-after 100")));
    expect(new Set(pids).size).toBe(6);
    await expect.poll(() => pids.filter((pid) => isAlive(Number(pid)))).toEqual([]);
    await expect.poll(() => executor.status(), SOON).toMatchObject({ ready: 2, spare: 2, draining: 0 });
  });

  test("one that crashes its own costs nobody", async () => {
    const { deed, executor } = await supervise({ ...dedicated, processes: 2 });
    const kept = deed("end-after 500");
    expect(await errorOf(executor, `return "do: die-after 200"`)).toMatchObject({ details: { blame: "script" } });
    expect(await kept).toEqual(expect.any(Number));
    expect(await deed("end")).not.toBe(await kept);
  });
});
