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

describe("the logs of a run", () => {
  test("are 202 with what is known before the end, 200 after it", async () => {
    const { app, runs } = await setUp();
    const early = await app.request("/runs/run_1/logs");
    expect(early.status).toBe(202);
    expect(await readJson(early)).toEqual({ id: "run_1", status: "queued", logs: [] });
    const logs = [{ level: "info" as const, atMs: 1, text: "hello" }];
    runs.end("run_1", { status: "succeeded", logs });
    const late = await app.request("/runs/run_1/logs");
    expect(late.status).toBe(200);
    expect(await readJson(late)).toEqual({ id: "run_1", status: "succeeded", logs });
  });
});

describe("the result of a run", () => {
  test("is its JSON and nothing else, whatever the parts it is read in", async () => {
    const { app, runs } = await setUp();
    runs.end("run_1", { status: "succeeded", result: { a: ["é", 1] }, resultType: "json" });
    const answer = await app.request("/runs/run_1/result");
    expect([answer.status, await answer.text()]).toEqual([200, '{"a":["é",1]}']);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "application/json",
      "content-length": "14",
      "cache-control": "private, no-cache",
      etag: '"run_1"',
      "runlet-result-type": "json",
    });
  });

  test("is null, and said to be undefined, when the script returned nothing", async () => {
    const { app, runs } = await setUp();
    runs.end("run_1", { status: "succeeded", result: null, resultType: "undefined" });
    const answer = await app.request("/runs/run_1/result");
    expect([await answer.text(), answer.headers.get("runlet-result-type")]).toEqual(["null", "undefined"]);
  });

  test.each([
    ['"run_1"', 304],
    ['"run_0", W/"run_1"', 304],
    ["*", 304],
    ['"run_0"', 200],
    ["run_1", 200],
  ])("is sent to who has %s with %i", async (tags, status) => {
    const { app, runs } = await setUp();
    runs.end("run_1", { status: "succeeded", result: 1, resultType: "json" });
    const answer = await app.request("/runs/run_1/result", { headers: { "if-none-match": tags } });
    expect([answer.status, await answer.text()]).toEqual([status, status === 304 ? "" : "1"]);
  });

  test("is 409 before the end", async () => {
    const { app } = await setUp();
    const answer = await app.request("/runs/run_1/result");
    expect(answer.status).toBe(409);
    expect(await readJson(answer)).toMatchObject({ code: "RUN_NOT_ENDED", retryable: true });
  });

  test("that is lost while it is sent breaks the connection and is logged", async () => {
    const { app, runs, deps } = await setUp();
    const gone = new Error("it is gone");
    runs.result = async () => ({
      type: "json",
      bytes: 10,
      async *parts() {
        yield new Uint8Array(3);
        throw gone;
      },
    });
    const answer = await app.request("/runs/run_1/result");
    await expect(answer.arrayBuffer()).rejects.toThrow("it is gone");
    expect(deps.log.lines).toContainEqual(
      expect.objectContaining({ level: "error", message: "sending a result failed" }),
    );
  });
});

describe("the calls of a run", () => {
  const call = {
    runId: "run_1",
    seq: 1,
    server: "files",
    tool: "read",
    argumentsJson: '{"path":"é"}',
    startedAtMs: 1_000,
    outcome: "ok",
    settledAtMs: 1_041,
    resultJson: '["x"]',
    error: undefined,
    order: 1,
    approval: undefined,
    attempt: 1,
    kind: "tool",
    key: "k",
  } as const;

  test("come with their arguments and results", async () => {
    const { app, runs } = await setUp();
    const error = { code: "TOOL_FAILED", message: "no", fault: "upstream", retryable: false } as const;
    runs.journaled = [
      call,
      { ...call, seq: 2, outcome: "error", resultJson: undefined, error },
      { ...call, seq: 3, outcome: "pending", settledAtMs: undefined, resultJson: undefined },
    ];
    const answer = await app.request("/runs/run_1/calls");
    const told = { server: "files", tool: "read", arguments: { path: "é" }, startedAt: "1970-01-01T00:00:01.000Z" };
    expect(await readJson(answer)).toEqual({
      calls: [
        { ...told, seq: 1, outcome: "ok", result: ["x"], ms: 41, argsBytes: 13, resultBytes: 5 },
        { ...told, seq: 2, outcome: "error", error, ms: 41, argsBytes: 13, resultBytes: 0 },
        { ...told, seq: 3, outcome: "pending", argsBytes: 13, resultBytes: 0 },
      ],
    });
    expect(runs.listed).toEqual([{ limit: 100, after: 0 }]);
  });

  test("say who approved them, or that nobody has yet", async () => {
    const { app, runs } = await setUp();
    const asked = { askedAtMs: 1_000, expiresAtMs: 61_000 };
    const decided = { decision: "deny", by: "boss", atMs: 2_000, reason: "no" } as const;
    const waiting = { ...call, outcome: "awaiting", settledAtMs: undefined, resultJson: undefined } as const;
    runs.journaled = [
      { ...waiting, approval: { ...asked, decided: undefined } },
      { ...waiting, seq: 2, approval: { ...asked, decided } },
      {
        ...call,
        seq: 3,
        approval: {
          ...asked,
          decided: { ...decided, decision: "approve", by: undefined, reason: undefined, grantedBy: 1 },
        },
      },
    ];
    const { calls } = await readJson(await app.request("/runs/run_1/calls"));
    const at = { askedAt: "1970-01-01T00:00:01.000Z", expiresAt: "1970-01-01T00:01:01.000Z" };
    const decidedAt = "1970-01-01T00:00:02.000Z";
    expect((calls as { approval: unknown }[]).map(({ approval }) => approval)).toEqual([
      at,
      { ...at, decision: "deny", decidedAt, by: "boss", reason: "no" },
      { ...at, decision: "approve", decidedAt, grantedBy: 1 },
    ]);
  });

  test("come in pages", async () => {
    const { app, runs } = await setUp();
    runs.journaled = [call];
    expect(await readJson(await app.request("/runs/run_1/calls?limit=1&cursor=5"))).toMatchObject({ nextCursor: 7 });
    expect(runs.listed).toEqual([{ limit: 1, after: 5 }]);
    expect((await app.request("/runs/run_1/calls?limit=1001")).status).toBe(400);
    expect((await app.request("/runs/run_9/calls")).status).toBe(404);
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

  test("says where the whole result is when it carries a part, and that there is none when it was not kept", () => {
    const cut = { ...view, status: "succeeded" as const, result: ["…"], resultBytes: 5_000_000, truncated: true };
    expect(toRunJson({ ...cut, wholeKept: true })).toMatchObject({
      resultBytes: 5_000_000,
      truncated: true,
      notice: expect.stringMatching(/5000000 bytes.*GET \/runs\/run_1\/result has the whole/u),
    });
    expect(toRunJson({ ...cut, wholeKept: false })).toMatchObject({ notice: expect.stringContaining("not be kept") });
    expect(toRunJson({ ...cut, wholeKept: true })).not.toHaveProperty("wholeKept");
    expect(toRunJson({ ...view, result: 1, truncated: false, wholeKept: false })["notice"]).toBeUndefined();
  });

  test.each(["succeeded", "failed", "cancelled"] as const)("has a result, null at least, once it has %s", (status) => {
    expect(toRunJson({ ...view, status })).toHaveProperty("result", null);
    expect(toRunJson({ ...view, status, result: 0 })).toHaveProperty("result", 0);
  });
});
