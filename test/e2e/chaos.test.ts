import { expect, test } from "vitest";
import { runChaos } from "../support/chaos.ts";

const RUNS = Number(process.env["RUNLET_CHAOS_RUNS"] ?? 500);
const SEED = Number(process.env["RUNLET_CHAOS_SEED"] ?? 3);

test(
  "runs end, none is lost, no answered call is made twice and each unknown outcome is told, while workers, executors and Redis are killed",
  { timeout: 600_000 },
  async () => {
    const { ended, succeeded, failed, repeated, missing, unknown, withUnknown, calls, blows } = await runChaos({
      runs: RUNS,
      seed: SEED,
      everyMs: 300,
    });
    console.log(JSON.stringify({ runs: RUNS, succeeded, failed, calls, unknown, withUnknown, blows }));
    expect({ ended, repeated, missing }).toEqual({ ended: RUNS, repeated: [], missing: [] });
    // Those that were lost again and again end as such; nothing else may come of it.
    expect(Object.keys(failed).filter((code) => code !== "EXECUTOR_LOST")).toEqual([]);
    expect(succeeded).toBeGreaterThan(RUNS * 0.9);
    expect(Object.keys(blows).length).toBeGreaterThan(0);
  },
);
