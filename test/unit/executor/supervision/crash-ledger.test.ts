import { beforeEach, describe, expect, test } from "vitest";
import { CRASH_POINTS, CrashLedger, TAINT_POINTS } from "../../../../src/executor/supervision/crash-ledger.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import type { ManualClock } from "../../../support/manual-clock.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let clock: ManualClock;
let ledger: CrashLedger;
beforeEach(() => {
  clock = createManualClock(Date.parse("2026-01-01T00:00:00Z"));
  ledger = new CrashLedger(clock);
});

function crash(times: number, principal = "mallory"): void {
  for (let i = 0; i < times; i++) ledger.charge(principal, CRASH_POINTS);
}

/** What is done with the next run of a principal. */
function state(principal = "mallory"): readonly [alone: boolean, slowed: boolean, refused: boolean] {
  return [ledger.isAlone(principal), ledger.delayMs(principal) > 0, ledger.refusal(principal) !== undefined];
}

describe("a principal whose scripts crash processes", () => {
  test("is alone after one crash, slowed after five, refused after ten; nobody else is", () => {
    expect(state()).toEqual([false, false, false]);
    crash(1);
    expect(state()).toEqual([true, false, false]);
    crash(4);
    expect(state()).toEqual([true, true, false]);
    crash(5);
    expect(state()).toEqual([true, true, true]);
    expect(state("ann")).toEqual([false, false, false]);
  });

  test("is told until when it is refused, and is taken then, slowly", () => {
    crash(10);
    expect(ledger.refusal("mallory")).toMatchObject({
      code: "TOO_MANY_CRASHES",
      message: expect.stringContaining("2026-01-01T00:01:00.000Z") as string,
      context: {
        hint: expect.stringContaining("EXECUTOR_LOST") as string,
        details: { retryAfterMs: MINUTE_MS, until: "2026-01-01T00:01:00.000Z" },
      },
    });
    clock.advance(MINUTE_MS - 1);
    expect(ledger.refusal("mallory")).toMatchObject({ context: { details: { retryAfterMs: 1 } } });
    clock.advance(1);
    expect(state()).toEqual([true, true, false]);
  });

  test("is refused for longer each time that it goes on", () => {
    const waits: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      crash(10);
      const { retryAfterMs = 0 } = (ledger.refusal("mallory")?.context.details ?? {}) as { retryAfterMs?: number };
      waits.push(retryAfterMs / MINUTE_MS);
      clock.advance(retryAfterMs);
    }
    expect(waits).toEqual([1, 2, 4, 8, 10, 10]);
  });

  test("crashes of runs that were started before it was refused do not count it out for longer", () => {
    crash(30);
    expect(ledger.refusal("mallory")).toMatchObject({ context: { details: { retryAfterMs: MINUTE_MS } } });
  });

  test("is forgiven with time: first taken, then not slowed, then not alone, then forgotten", () => {
    crash(10);
    clock.advance(3 * MINUTE_MS);
    expect(state()).toEqual([true, true, false]);
    clock.advance(3 * MINUTE_MS);
    expect(state()).toEqual([true, false, false]);
    clock.advance(5 * MINUTE_MS);
    expect(state()).toEqual([false, false, false]);
    clock.advance(HOUR_MS);
    expect([ledger.isAlone("mallory"), ledger.size]).toEqual([false, 0]);
  });

  test("one crash keeps its runs alone for a minute", () => {
    crash(1);
    clock.advance(MINUTE_MS - 1);
    expect(ledger.isAlone("mallory")).toBe(true);
    clock.advance(1);
    expect(ledger.isAlone("mallory")).toBe(false);
  });
});

describe("a slowed principal's runs", () => {
  test("start one after the other, the longer apart the more it crashed", () => {
    crash(5);
    const apart = Math.round(ledger.delayMs("mallory"));
    expect(apart).toBe(141);
    expect([1, 2].map(() => Math.round(ledger.delayMs("mallory") / apart))).toEqual([2, 3]);
    clock.advance(1_000);
    crash(2);
    expect(Math.round(ledger.delayMs("mallory") / apart)).toBe(4);
  });

  test("are never more than 3.2 s apart", () => {
    crash(100);
    expect([1, 2].map(() => ledger.delayMs("mallory"))).toEqual([3_200, 6_400]);
  });
});

test("an isolate that V8 gave up counts for a tenth of a process that died", () => {
  expect(CRASH_POINTS / TAINT_POINTS).toBe(10);
  for (let i = 0; i < 9; i++) ledger.charge("mallory", TAINT_POINTS);
  expect(state()).toEqual([false, false, false]);
  ledger.charge("mallory", 2 * TAINT_POINTS);
  expect(state()).toEqual([true, false, false]);
});

test("however many principals crash processes, a bounded number is remembered: those that did so last", () => {
  for (let i = 0; i < 5_000; i++) crash(1, `p${i}`);
  crash(1, "p3980");
  expect(ledger.size).toBe(1_024);
  expect([ledger.isAlone("p4999"), ledger.isAlone("p3980"), ledger.isAlone("p0")]).toEqual([true, true, false]);
});
