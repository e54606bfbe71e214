import { beforeEach, describe, expect, test } from "vitest";
import type { RunMessage } from "../../../../src/bridge/protocol.ts";
import { BUILT_IN_LIMITS } from "../../../../src/config/limits.ts";
import { HeldRuns } from "../../../../src/executor/supervision/held-runs.ts";

let held: HeldRuns;
beforeEach(() => {
  held = new HeldRuns();
});

function add(run: number, { principal = "ann", cpuMs = 100, wallMs = 1_000 } = {}): void {
  const start = {
    limits: BUILT_IN_LIMITS.defaults,
    tracked: false,
    sameLines: true,
    clockMs: 0,
    seeded: false,
    seed: [1, 2, 3, 4],
  } as const;
  const message: RunMessage = { type: "run", run, code: "", start, names: 1, wallMs, cpuMs, memoryMiB: 64, nowMs: 0 };
  held.add(message, principal);
}

describe("suspects", () => {
  test("before the process has said who computes, all are", () => {
    add(1);
    add(2);
    expect([...held.suspects()]).toEqual([1, 2]);
  });

  test("then those that computed, those that started since, and those that were given an answer since", () => {
    for (const run of [1, 2, 3]) add(run);
    held.heard(held.ask(), [2]);
    expect([...held.suspects()]).toEqual([2]);
    add(4);
    held.fed(3);
    expect([...held.suspects()]).toEqual([2, 3, 4]);
  });

  test("what was given between question and answer counts as since: the answer may not know of it", () => {
    add(1);
    const ping = held.ask();
    add(2);
    held.heard(ping, []);
    expect([...held.suspects()]).toEqual([2]);
  });

  test("an answer to no question, or an old one, says nothing", () => {
    add(1);
    const first = held.ask();
    const second = held.ask();
    held.heard(second + 1, []);
    expect([...held.suspects()]).toEqual([1]);
    held.heard(second, [1]);
    held.heard(first, []);
    expect([...held.suspects()]).toEqual([1]);
  });

  test("runs that the process does not hold are none", () => {
    add(1);
    held.heard(held.ask(), [7, 8]);
    expect([...held.suspects()]).toEqual([]);
  });
});

describe("what runs may use", () => {
  test("is the sum of their limits, for as long as they are here", () => {
    add(1, { cpuMs: 100 });
    add(2, { cpuMs: 200, wallMs: 5_000 });
    expect(held.allowance).toEqual({ runs: 2, cpuMs: 300, memoryMiB: 128 });
    expect(held.longestMs).toBe(5_000);
    expect([held.release(2, 50), held.release(2, 50), held.release(9, 50)]).toEqual([true, false, false]);
    expect(held.allowance).toEqual({ runs: 1, cpuMs: 100, memoryMiB: 64 });
  });

  test("what the process says a run used is believed up to its limit, and told once", () => {
    add(1, { cpuMs: 100 });
    add(2, { cpuMs: 100 });
    held.release(1, 40);
    held.release(2, 1e9);
    expect([held.takeEnded(), held.takeEnded()]).toEqual([
      { runs: 2, cpuMs: 140 },
      { runs: 0, cpuMs: 0 },
    ]);
  });
});

test("owners of runs that ended are known for a while, and are no more than a few", () => {
  for (let run = 1; run <= 100; run++) {
    add(run, { principal: `p${run}` });
    held.release(run, 1);
  }
  expect([held.ownerOfEnded(100), held.ownerOfEnded(37), held.ownerOfEnded(36)]).toEqual(["p100", "p37", undefined]);
});

test("runs of others are told from a principal's own", () => {
  expect(held.isOnlyOf("ann", 0)).toBe(true);
  add(1, { principal: "ann" });
  expect([held.isOnlyOf("ann", 0), held.isOnlyOf("bob", 0)]).toEqual([true, false]);
  add(2, { principal: "bob" });
  expect(held.isOnlyOf("ann", 0)).toBe(false);
});

test("a run that was stopped keeps the process its owner's for as long as it may go on", () => {
  const held = new HeldRuns();
  held.stopped("ann", 3_000);
  expect([held.isOnlyOf("ann", 10), held.isOnlyOf("bob", 10), held.isOnlyOf("bob", 3_000)]).toEqual([
    true,
    false,
    true,
  ]);
  expect([held.hasStopped("ann", 10), held.hasStopped("bob", 10), held.hasStopped("ann", 3_000)]).toEqual([
    true,
    false,
    false,
  ]);
});
