import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SeededClock } from "../../src/runs/run-clock.ts";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { Problem } from "../support/service-client.ts";

let service: RunningService;

beforeAll(async () => {
  service = await startService({ mcpServers: { lab: fixtureServer("lab") } });
});

afterAll(() => service.remove());

const SCRIPT = `
  const order = [];
  const ask = async (ms) => { await mcp.lab.sleep({ ms }); order.push(ms, Date.now(), Math.random()) };
  await Promise.all([ask(30), ask(0), ask(10)]);
  await new Promise((done) => setTimeout(done, 5));
  return { order, id: crypto.randomUUID(), at: new Date(), local: new Date().toLocaleString(), input };`;

describe("POST /run with a seeded clock", () => {
  test("gives the same run for the clock that the first run tells", async () => {
    const first = await service.run(SCRIPT, { clock: "seeded", input: [1] });
    expect(first.clock).toEqual({
      seed: expect.stringMatching(/^[0-9a-f]{32}$/u),
      now: first.createdAt,
    });
    const again = await service.run(SCRIPT, { clock: first.clock, input: [1] });
    expect(again.result).toEqual(first.result);
    expect(again.clock).toEqual(first.clock);
    const other = await service.run(SCRIPT, { clock: "seeded", input: [1] });
    expect(other.result).not.toEqual(first.result);
  });

  test("starts at the time that is asked for", async () => {
    const { result, clock } = await service.run("return [Date.now(), new Date().toISOString()]", {
      clock: { seed: "mine", now: "2020-02-29T12:00:00Z" },
    });
    expect(result).toEqual([Date.UTC(2020, 1, 29, 12), "2020-02-29T12:00:00.000Z"]);
    expect(clock).toEqual({ seed: "mine", now: "2020-02-29T12:00:00.000Z" } satisfies SeededClock);
  });

  test("is kept with the run, and told of a run that failed too", async () => {
    const { id } = await service.run("throw new Error(String(Math.random()))", { clock: { seed: "mine" } });
    const { body } = await service.get<{ readonly clock: SeededClock }>(`/runs/${id}`);
    expect(body.clock.seed).toBe("mine");
  });

  test("is not told of other runs", async () => {
    expect(await service.run("return 1")).not.toHaveProperty("clock");
    expect(await service.run("return 1", { clock: "coarse" })).not.toHaveProperty("clock");
  });

  test.each([
    ["fine", "/clock", 'must match pattern "^(?:coarse|seeded)$": current value is "fine"'],
    [{ sed: "x" }, "/clock/sed", 'is not known; did you mean "seed"?'],
    [{ seed: "" }, "/clock/seed", 'must NOT have fewer than 1 characters: current value is ""'],
    [{ now: "tomorrow" }, "/clock/now", expect.stringContaining('current value is "tomorrow"')],
    [5, "/clock", "must be string,object: current value is 5"],
  ])("%j is refused with what is wrong", async (clock, pointer, message) => {
    const { status, body } = await service.post<Problem & { readonly problems: unknown }>("/run", {
      script: "return 1",
      clock,
    });
    expect(status).toBe(400);
    expect(body.problems).toEqual([expect.objectContaining({ pointer, message })]);
  });

  test("a time that is none is refused", async () => {
    const { status, body } = await service.post<Problem>("/run", {
      script: "return 1",
      clock: { now: "2026-13-01T00:00:00Z" },
    });
    expect([status, body.code]).toEqual([400, "REQUEST_INVALID"]);
    expect(body.detail).toContain("clock.now must be an instant");
  });
});
