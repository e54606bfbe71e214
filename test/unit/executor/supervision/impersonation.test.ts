import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { ProcessExecutor } from "../../../../src/executor/process-executor.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import type { Log } from "../../../../src/lib/log.ts";
import { isAlive } from "../../../support/processes.ts";
import { errorOf, execute, recordingHost, valueOf } from "../support.ts";

const IMPOSTOR = fileURLToPath(new URL("../../../fixtures/executors/impostor.mjs", import.meta.url));
const open = new Set<ProcessExecutor>();

/** An executor whose processes are impostors. */
async function impostor(mode: string, processes = 1): Promise<{ executor: ProcessExecutor; logged: string[] }> {
  const logged: string[] = [];
  const keep = (fields: object, message: string): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  const executor = await ProcessExecutor.create({
    executors: { processes, isolatesPerProcess: 4, profile: "hardened" },
    memoryMiB: 64,
    clock: systemClock,
    log,
    command: { command: process.execPath, args: [IMPOSTOR, mode], env: { PATH: "" }, measures: [] },
  });
  open.add(executor);
  return { executor, logged };
}

afterEach(async () => {
  for (const executor of open) {
    const pids = executor.pids();
    await executor.close();
    expect(pids.filter(isAlive)).toEqual([]);
  }
  open.clear();
});

describe("what a taken-over process sends", () => {
  test.each(["internal-ack", "internal-handle", "not-json", "wrong-shape", "endless-line"])(
    "%s: the process is killed, its run fails and the service goes on",
    async (mode) => {
      const { executor, logged } = await impostor(mode);
      await executor.ready();
      const [pid = 0] = executor.pids();
      expect(await errorOf(executor, "return 1")).toMatchObject({ code: "EXECUTOR_LOST", fault: "service" });
      expect(isAlive(pid)).toBe(false);
      // Twice where it came at once: a run that just came is tried once more.
      for (const line of logged)
        expect(line).toMatch(/crashed .*"reason":"protocol".*"runs":1,"principals":\["tester"\]/u);
      expect(logged.length).toBeLessThanOrEqual(2);
      await executor.ready();
    },
  );

  test("messages for runs it does not hold are not heard", async () => {
    const { executor } = await impostor("forged");
    const host = recordingHost();
    expect(await valueOf(executor, "return 1", { host })).toBe(42);
    expect([host.calls, host.logs, host.emitted]).toEqual([[], [], []]);
  });

  test("nothing of a run is heard after its end", async () => {
    const { executor } = await impostor("goes-on");
    const host = recordingHost();
    expect([await valueOf(executor, "1", { host }), await valueOf(executor, "1", { host })]).toEqual([42, 42]);
    expect([host.calls, host.logs, host.emitted]).toEqual([[], [], []]);
    expect(executor.status().running).toBe(0);
  });

  test.each([
    ["deep", "RESULT_INVALID"],
    ["large", "RESULT_TOO_LARGE"],
    ["large-body", "RESULT_TOO_LARGE"],
    ["no-result-json", "RESULT_INVALID"],
  ])("a result that is %s is refused with %s", async (mode, code) => {
    const { executor } = await impostor(mode);
    expect(await errorOf(executor, "1", { limits: { resultBytes: 2 ** 20 } })).toMatchObject({ code });
  });

  test.each(["flood of lines", "flood of ends", "flood of pongs", "flood of readies", "flood of taints"])(
    "%s: what serves nothing is borne up to what its runs could have left, then the process is killed",
    async (mode) => {
      const { executor, logged } = await impostor(mode);
      expect(await errorOf(executor, "return 1")).toMatchObject({ code: "EXECUTOR_LOST" });
      expect(logged.join("\n")).toContain('"reason":"protocol"');
    },
  );

  test("a flood of calls whose answers it does not take stops being read, and it is killed for its silence", async () => {
    const { executor } = await impostor("flood");
    await executor.ready();
    const answer = "x".repeat(100_000);
    const host = recordingHost(() => answer);
    const before = process.memoryUsage().rss;
    expect(await errorOf(executor, "1", { host, limits: { wallMs: 30_000 } })).toMatchObject({ code: "EXECUTOR_LOST" });
    const grownMiB = (process.memoryUsage().rss - before) / 2 ** 20;
    expect(host.calls.length).toBeLessThan(50_000);
    expect(grownMiB).toBeLessThan(400);
  }, 20_000);
});

describe("processes that end or never begin", () => {
  test("one that does not answer its heartbeat is killed; the answer blames no other run", async () => {
    const { executor } = await impostor("silent");
    const started = performance.now();
    expect(await errorOf(executor, "1", { limits: { wallMs: 60_000 } })).toMatchObject({ code: "EXECUTOR_LOST" });
    expect(performance.now() - started).toBeLessThan(9_000);
  }, 20_000);

  test("a process that does not end a run in time is answered for", async () => {
    const { executor } = await impostor("idle");
    const started = performance.now();
    expect(await errorOf(executor, "1", { limits: { wallMs: 100 } })).toMatchObject({ code: "SCRIPT_TIMEOUT" });
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(executor.status()).toMatchObject({ draining: 1, running: 0 });
  });

  test("a cancelled run that does not end is answered for within a second", async () => {
    const { executor } = await impostor("idle");
    await executor.ready();
    const signal = AbortSignal.timeout(50);
    const started = performance.now();
    expect(await errorOf(executor, "1", { signal })).toMatchObject({ code: "RUN_CANCELLED" });
    expect(performance.now() - started).toBeLessThan(2_500);
  });

  test("the end of a run that its process wrote as its last words holds", async () => {
    const { executor } = await impostor("ends-and-dies");
    expect(await valueOf(executor, "1")).toBe("last words");
  });

  test("alone in a process that dies, and in another again, a script is named as the cause", async () => {
    const { executor } = await impostor("dies");
    expect(await errorOf(executor, "1")).toMatchObject({
      code: "EXECUTOR_LOST",
      message: expect.stringContaining("this script alone"),
    });
    expect(executor.status().crashes).toBeLessThanOrEqual(2);
  });

  test("each of several runs that each crash their process is found out alone, tried no more than twice more", async () => {
    const { executor } = await impostor("dies");
    await executor.ready();
    const hosts = [recordingHost(), recordingHost(), recordingHost()];
    const results = await Promise.all(hosts.map((host) => execute(executor, "1", { host })));
    for (const result of results)
      expect(result).toMatchObject({
        status: "failed",
        error: { code: "EXECUTOR_LOST", details: { blame: "script" } },
      });
    for (const { logs } of hosts) expect(logs.length).toBeLessThanOrEqual(2);
  });

  test("a run that made a call is not run again", async () => {
    const { executor } = await impostor("calls-and-dies");
    await executor.ready();
    const hosts = [recordingHost(), recordingHost()];
    const errors = await Promise.all(hosts.map((host) => errorOf(executor, "1", { host })));
    expect(errors).toEqual([
      expect.objectContaining({ message: expect.stringContaining("is not done again") }),
      expect.objectContaining({ message: expect.stringContaining("is not done again") }),
    ]);
    expect(hosts.map(({ calls }) => calls.length)).toEqual([1, 1]);
  });

  test("a process that refuses a run is replaced and the run is tried twice more", async () => {
    const { executor } = await impostor("refuses");
    const host = recordingHost();
    expect(await errorOf(executor, "1", { host })).toMatchObject({ code: "EXECUTOR_LOST", retryable: true });
    expect(host.logs).toHaveLength(2);
  });

  test("a tainted process takes no new runs, ends those it has, and is replaced meanwhile", async () => {
    const { executor } = await impostor("taints");
    await executor.ready();
    const [pid = 0] = executor.pids();
    expect(await valueOf(executor, "1")).toBe("of a tainted process");
    await expect.poll(() => executor.pids()).not.toContain(pid);
    await executor.ready();
  });

  test("where no process can be started, those who wait are told, with what it wrote in the log", async () => {
    const { executor, logged } = await impostor("exits-at-once", 2);
    const [ready, run] = await Promise.allSettled([executor.ready(), errorOf(executor, "1")]);
    expect(ready).toMatchObject({ status: "rejected", reason: { code: "EXECUTOR_LOST" } });
    expect(run).toMatchObject({ status: "fulfilled", value: { code: "EXECUTOR_LOST", retryable: true } });
    expect(logged.join("\n")).toContain("it cannot be started");
  });

  test("a program that is not there is a failed start, not a crash", async () => {
    const executor = await ProcessExecutor.create({
      executors: { processes: 1, isolatesPerProcess: 1, profile: "hardened" },
      memoryMiB: 64,
      clock: systemClock,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      command: { command: "/nowhere/node", args: [], env: {}, measures: [] },
    });
    open.add(executor);
    await expect(executor.ready()).rejects.toMatchObject({ code: "EXECUTOR_LOST" });
  });

  test("closing while processes start ends them and tells those who wait", async () => {
    const { executor } = await impostor("never-ready", 2);
    const pids = executor.pids();
    const waiting = executor.ready();
    const run = errorOf(executor, "1");
    await new Promise((resolve) => setTimeout(resolve, 30));
    const closed = executor.close();
    await expect(waiting).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    expect(await run).toMatchObject({ code: "RUN_CANCELLED" });
    await closed;
    expect(pids.filter(isAlive)).toEqual([]);
    await executor.close();
    await expect(execute(executor, "1")).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });
});
