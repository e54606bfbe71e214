import { describe, expect, test } from "vitest";
import { createApp } from "../../../src/http/app.ts";
import { LOCAL_PRINCIPAL } from "../../../src/config/principal.ts";
import { toRunJson } from "../../../src/http/run-json.ts";
import type { RunView } from "../../../src/runs/run.ts";
import { fakeDeps, FakeRuns, readJson } from "./fakes.ts";

async function setUp() {
  const runs = new FakeRuns();
  runs.endAtOnce = false;
  const deps = fakeDeps({ runs });
  await runs.submit(LOCAL_PRINCIPAL, { script: "1" });
  return { runs, deps, app: createApp(deps) };
}

describe("GET /runs", () => {
  test("lists the caller's runs, a default page where none is asked for", async () => {
    const { app, runs } = await setUp();
    const answer = await app.request("/runs");
    expect(answer.status).toBe(200);
    expect(await readJson(answer)).toEqual({
      runs: [{ id: "run_1", status: "queued", createdAt: "2026-01-01T00:00:00.000Z", calls: [] }],
    });
    expect(runs.listed).toEqual([{ principal: "local", limit: 50 }]);
  });

  test("passes status, limit and cursor on, and the next cursor back", async () => {
    const { app, runs } = await setUp();
    await runs.submit(LOCAL_PRINCIPAL, { script: "2" });
    const answer = await app.request("/runs?status=queued&limit=1&cursor=abc");
    expect(await readJson(answer)).toMatchObject({ runs: [{ id: "run_2" }], nextCursor: "next" });
    expect(runs.listed).toEqual([{ principal: "local", status: "queued", limit: 1, cursor: "abc" }]);
  });

  test.each([
    ["limit=0", "/limit", "must be >= 1: current value is 0"],
    ["limit=201", "/limit", "must be <= 200: current value is 201"],
    ["limit=ten", "/limit", 'must be integer: current value is "ten"'],
    ["status=done", "/status", expect.stringMatching(/^must be one of "queued", .*: current value is "done"$/u)],
    ["stats=failed", "/stats", 'is not known; did you mean "status"?'],
    ["cursor=", "/cursor", 'must NOT have fewer than 1 characters: current value is ""'],
    ["limit=1&limit=2", "/limit", "is given more than once"],
  ])("refuses ?%s", async (query, pointer, message) => {
    const { app } = await setUp();
    const answer = await app.request(`/runs?${query}`);
    expect(answer.status).toBe(400);
    expect((await readJson(answer))["problems"]).toEqual([{ in: "query", pointer, message }]);
  });
});

describe("GET /runs/{id}", () => {
  test("gives the run as it is", async () => {
    const { app } = await setUp();
    expect(await readJson(await app.request("/runs/run_1"))).toMatchObject({ id: "run_1", status: "queued" });
  });

  test("waits for the end where the client prefers that", async () => {
    const { app, runs } = await setUp();
    const pending = app.request("/runs/run_1", { headers: { prefer: "wait=5" } });
    await expect.poll(() => runs.waits).toEqual([5_000]);
    runs.end("run_1", { status: "succeeded", result: 1 });
    expect(await readJson(await pending)).toMatchObject({ status: "succeeded", result: 1 });
    expect(runs.cancelled).toEqual([]);
  });

  test.each(["", "/result", "/logs", "/events"])("of an unknown run is 404: /runs/{id}%s", async (part) => {
    const { app } = await setUp();
    const answer = await app.request(`/runs/run_9${part}`);
    expect(answer.status).toBe(404);
    expect(await readJson(answer)).toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("the result and the logs of a run", () => {
  test("are 202 with what is known before the end, 200 after it", async () => {
    const { app, runs } = await setUp();
    const early = await app.request("/runs/run_1/result");
    expect(early.status).toBe(202);
    expect(await readJson(early)).toEqual({ id: "run_1", status: "queued" });
    const earlyLogs = await app.request("/runs/run_1/logs");
    expect(earlyLogs.status).toBe(202);
    expect(await readJson(earlyLogs)).toEqual({ id: "run_1", status: "queued", logs: [] });

    const logs = [{ level: "info" as const, atMs: 1, text: "hello" }];
    runs.end("run_1", { status: "succeeded", result: [1], resultType: "json", truncated: false, logs });
    const result = await app.request("/runs/run_1/result");
    expect(result.status).toBe(200);
    expect(await readJson(result)).toEqual({
      id: "run_1",
      status: "succeeded",
      result: [1],
      resultType: "json",
      truncated: false,
    });
    const late = await app.request("/runs/run_1/logs");
    expect(late.status).toBe(200);
    expect(await readJson(late)).toEqual({ id: "run_1", status: "succeeded", logs });
  });
});

describe("DELETE /runs/{id}", () => {
  test("cancels and gives the run after its end", async () => {
    const { app, runs } = await setUp();
    const answer = await app.request("/runs/run_1", { method: "DELETE" });
    expect(answer.status).toBe(200);
    expect(await readJson(answer)).toMatchObject({ id: "run_1", status: "cancelled", result: null });
    expect(runs.cancelled).toEqual(["run_1"]);
  });

  test("of a run that has ended is 409", async () => {
    const { app, runs } = await setUp();
    runs.end("run_1", { status: "succeeded" });
    const answer = await app.request("/runs/run_1", { method: "DELETE" });
    expect(answer.status).toBe(409);
    expect(await readJson(answer)).toMatchObject({ code: "RUN_ENDED" });
  });
});

describe("a run as JSON", () => {
  const view: RunView = { id: "run_1", status: "running", createdAt: "2026-01-01T00:00:00.000Z", calls: [] };

  test("has no member without a value, and no result before the end", () => {
    const call = {
      seq: 1,
      server: "s",
      tool: "t",
      ms: undefined,
      outcome: "pending" as const,
      argsBytes: 2,
      resultBytes: 0,
    };
    const text = JSON.stringify(toRunJson({ ...view, error: undefined, script: undefined, calls: [call] }));
    expect(JSON.parse(text)).toEqual({
      ...view,
      calls: [{ seq: 1, server: "s", tool: "t", outcome: "pending", argsBytes: 2, resultBytes: 0 }],
    });
  });

  test.each(["succeeded", "failed", "cancelled"] as const)("has a result, null at least, once it has %s", (status) => {
    expect(toRunJson({ ...view, status })).toHaveProperty("result", null);
    expect(toRunJson({ ...view, status, result: 0 })).toHaveProperty("result", 0);
  });
});
