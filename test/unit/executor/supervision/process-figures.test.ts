import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { innermost, ProcessFigures } from "../../../../src/executor/supervision/process-figures.ts";
import { cpuSeconds, descendants, residentMiB } from "../../../support/processes.ts";
import { pause } from "../../../support/service.ts";

const started: ChildProcess[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) {
    const below = descendants(child.pid ?? 0);
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
    for (const pid of below) tryKill(pid);
  }
});

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended with the process above it.
  }
}

/** Starts a Node program behind wrappers; resolves when it runs. */
async function start(wrappers: readonly string[], program: string): Promise<number> {
  const [command, ...args] = [...wrappers, process.execPath, "-e", `console.log(1); ${program}`];
  const child = spawn(command ?? process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  started.push(child);
  await once(child.stdout, "data");
  return child.pid ?? 0;
}

const WAIT = "setInterval(() => {}, 1000)";

describe.runIf(process.platform === "linux")("on Linux", () => {
  test("memory and computing time are the process's own", async () => {
    const pid = await start([], `const all = Buffer.alloc(200 * 2 ** 20, 1); for (;;) all[0]++`);
    const figures = ProcessFigures.open(pid);
    await pause(600);
    const { rssMiB = 0, cpuMs = 0 } = figures?.read() ?? {};
    expect(rssMiB).toBeGreaterThan(200);
    expect(Math.abs(rssMiB - residentMiB(pid))).toBeLessThan(20);
    expect(cpuMs).toBeGreaterThan(50);
    expect(Math.abs(cpuMs - cpuSeconds(pid) * 1_000)).toBeLessThan(500);
    figures?.close();
    expect(figures?.read()).toBeUndefined();
    figures?.close();
  });

  test("of a process that is gone nothing is known", async () => {
    const pid = await start([], WAIT);
    const figures = ProcessFigures.open(pid);
    expect(figures?.rssMiB()).toBeGreaterThan(10);
    const [child] = started;
    const ended = child === undefined ? Promise.resolve() : once(child, "exit");
    process.kill(pid, "SIGKILL");
    await ended;
    expect([figures?.rssMiB(), figures?.read(), ProcessFigures.open(pid)]).toEqual([undefined, undefined, undefined]);
    figures?.close();
  });

  test.each([
    ["one that becomes it", ["nice", "-n", "1"], 0],
    ["one that stays", ["sh", "-c", '"$0" "$@"; :'], 1],
    ["two that stay", ["sh", "-c", '"$0" "$@"; :', "sh", "-c", '"$0" "$@"; :'], 2],
  ])("the process is found behind wrappers: %s", async (_, wrappers, depth) => {
    const pid = await start(wrappers, `globalThis.all = Buffer.alloc(100 * 2 ** 20, 1); ${WAIT}`);
    expect(descendants(pid)).toHaveLength(depth);
    expect(innermost(pid)).toBe(descendants(pid).at(-1) ?? pid);
    await expect.poll(() => ProcessFigures.open(pid)?.rssMiB()).toBeGreaterThan(100);
  });

  test("a process that started several is not looked behind", async () => {
    const program = `for (let i = 0; i < 2; i++) require("node:child_process").spawn("sleep", ["60"]); ${WAIT}`;
    const pid = await start([], program);
    await expect.poll(() => descendants(pid).length).toBe(2);
    expect(innermost(pid)).toBe(pid);
  });
});
