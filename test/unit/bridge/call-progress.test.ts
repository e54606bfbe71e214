import { expect, test } from "vitest";
import { ProgressReports } from "../../../src/bridge/call-progress.ts";
import type { ProgressOfCall } from "../../../src/bridge/call-progress.ts";

const call = (seq: number) => ({ seq, server: "files", tool: "index" });

function reports() {
  const told: ProgressOfCall[] = [];
  const clock = { nowMs: 0, monotonic: () => clock.nowMs };
  return { told, clock, reports: new ProgressReports(clock, (progress) => void told.push(progress)) };
}

test("what a server reports of a call is told with the call it is of", () => {
  const { told, reports: all } = reports();
  all.of(call(1))({ progress: 1, total: 4, message: "reading" });
  all.of(call(2))({ progress: 0.5 });
  expect(told).toEqual([
    { ...call(1), progress: 1, total: 4, message: "reading" },
    { ...call(2), progress: 0.5 },
  ]);
});

test("a server that reports often is heard each 100 ms, call by call", () => {
  const { told, clock, reports: all } = reports();
  const [one, other] = [all.of(call(1)), all.of(call(2))];
  for (clock.nowMs = 0; clock.nowMs < 300; clock.nowMs += 10) {
    one({ progress: clock.nowMs });
    other({ progress: clock.nowMs });
  }
  expect(told.filter(({ seq }) => seq === 1).map(({ progress }) => progress)).toEqual([0, 100, 200]);
  expect(told).toHaveLength(6);
});

test("no server makes a run keep more than 1,000 reports, or long ones", () => {
  const { told, clock, reports: all } = reports();
  const report = all.of(call(1));
  for (let progress = 0; progress < 2_000; progress++) {
    clock.nowMs += 100;
    report({ progress, message: "x".repeat(100_000) });
  }
  expect(told).toHaveLength(1_000);
  expect(Math.max(...told.map(({ message }) => Buffer.byteLength(message ?? "")))).toBeLessThan(300);
});
