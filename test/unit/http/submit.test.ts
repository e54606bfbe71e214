import { describe, expect, test } from "vitest";
import { createApp } from "../../../src/http/app.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { fakeDeps, FakeRuns, postJson, readJson } from "./fakes.ts";

function setUp(endAtOnce = true) {
  const runs = new FakeRuns();
  runs.endAtOnce = endAtOnce;
  const deps = fakeDeps({ runs });
  return { runs, deps, app: createApp(deps) };
}

async function problemsOf(body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const { app, runs } = setUp();
  const answer = await app.request("/run", postJson(body, headers));
  expect(answer.status).toBe(400);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  const problem = await readJson(answer);
  expect(problem).toMatchObject({ code: "REQUEST_INVALID", status: 400, title: "Request invalid" });
  expect(runs.submitted).toEqual([]);
  return problem["problems"];
}

describe("POST /run", () => {
  test("answers 200 with the run when it has ended", async () => {
    const { app, runs } = setUp();
    const answer = await app.request("/run", postJson({ script: "return 42", input: { a: 1 }, mode: "wait" }));
    expect(answer.status).toBe(200);
    expect(await readJson(answer)).toEqual({
      id: "run_1",
      status: "succeeded",
      result: 42,
      calls: [],
      createdAt: "2026-01-01T00:00:00.000Z",
      endedAt: "2026-01-01T00:00:01.000Z",
    });
    expect(runs.submitted.map(({ request }) => request)).toEqual([{ script: "return 42", input: { a: 1 } }]);
    expect(runs.waits).toEqual([120_000]);
  });

  test("answers a run that failed with 200, its result null", async () => {
    const { app, runs } = setUp(false);
    const pending = app.request("/run", postJson({ script: "throw 1" }));
    await expect.poll(() => runs.waits.length).toBe(1);
    runs.end("run_1", {
      status: "failed",
      error: { code: "SCRIPT_ERROR", message: "1", fault: "script", retryable: false },
    });
    const answer = await pending;
    expect(answer.status).toBe(200);
    expect(await readJson(answer)).toMatchObject({ status: "failed", result: null, error: { code: "SCRIPT_ERROR" } });
  });

  test("takes every member of a request and passes it on unchanged", async () => {
    const { app, runs } = setUp();
    const request = {
      task: "Count the issues",
      input: [1, null],
      servers: ["files", "git*"],
      tools: { github: ["search_*"] },
      limits: { wallMs: 30_000, cpuMs: 5_000, memoryMiB: 64, toolCalls: 200, concurrency: 16, logBytes: 0 },
      check: "none",
      priority: -3,
      dryRun: true,
      retries: 5,
      webhook: { url: "https://example.com/hook", events: ["ended", "waiting"] },
      metadata: { team: "a" },
    };
    expect((await app.request("/run", postJson(request))).status).toBe(200);
    expect(runs.submitted[0]?.request).toEqual(request);
  });

  test.each([
    [0, 0],
    [1_500, 1_500],
    ["10s", 10_000],
    ["7d", 604_800_000],
  ])("has a run start later: %s", async (delay, delayMs) => {
    const { app, runs } = setUp();
    expect((await app.request("/run", postJson({ script: "1", delay }))).status).toBe(200);
    expect(runs.submitted[0]?.request).toEqual({ script: "1", delayMs });
  });

  test("answers 202 with what has to be approved when the run waits for that, and leaves it waiting", async () => {
    const { app, runs } = setUp(false);
    const gone = new AbortController();
    const pending = app.request("/run", { ...postJson({ script: "1" }), signal: gone.signal });
    await expect.poll(() => runs.waits.length).toBe(1);
    const approvals = [
      {
        callId: 2,
        server: "files",
        tool: "write",
        arguments: { path: "a" },
        askedAt: "2026-01-01T00:00:00.000Z",
        expiresAt: "2026-01-02T00:00:00.000Z",
      },
    ];
    runs.pause("run_1", approvals);
    const answer = await pending;
    expect(answer.status).toBe(202);
    expect(answer.headers.get("location")).toBe("/runs/run_1");
    expect(await readJson(answer)).toMatchObject({ status: "waiting", approvals });
    gone.abort();
    expect(runs.cancelled).toEqual([]);
  });

  test("does not cancel a run that waits for a decision when its event stream is left", async () => {
    const { app, runs, deps } = setUp(false);
    const answer = await app.request("/run", postJson({ script: "1" }, { accept: "text/event-stream" }));
    const reader = answer.body?.getReader();
    await reader?.read();
    runs.pause("run_1", []);
    await reader?.cancel();
    await expect.poll(() => runs.watching).toBe(0);
    expect([runs.cancelled, deps.log.lines.filter(({ level }) => level === "error")]).toEqual([[], []]);
  });

  test("answers 202 at once in queue mode, with the place of the run", async () => {
    const { app, runs } = setUp(false);
    const answer = await app.request("/run", postJson({ script: "1", mode: "queue" }));
    expect(answer.status).toBe(202);
    expect(answer.headers.get("location")).toBe("/runs/run_1");
    const run = await readJson(answer);
    expect(run).toMatchObject({ id: "run_1", status: "queued" });
    expect(run).not.toHaveProperty("result");
    expect(runs.waits).toEqual([]);
  });

  test("answers 202 when the run outlasts the wait, and lets it go on", async () => {
    const { app, runs } = setUp(false);
    const answer = await app.request("/run", postJson({ script: "1" }, { prefer: "wait=0" }));
    expect(answer.status).toBe(202);
    expect(answer.headers.get("location")).toBe("/runs/run_1");
    expect(runs.waits).toEqual([0]);
    expect(runs.cancelled).toEqual([]);
  });

  test("does not wait longer than the server's limit", async () => {
    const { app, runs } = setUp();
    await app.request("/run", postJson({ script: "1" }, { prefer: "wait=100000" }));
    await app.request("/run", postJson({ script: "1" }, { prefer: "wait=7" }));
    expect(runs.waits).toEqual([120_000, 7_000]);
  });

  test("does not wait at all when the client prefers an answer at once", async () => {
    const { app, runs } = setUp(false);
    expect((await app.request("/run", postJson({ script: "1" }, { prefer: "respond-async" }))).status).toBe(202);
    expect(runs.waits).toEqual([]);
  });

  test("passes the idempotency key on", async () => {
    const { app, runs } = setUp();
    await app.request("/run", postJson({ script: "1" }, { "idempotency-key": "k-1" }));
    const again = await app.request("/run", postJson({ script: "1" }, { "idempotency-key": "k-1" }));
    expect(await readJson(again)).toMatchObject({ id: "run_1", status: "succeeded" });
    expect(runs.submitted.map(({ idempotencyKey }) => idempotencyKey)).toEqual(["k-1"]);
  });

  test("refuses an idempotency key that is not visible ASCII", async () => {
    expect(await problemsOf({ script: "1" }, { "idempotency-key": "a b" })).toEqual([
      { in: "header", pointer: "/Idempotency-Key", message: "must be 1 to 255 visible ASCII characters" },
    ]);
  });

  test("tells when to come back after a full queue", async () => {
    const { app, runs } = setUp();
    runs.refusal = new RunletError("QUEUE_FULL", "Cannot queue the run.", { details: { retryAfterMs: 2_500 } });
    const answer = await app.request("/run", postJson({ script: "1" }));
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("3");
    expect(await readJson(answer)).toMatchObject({ code: "QUEUE_FULL", retryable: true });
  });
});

describe("a request for a run that is refused", () => {
  test("has neither script nor task, or both", async () => {
    const fault = { pointer: "", message: 'must have exactly one of "script", "task"' };
    expect(await problemsOf({})).toEqual([fault]);
    expect(await problemsOf({ script: "1", task: "x" })).toEqual([fault]);
  });

  test("has a member nobody knows: the nearest is named", async () => {
    expect(await problemsOf({ script: "1", inputs: {}, limits: { wallms: 1, zzz: 1 } })).toEqual([
      { pointer: "/inputs", message: 'is not known; did you mean "input"?' },
      { pointer: "/limits/wallms", message: 'is not known; did you mean "wallMs"?' },
      { pointer: "/limits/zzz", message: expect.stringMatching(/^is not known; known are "wallMs", "cpuMs"/u) },
    ]);
  });

  test.each([
    ["delay", "soon", 'must be a duration such as 500, "10s" or "1h30m", at most 7d: current value is "soon"'],
    ["delay", "8d", 'must be a duration such as 500, "10s" or "1h30m", at most 7d: current value is "8d"'],
    ["delay", -1, 'must be a duration such as 500, "10s" or "1h30m", at most 7d: current value is -1'],
    ["delay", true, "must be string,number: current value is true"],
    ["retries", 6, "must be <= 5: current value is 6"],
    ["webhook/url", { url: "ftp://x" }, 'must match pattern "^https?://": current value is "ftp://x"'],
    ["webhook/events/0", { url: "http://x", events: ["started"] }, /^must be one of "ended", "waiting"/u],
    ["replayOf", "run_1", /^is not known/u],
    ["delayMs", 5, 'is not known; did you mean "delay"?'],
  ])("has no good %s: %s", async (pointer, value, message) => {
    const [member = ""] = pointer.split("/");
    const told = typeof message === "string" ? message : expect.stringMatching(message);
    expect(await problemsOf({ script: "1", [member]: value })).toEqual([{ pointer: `/${pointer}`, message: told }]);
  });

  test.each([
    ["answer", true],
    ["model", { name: "m" }],
  ])("asks for %s, which this version does not have", async (member, value) => {
    expect(await problemsOf({ script: "1", [member]: value })).toEqual([
      { pointer: `/${member}`, message: expect.stringMatching(/^is not supported by this version; /u) },
    ]);
  });

  test("has an output schema that is no schema", async () => {
    expect(await problemsOf({ script: "1", outputSchema: "string" })).toEqual([
      { pointer: "/outputSchema", message: 'must be object,boolean: current value is "string"' },
    ]);
  });

  test("has values of the wrong type or range: all of them are told with their pointers", async () => {
    const body = { script: 1, servers: [""], tools: { "a/b~c": [3] }, limits: { cpuMs: 1.5 }, mode: "now", check: "x" };
    expect(await problemsOf(body)).toEqual([
      { pointer: "/script", message: "must be string: current value is 1" },
      { pointer: "/servers/0", message: 'must NOT have fewer than 1 characters: current value is ""' },
      { pointer: "/tools/a~1b~0c/0", message: "must be string: current value is 3" },
      { pointer: "/limits/cpuMs", message: "must be integer: current value is 1.5" },
      { pointer: "/check", message: 'must be one of "none", "names", "types": current value is "x"' },
      { pointer: "/mode", message: 'must be one of "wait", "queue": current value is "now"' },
    ]);
  });

  test("is not an object", async () => {
    expect(await problemsOf([])).toEqual([{ pointer: "", message: "must be object" }]);
  });

  test("has a query", async () => {
    const { app } = setUp();
    const answer = await app.request("/run?mode=queue", postJson({ script: "1" }));
    expect(await readJson(answer)).toMatchObject({
      problems: [{ in: "query", pointer: "/mode", message: "is not known; there is none to give" }],
    });
  });
});

describe("a client that goes away", () => {
  test("cancels the run it waits for", async () => {
    const { app, runs, deps } = setUp(false);
    const client = new AbortController();
    const pending = app.request("/run", { ...postJson({ script: "1" }), signal: client.signal });
    await expect.poll(() => runs.waits.length).toBe(1);
    client.abort();
    await pending;
    expect(runs.cancelled).toEqual(["run_1"]);
    expect(deps.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("does not cancel a run that another request waits for, until that goes too", async () => {
    const { app, runs } = setUp(false);
    const clients = [new AbortController(), new AbortController()] as const;
    const pending = clients.map(({ signal }) =>
      app.request("/run", { ...postJson({ script: "1" }, { "idempotency-key": "k" }), signal }),
    );
    await expect.poll(() => runs.waits.length).toBe(2);
    clients[0].abort();
    await pending[0];
    expect(runs.cancelled).toEqual([]);
    clients[1].abort();
    await pending[1];
    expect(runs.cancelled).toEqual(["run_1"]);
  });

  test("just as the run ends does no harm", async () => {
    const { app, runs, deps } = setUp(false);
    runs.wait = async (_principal, id) => {
      const before = runs.view(id);
      runs.end(id, { status: "succeeded" });
      client.abort();
      return before;
    };
    const client = new AbortController();
    await app.request("/run", { ...postJson({ script: "1" }), signal: client.signal });
    expect(deps.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});
