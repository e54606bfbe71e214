import { describe, expect, it } from "vitest";
import type { ExecutionRequest } from "../../../src/executor/executor.ts";
import { seededClockOf, withWholeClock } from "../../../src/runs/run-clock.ts";
import { ANN, createRuns, value } from "./support.ts";

const ACCEPTED_AT_MS = Date.UTC(2026, 0, 31, 12);

describe("the clock of a request", () => {
  it("is left as it is when it is coarse", () => {
    for (const request of [{ script: "1" }, { script: "1", clock: "coarse" } as const]) {
      expect(withWholeClock(request, ACCEPTED_AT_MS)).toBe(request);
      expect(seededClockOf(request)).toBeUndefined();
    }
  });

  it("gets a seed of its own, and the time the run was accepted, when it leaves them open", () => {
    const [first, second] = [0, 1].map(() => withWholeClock({ clock: "seeded" } as const, ACCEPTED_AT_MS).clock);
    expect(first).toEqual({ seed: expect.stringMatching(/^[0-9a-f]{32}$/u), now: "2026-01-31T12:00:00.000Z" });
    expect(first).not.toEqual(second);
  });

  it("keeps what it says, and once whole stays as it is", () => {
    const asked = { script: "1", clock: { seed: "mine", now: "2020-02-03T04:05:06.7Z" } };
    const whole = withWholeClock(asked, ACCEPTED_AT_MS);
    expect(whole).toEqual({ script: "1", clock: { seed: "mine", now: "2020-02-03T04:05:06.700Z" } });
    expect(withWholeClock(whole, 0)).toEqual(whole);
    expect(seededClockOf(whole)).toEqual({ seed: "mine", now: "2020-02-03T04:05:06.700Z" });
    expect(withWholeClock({ clock: { seed: "mine" } }, ACCEPTED_AT_MS).clock).toEqual({
      seed: "mine",
      now: "2026-01-31T12:00:00.000Z",
    });
  });

  it("is refused when its time is none", () => {
    expect(() => withWholeClock({ clock: { now: "2026-13-01T00:00:00Z" } }, 0)).toThrow(
      'Cannot start the clock as clock.now must be an instant: current value is "2026-13-01T00:00:00Z"',
    );
  });
});

describe("the clock of a run", () => {
  it("is stored whole with its request, given to the executor, and told at its end", async () => {
    const given: ExecutionRequest["clock"][] = [];
    const { service, stores } = createRuns({ play: async ({ clock }) => (given.push(clock), value("1")) });
    const { id } = await service.submit(ANN, { script: "return 1", clock: "seeded" });
    const run = await service.wait(ANN, id, { maxWaitMs: 5_000 });
    const stored = JSON.parse((await stores.runs.get(id))?.requestJson ?? "{}") as { readonly clock: unknown };
    expect(run.clock).toEqual({ seed: expect.stringMatching(/^[0-9a-f]{32}$/u), now: run.createdAt });
    expect(stored.clock).toEqual(run.clock);
    expect(given).toEqual([{ seed: run.clock?.seed, nowMs: Date.parse(run.createdAt) }]);
  });

  it("is nobody's when it is coarse", async () => {
    const given: ExecutionRequest["clock"][] = [];
    const { service } = createRuns({ play: async ({ clock }) => (given.push(clock), value("1")) });
    const { id } = await service.submit(ANN, { script: "return 1" });
    expect(await service.wait(ANN, id, { maxWaitMs: 5_000 })).not.toHaveProperty("clock");
    expect(given).toEqual([undefined]);
  });
});
