import { spawn } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/lib/clock.ts";
import {
  endGroup,
  forgetGroup,
  rememberGroup,
  signalGroup,
} from "../../../../src/upstream/transports/process-group.ts";
import { aliveInGroup } from "../../../support/processes.ts";
import { until } from "../../../support/upstreams.ts";

const started: number[] = [];

afterEach(() => {
  for (const pid of started.splice(0)) signalGroup(pid, "SIGKILL");
});

async function startGroup(program: string): Promise<number> {
  const child = spawn(process.execPath, ["-e", `${program}; console.log("up"); setInterval(() => {}, 1000)`], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const pid = child.pid ?? 0;
  started.push(pid);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return pid;
}

describe("signalGroup", () => {
  it.each([[0], [1], [-1], [process.pid], [Number.NaN], [1.5]])(
    "refuses %d, which would reach processes not ours",
    (pid) => {
      expect(signalGroup(pid, 0)).toBe(false);
      expect(signalGroup(pid, "SIGKILL")).toBe(false);
    },
  );

  it("says whether a group has a process", async () => {
    const pid = await startGroup("");
    expect(signalGroup(pid, 0)).toBe(true);
    signalGroup(pid, "SIGKILL");
    await until(() => !signalGroup(pid, 0));
  });
});

describe("endGroup", () => {
  it("ends a group that obeys without force", async () => {
    const pid = await startGroup("");
    await endGroup(pid, systemClock, 5_000);
    expect(aliveInGroup(pid)).toEqual([]);
  });

  it("kills a group that ignores the request, after the grace time", async () => {
    const pid = await startGroup("process.on('SIGTERM', () => {})");
    const startedAt = performance.now();
    await endGroup(pid, systemClock, 200);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(190);
    await until(() => aliveInGroup(pid).length === 0);
  });

  it("is done at once with a group that is gone", async () => {
    const pid = await startGroup("");
    signalGroup(pid, "SIGKILL");
    await until(() => !signalGroup(pid, 0));
    await endGroup(pid, systemClock, 60_000);
  });
});

describe("rememberGroup", () => {
  it("listens for the exit of our process only while a group lives", () => {
    const before = process.listenerCount("exit");
    rememberGroup(999_999_901);
    rememberGroup(999_999_902);
    expect(process.listenerCount("exit")).toBe(before + 1);
    forgetGroup(999_999_901);
    forgetGroup(999_999_901);
    expect(process.listenerCount("exit")).toBe(before + 1);
    forgetGroup(999_999_902);
    expect(process.listenerCount("exit")).toBe(before);
  });
});
