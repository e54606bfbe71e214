import { describe, expect, test } from "vitest";
import { LOCAL_PRINCIPAL } from "../../../src/config/principal.ts";
import { createApp } from "../../../src/http/app.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { fakeDeps, FakeRuns, postJson, readJson } from "./fakes.ts";

async function setUp() {
  const runs = new FakeRuns();
  runs.endAtOnce = false;
  const deps = fakeDeps({ runs });
  await runs.submit(LOCAL_PRINCIPAL, { script: "1" });
  const app = createApp(deps);
  const decide = (body: unknown) => app.request("/runs/run_1/approvals", postJson(body));
  return { runs, deps, app, decide };
}

describe("POST /runs/{id}/approvals", () => {
  test.each([
    [
      { callId: 3, decision: "approve" },
      { calls: 3, decision: "approve" },
    ],
    [
      { all: true, decision: "approve" },
      { calls: "all", decision: "approve" },
    ],
    [
      { callId: 1, decision: "deny", reason: "not today" },
      { calls: 1, decision: "deny", reason: "not today" },
    ],
    [
      { callId: 1, decision: "approve", grant: { server: "files", tool: "write_*", times: 3, match: { path: "a" } } },
      { calls: 1, decision: "approve", grant: { server: "files", tool: "write_*", times: 3, match: { path: "a" } } },
    ],
  ])("passes %j on, and gives the run", async (body, decision) => {
    const { runs, decide } = await setUp();
    const answer = await decide(body);
    expect([answer.status, await readJson(answer)]).toEqual([200, expect.objectContaining({ id: "run_1" })]);
    expect(runs.decided).toEqual([{ principal: "local", id: "run_1", decision }]);
  });

  test.each([
    [{ decision: "approve" }, "", 'must have exactly one of "callId", "all"'],
    [{ decision: "approve", callId: 1, all: true }, "", 'must have exactly one of "callId", "all"'],
    [{ callId: 1 }, "/decision", "is required"],
    [{ callId: 0, decision: "approve" }, "/callId", "must be >= 1: current value is 0"],
    [{ all: false, decision: "approve" }, "/all", "must be equal to constant: current value is false"],
    [{ all: true, decision: "yes" }, "/decision", 'must be one of "approve", "deny": current value is "yes"'],
    [{ all: true, decision: "deny", grant: { tool: "*" } }, "/grant", "goes with an approval only"],
    [{ all: true, decision: "approve", grant: {} }, "/grant/tool", "is required"],
    [
      { all: true, decision: "approve", grant: { tool: "x", time: 1 } },
      "/grant/time",
      'is not known; did you mean "times"?',
    ],
  ])("refuses %j", async (body, pointer, message) => {
    const { runs, decide } = await setUp();
    const answer = await decide(body);
    expect(answer.status).toBe(400);
    expect((await readJson(answer))["problems"]).toEqual([{ pointer, message }]);
    expect(runs.decided).toEqual([]);
  });

  test.each([
    ["NOT_AWAITING", 409],
    ["RUN_ENDED", 409],
    ["FORBIDDEN", 403],
    ["NOT_FOUND", 404],
  ] as const)("answers %s with %i and what is known", async (code, status) => {
    const { runs, decide } = await setUp();
    runs.decide = async () => {
      throw new RunletError(code, "Cannot decide.", { details: { waiting: [2] } });
    };
    const answer = await decide({ callId: 1, decision: "approve" });
    expect(answer.status).toBe(status);
    expect(await readJson(answer)).toMatchObject({ code, details: { waiting: [2] } });
  });

  test("needs the scope that lets run", async () => {
    const { deps } = await setUp();
    const scopes = { granted: new Set(["read"] as const), names: new Map([["run", "runlet:run"]] as const) };
    const app = createApp({ ...deps, authenticate: () => ({ ...LOCAL_PRINCIPAL, admin: false, scopes }) });
    for (const part of ["approvals", "replay"]) {
      const answer = await app.request(`/runs/run_1/${part}`, postJson({ all: true, decision: "approve" }));
      expect([answer.status, await readJson(answer)]).toEqual([403, expect.objectContaining({ code: "FORBIDDEN" })]);
    }
  });
});

describe("POST /runs/{id}/replay", () => {
  test("gives the new run and where it is, without a body too", async () => {
    const { app, runs } = await setUp();
    const answer = await app.request("/runs/run_1/replay", { method: "POST" });
    expect([answer.status, answer.headers.get("location")]).toEqual([202, "/runs/run_2"]);
    expect(await readJson(answer)).toMatchObject({ id: "run_2", status: "queued" });
    expect(runs.submitted.at(-1)?.request).toEqual({ replayOf: "run_1" });
    expect(runs.waits).toEqual([]);
  });

  test("takes another script, and a dry run", async () => {
    const { app, runs } = await setUp();
    await app.request("/runs/run_1/replay", postJson({ script: "return 2", dryRun: true }));
    expect(runs.submitted.at(-1)?.request).toEqual({ script: "return 2", dryRun: true, replayOf: "run_1" });
  });

  test("answers 200 when it ended within the wait, and 202 when it did not", async () => {
    const { app, runs } = await setUp();
    const wait = (seconds: number) =>
      app.request("/runs/run_1/replay", { method: "POST", headers: { prefer: `wait=${seconds}` } });
    const pending = wait(9);
    await expect.poll(() => runs.waits).toEqual([9_000]);
    runs.end("run_2", { status: "succeeded", result: 5 });
    const answer = await pending;
    expect([answer.status, await readJson(answer)]).toEqual([200, expect.objectContaining({ result: 5 })]);
    const late = await wait(0);
    expect([late.status, late.headers.get("location")]).toEqual([202, "/runs/run_3"]);
    expect(runs.cancelled).toEqual([]);
  });

  test.each([
    [{ task: "x" }, "/task"],
    [{ script: "" }, "/script"],
    [{ dryRun: "yes" }, "/dryRun"],
  ])("refuses %j", async (body, pointer) => {
    const { app, runs } = await setUp();
    const answer = await app.request("/runs/run_1/replay", postJson(body));
    expect(answer.status).toBe(400);
    expect((await readJson(answer))["problems"]).toEqual([expect.objectContaining({ pointer })]);
    expect(runs.submitted).toHaveLength(1);
  });
});

test("the waiting runs can be listed", async () => {
  const { app, runs } = await setUp();
  expect((await app.request("/runs?status=waiting")).status).toBe(200);
  expect(runs.listed).toEqual([{ principal: "local", status: "waiting", limit: 50 }]);
});
