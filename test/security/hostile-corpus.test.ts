import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HOSTILE_CASES, OTHER_ENDS } from "../support/hostile-cases.ts";
import type { HostileCase } from "../support/hostile-cases.ts";
import { attackFaults, CORPUS_LIMITS, IN_A_CROWD, startRig, survivalFaults } from "../support/hostile-rig.ts";
import type { AttackLimits, HostileRig, RigReport } from "../support/hostile-rig.ts";
import { createLanes } from "../support/lanes.ts";
import type { Lanes } from "../support/lanes.ts";

/**
 * Services beside each other, of which each runs one attack at a time: one more than the cores of a small machine, as one of
 * them is mostly being looked at and does nothing.
 */
const RIGS = 3;
/** Attacks after which a service is left alone and looked at. */
const GROUP = 40;
/** Computing time of a script that has no end: how much of it it gets is all the same, and the corpora have hundreds. */
const ENDLESS_CPU_MS = 600;
/** Wall time of a script that waits without end. */
const ENDLESS_WALL_MS = 1_500;
/** Wall time of a script whose end it cannot be: on a busy machine, computing for 2 s takes longer than the usual 5 s. */
const PATIENT_WALL_MS = 20_000;
/** More than an executor process may ever hold: what it is killed at, and what it grows by until that is seen. */
const RSS_CAP_MIB = 1_800;

/** How many attacks of a crowd run at once, and its limits: what has to hold is that the service survives. */
const CROWD = 8;
const CROWD_LIMITS = { ...CORPUS_LIMITS, wallMs: 2_000, cpuMs: 500, memoryMiB: 32 };
/** A crowd is made of every fifth case of the corpora; `run-corpus.ts --at-once 8` takes them all. */
const CROWD_CASES = HOSTILE_CASES.filter((_, at) => at % 5 === 0);
/** Of the largest corpus every third case: `npm run test:all` takes them all, at the corpora's own limits. */
const CASES = HOSTILE_CASES.filter(({ corpus }, at) => corpus < 3 || at % 3 === 0);

interface Lane {
  readonly rig: HostileRig;
  attacks: number;
}

let lanes: Lanes<Lane>;
const leftovers: string[] = [];

beforeAll(async () => {
  const rigs = await Promise.all(Array.from({ length: RIGS }, () => startRig({ limits: CORPUS_LIMITS })));
  lanes = createLanes(rigs.map((rig) => ({ rig, attacks: 0 })));
});

/** Lets nothing run in a service for a while, to see what goes on all the same. */
async function look({ rig }: Lane): Promise<void> {
  leftovers.push(...(await rig.quiet()));
}

/** What a case gets instead of the corpora's own limits, so that neither a busy machine nor its number makes a difference. */
function limitsOf({ category, expect: { ok, errorKind = [] } }: HostileCase): AttackLimits {
  if (!errorKind.includes("timeout")) return { wallMs: PATIENT_WALL_MS };
  if (ok !== false || category === "memory") return {};
  return errorKind.includes("cpu") ? { cpuMs: ENDLESS_CPU_MS } : { wallMs: ENDLESS_WALL_MS };
}

describe.concurrent("a hostile script ends as it should, and the service lives on", () => {
  test.for(CASES.map((hostile) => [`${hostile.category}: ${hostile.name}`, hostile] as const))(
    "%s",
    { timeout: 60_000 },
    async ([, hostile]) => {
      const lane = await lanes.take();
      const attack = await lane.rig.attack(hostile, limitsOf(hostile));
      lanes.give(lane, ++lane.attacks % GROUP === 0 ? look(lane) : undefined);
      const said = JSON.stringify(attack.run?.error ?? attack.run?.result)?.slice(0, 600);
      expect(attackFaults(attack), said).toEqual([]);
    },
  );
});

describe("after all of them", () => {
  let reports: readonly RigReport[];

  beforeAll(async () => {
    const all = await lanes.settled();
    await Promise.all(all.map(look));
    reports = await Promise.all(all.map(({ rig }) => rig.close()));
  });

  test("no executor process computes 8 s later, and no call comes late", () => {
    expect(leftovers.join("\n")).toBe("");
  });

  test("no call was made for a script that had ended", () => {
    expect(reports.flatMap(({ lateCalls }) => lateCalls)).toEqual([]);
  });

  test("nothing on the host was polluted", () => {
    expect(reports.flatMap(({ polluted }) => polluted)).toEqual([]);
  });

  test("no executor process held more memory than one may", () => {
    for (const { executors, peakMiB } of reports) {
      // What was not seen was not measured.
      expect(executors).toBeGreaterThan(1);
      expect(peakMiB).toBeGreaterThan(20);
    }
    const over = reports.filter(({ peakMiB }) => peakMiB > RSS_CAP_MIB);
    expect(over.map(({ peakMiB, peakDuring }) => `${Math.round(peakMiB)} MiB during ${peakDuring.join()}`)).toEqual([]);
  });

  test("runs of another client were right all the while", () => {
    expect(reports.flatMap(({ disturbed }) => disturbed).join("\n")).toBe("");
    for (const { canary } of reports) expect(canary.runs).toBeGreaterThan(100);
  });

  test("every other end that is listed belongs to a case", () => {
    const names = HOSTILE_CASES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect([...OTHER_ENDS.keys()].filter((name) => !names.includes(name))).toEqual([]);
  });
});

describe("many at once", () => {
  let rig: HostileRig;
  beforeAll(async () => {
    rig = await startRig({ limits: CROWD_LIMITS, bounds: IN_A_CROWD });
  });
  let report: RigReport;

  test(
    "a crowd of attacks in shared processes is answered, each with a code that is not a defect",
    { timeout: 240_000 },
    async () => {
      const waiting = [...CROWD_CASES];
      const faults: unknown[] = [];
      const lane = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          const found = survivalFaults(await rig.attack(next));
          if (found.length > 0) faults.push([next.name, ...found]);
        }
      };
      await Promise.all(Array.from({ length: CROWD }, lane));
      const left = await rig.quiet();
      report = await rig.close();
      expect(faults).toEqual([]);
      expect(left).toEqual([]);
    },
  );

  test("a crowd leaves runs of another client right, and nothing behind", () => {
    expect(report.disturbed.join("\n")).toBe("");
    expect([...report.lateCalls, ...report.polluted]).toEqual([]);
    expect(report.peakMiB).toBeLessThan(RSS_CAP_MIB);
  });
});

afterAll(async () => {
  await Promise.all((await lanes.settled()).map(({ rig }) => rig.service.remove()));
});
