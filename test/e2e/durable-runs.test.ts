import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { readEventsFile } from "../support/events-file.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";
import type { RunningService, StartOptions } from "../support/service.ts";
import { killAll } from "../support/taken-over.ts";

let folder: string;
let service: RunningService;

async function start(options: StartOptions = {}): Promise<RunningService> {
  const mcpServers = { tally: fixtureServer("tally", { EVENTS_FILE: join(folder, "events") }) };
  service = await startService({ folder, mcpServers, executors: { processes: 1 }, ...options });
  return service;
}

/** Tools that were called, in order, by every process so far. */
const called = (): readonly unknown[] =>
  readEventsFile(join(folder, "events")).flatMap((event) => (event["event"] === "call" ? [event["tool"]] : []));

afterEach(() => service.remove());

describe("a run whose service is killed", () => {
  test("goes on where it was: what was answered is not called again, a read in flight is", async () => {
    folder = createFolder();
    const first = await start();
    const id = await first.queue(`
      const before = [Date.now(), Math.random(), crypto.randomUUID()];
      const [a, b] = await Promise.all([mcp.tally.write({}), mcp.tally.slow({ ms: 50 })]);
      const c = await mcp.tally.slow({ ms: 1500 });
      return { a, b, c, before, later: Date.now() >= before[0] };`);
    await expect.poll(() => called().length).toBe(3);
    await service.stop("SIGKILL");
    await start();
    const run = await service.ended(id);
    expect(run).toMatchObject({ status: "succeeded", attempt: 2 });
    expect(run.result).toMatchObject({ a: "call 1", b: "call 1", c: "call 3", later: true });
    expect(called().map(String).toSorted()).toEqual(["slow", "slow", "slow", "write"]);
    expect(run.calls.map(({ tool, outcome }) => [tool, outcome])).toEqual([
      ["write", "ok"],
      ["slow", "ok"],
      ["slow", "ok"],
    ]);
  });

  test("is told of a call that may have changed something that its outcome is unknown, and it is not made again", async () => {
    folder = createFolder();
    const first = await start();
    const id = await first.queue(`
      try { return await mcp.tally.slowWrite({ ms: 2000 }); }
      catch (error) { return [error.code, await mcp.tally.write({})]; }`);
    await expect.poll(() => called().length).toBe(1);
    await service.stop("SIGKILL");
    await start();
    const run = await service.ended(id);
    expect(run.result).toEqual(["CALL_OUTCOME_UNKNOWN", "call 1"]);
    expect(called()).toEqual(["slowWrite", "write"]);
    expect(run.calls.map(({ outcome }) => outcome)).toEqual(["unknown", "ok"]);
  });

  test("is left to the next process when the service stops in an orderly way, and nothing of it is cancelled", async () => {
    folder = createFolder();
    const first = await start({ shutdownGrace: "100ms" });
    const id = await first.queue("await mcp.tally.write({}); return await mcp.tally.slow({ ms: 1500 })");
    await expect.poll(() => called().length).toBe(2);
    await service.stop("SIGTERM");
    await start();
    expect(await service.ended(id)).toMatchObject({ status: "succeeded", result: "call 2", attempt: 2 });
    expect(called()).toEqual(["write", "slow", "slow"]);
  });
});

describe("a run whose executor process is killed", () => {
  test("goes on in another one of the same service", async () => {
    folder = createFolder();
    await start();
    const id = await service.queue(
      "const a = await mcp.tally.write({}); const b = await mcp.tally.slow({ ms: 700 }); return [a, b, Math.random() < 1]",
    );
    await expect.poll(() => called().length).toBe(2);
    killAll(service.executors());
    const run = await service.ended(id);
    expect(run).toMatchObject({ status: "succeeded", result: ["call 1", "call 2", true], attempt: 2 });
    expect(called()).toEqual(["write", "slow", "slow"]);
  });
});
