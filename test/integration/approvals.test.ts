import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RunEvent, RunView } from "../../src/runs/run.ts";
import { createApprovalRig } from "../support/approval-rig.ts";
import type { EndedRun } from "../support/service-client.ts";

const rig = createApprovalRig();
const { start, called, paused, decide, rested } = rig;

beforeEach(rig.begin);

afterEach(rig.end);

/** What stays the same however often a run was interrupted. */
function essence({ status, result, error, calls, logs }: EndedRun): object {
  return {
    status,
    result,
    error,
    logs: logs.map(({ text }) => text),
    calls: calls.map(({ tool, outcome }) => [tool, outcome]),
  };
}

const READ_WRITE_READ = `
  const start = [Date.now(), Math.random()];
  console.log("reading");
  const { call } = await mcp.tally.read({});
  const written = await mcp.tally.write({ n: call, at: start });
  const after = await mcp.tally.read({});
  return { call, written, after: after.call };`;

describe("a run that makes a call which must be approved", () => {
  test("waits, tells for what, and holds no isolate", async () => {
    await start();
    const run = await paused("await mcp.tally.read({}); return await mcp.tally.write({ to: 'x' })");
    expect(run.approvals).toEqual([
      {
        callId: 2,
        server: "tally",
        tool: "write",
        arguments: { to: "x" },
        askedAt: expect.any(String),
        expiresAt: expect.any(String),
      },
    ]);
    const [approval] = run.approvals ?? [];
    expect(Date.parse(approval?.expiresAt ?? "") - Date.parse(approval?.askedAt ?? "")).toBe(86_400_000);
    expect(called()).toEqual(["read"]);
    const { body: metrics } = await rig.service.get<string>("/metrics");
    expect(metrics).toMatch(/^runlet_isolates\{state="running"\} 0$/mu);
    const { body } = await rig.service.get<{ runs: RunView[] }>("/runs?status=waiting");
    expect(body.runs.map(({ id }) => id)).toEqual([run.id]);
  });

  test("goes on once somebody approved, without making again what it has read", async () => {
    await start();
    const { id } = await paused(READ_WRITE_READ);
    expect((await decide(id, { callId: 2 })).status).toBe(200);
    const run = await rig.service.ended(id);
    expect(run).toMatchObject({
      status: "succeeded",
      attempt: 2,
      result: { call: 1, written: "call 1", after: 2 },
    });
    expect(called()).toEqual(["read", "write", "read"]);
    expect(run.logs.map(({ text }) => text)).toEqual(["reading"]);
    expect(run).not.toHaveProperty("approvals");
  });

  test("tells of all of it in its events and its journal", async () => {
    await start();
    const { id } = await paused(READ_WRITE_READ);
    await decide(id, { callId: 2 });
    await rig.service.ended(id);
    const events: RunEvent[] = [];
    for await (const event of rig.service.events(id)) events.push(event);
    expect(events.map(({ type }) => type)).toEqual([
      "queued",
      "started",
      "log",
      "call.started",
      "call.settled",
      "call.started",
      "approval.requested",
      "waiting",
      "approval.decided",
      "resumed",
      "call.started",
      "call.settled",
      "call.started",
      "call.settled",
      "ended",
    ]);
    const { body } = await rig.service.get<{ calls: { tool: string; approval?: object }[] }>(`/runs/${id}/calls`);
    expect(body.calls.map(({ tool, approval }) => [tool, approval])).toEqual([
      ["read", undefined],
      ["write", expect.objectContaining({ decision: "approve", by: "local" })],
      ["read", undefined],
    ]);
  });

  test("has the call fail when somebody denies it, which its script can catch", async () => {
    await start();
    const { id } = await paused(`
      try { return await mcp.tally.write({}); }
      catch (error) { return [error.code, error.message, await mcp.tally.read({}).then(({ call }) => call)]; }`);
    await decide(id, { callId: 1, decision: "deny", reason: "not on a Friday" });
    const run = await rig.service.ended(id);
    expect(run.result).toEqual(["APPROVAL_DENIED", "The call was not approved: not on a Friday", 1]);
    expect(run.calls.map(({ tool, outcome }) => [tool, outcome])).toEqual([
      ["write", "denied"],
      ["read", "ok"],
    ]);
    expect(called()).toEqual(["read"]);
  });

  test("that is denied and catches nothing fails with that", async () => {
    await start();
    const { id } = await paused("return await mcp.tally.write({})");
    await decide(id, { all: true, decision: "deny" });
    expect(await rig.service.ended(id)).toMatchObject({ status: "failed", error: { code: "APPROVAL_DENIED" } });
    expect(called()).toEqual([]);
  });

  test("cannot do anything meanwhile, however it swallows the pause", async () => {
    await start();
    const { id } = await paused(`
      try { await Promise.race([mcp.tally.write({ a: 1 }), new Promise((resolve) => setTimeout(resolve, 60_000))]); }
      catch { await mcp.tally.slowWrite({ ms: 0 }); }
      finally { await mcp.tally.slowWrite({ ms: 1 }); }
      return "swallowed";`);
    expect(called()).toEqual([]);
    await decide(id, { all: true, decision: "deny" });
    expect((await rig.service.ended(id)).result).toBe("swallowed");
    expect(called()).toEqual(["slowWrite", "slowWrite"]);
  });

  test("is cancelled like others while it waits", async () => {
    await start();
    const { id } = await paused("return await mcp.tally.write({})");
    expect((await rig.service.send<RunView>("DELETE", `/runs/${id}`)).body.status).toBe("cancelled");
    expect((await decide(id, { all: true })).body).toMatchObject({ code: "RUN_ENDED" });
    expect(called()).toEqual([]);
  });

  test("does not spend its wall time on waiting", async () => {
    await start();
    const { status, body } = await rig.service.post<RunView>("/run", {
      script: "await mcp.tally.write({}); return (await mcp.tally.read({})).call",
      limits: { wallMs: 1_000 },
    });
    expect(status).toBe(202);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await decide(body.id, { all: true });
    const run = await rig.service.ended(body.id);
    expect([run.status, run.result, run.usage.wallMs < 1_000]).toEqual(["succeeded", 1, true]);
  });
});

describe("a decision", () => {
  test("that comes twice is one, and another one for the same call is refused with what stands", async () => {
    await start();
    const { id } = await paused("const a = await mcp.tally.write({}); return [a, await mcp.tally.slow({ ms: 1000 })]");
    const [first, second] = await Promise.all([decide(id, { callId: 1 }), decide(id, { callId: 1 })]);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect((await decide(id, { callId: 1 })).status).toBe(200);
    const other = await decide(id, { callId: 1, decision: "deny" });
    expect([other.status, other.body.code]).toEqual([409, "NOT_AWAITING"]);
    expect(other.body.details).toMatchObject({ decision: "approve", by: "local" });
    expect((await rig.service.ended(id)).result).toEqual(["call 1", "call 1"]);
    expect(called()).toEqual(["write", "slow"]);
  });

  test("on a call that does not wait, or a run that has ended or is not there, is refused", async () => {
    await start();
    const { id } = await paused("await mcp.tally.read({}); return await mcp.tally.write({})");
    for (const callId of [1, 3]) {
      const { status, body } = await decide(id, { callId });
      expect([status, body.code, body.details]).toEqual([409, "NOT_AWAITING", { waiting: [2] }]);
    }
    await decide(id, { all: true });
    await rig.service.ended(id);
    expect((await decide(id, { callId: 2 })).body).toMatchObject({ code: "RUN_ENDED", status: 409 });
    expect((await decide("run_none", { callId: 2 })).status).toBe(404);
  });

  test("may grant so many later calls with such arguments; another one waits", async () => {
    await start();
    const { id } = await paused(`
      const all = [];
      for (const to of ["a", "b", "a", "a", "a"]) all.push(await mcp.tally.write({ to }));
      return all;`);
    await decide(id, { callId: 1, grant: { tool: "wr*", times: 2, match: { to: "a" } } });
    const second = await rested(id, 1);
    expect(second.approvals?.map(({ callId, arguments: args }) => [callId, args])).toEqual([[2, { to: "b" }]]);
    await decide(id, { callId: 2 });
    const third = await rested(id, 1);
    expect(third.approvals?.map(({ callId }) => callId)).toEqual([5]);
    expect(called()).toHaveLength(4);
    await decide(id, { callId: 5 });
    expect((await rig.service.ended(id)).result).toEqual(["call 1", "call 2", "call 3", "call 4", "call 5"]);
    expect(called()).toHaveLength(5);
  });

  test("that nobody takes in time is a denial", async () => {
    await start({ approvals: [{ tool: "write", expires: "1s" }] });
    const { id } = await paused(
      "try { await mcp.tally.write({}); } catch (error) { return [error.code, error.message]; }",
    );
    await rested(id, 0);
    expect((await rig.service.ended(id)).result).toEqual([
      "APPROVAL_DENIED",
      "The call was not approved: nobody decided in time",
    ]);
    expect(called()).toEqual([]);
  });
});

describe("five calls at once that must be approved", () => {
  const FIVE = `
    const written = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => mcp.tally.write({ n })));
    return written.map(({ status, reason }) => reason?.code ?? status);`;

  test("are approved all at once, and each is made once", async () => {
    await start();
    const { id, approvals } = await paused(FIVE);
    expect(approvals?.map(({ callId, arguments: args }) => [callId, args])).toEqual(
      [1, 2, 3, 4, 5].map((n) => [n, { n }]),
    );
    expect((await decide(id, { all: true })).status).toBe(200);
    expect((await rig.service.ended(id)).result).toEqual(Array.from({ length: 5 }, () => "fulfilled"));
    expect(called()).toHaveLength(5);
  });

  test("are decided one by one, in any order, and each is made once", async () => {
    await start();
    const { id } = await paused(FIVE);
    for (const [at, callId] of [3, 1, 5, 2].entries()) {
      const decision = callId === 5 ? "deny" : "approve";
      expect((await decide(id, { callId, decision })).status).toBe(200);
      const view = await rested(id, 4 - at);
      expect(view.status).toBe("waiting");
    }
    await decide(id, { callId: 4 });
    const run = await rig.service.ended(id);
    expect(run.result).toEqual(["fulfilled", "fulfilled", "fulfilled", "fulfilled", "APPROVAL_DENIED"]);
    expect(called()).toHaveLength(4);
  });

  test("are decided by five people at the same time, and each is made once", async () => {
    await start();
    const { id } = await paused(FIVE);
    const answers = await Promise.all([1, 2, 3, 4, 5].map((callId) => decide(id, { callId })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await rig.service.ended(id)).result).toEqual(Array.from({ length: 5 }, () => "fulfilled"));
    expect(called()).toHaveLength(5);
  });
});

describe("a restart of the service", () => {
  test.each(["SIGTERM", "SIGKILL"] as const)(
    "between the pause and the decision changes nothing of the outcome: %s",
    async (signal) => {
      await start();
      const undisturbed = await paused(READ_WRITE_READ);
      await decide(undisturbed.id, { all: true });
      const expected = essence(await rig.service.ended(undisturbed.id));
      const { id } = await paused(READ_WRITE_READ);
      const before = called().length;
      await rig.service.stop(signal);
      await start();
      const { body: waiting } = await rig.service.get<RunView>(`/runs/${id}`);
      expect([waiting.status, waiting.approvals?.map(({ callId }) => callId)]).toEqual(["waiting", [2]]);
      await decide(id, { callId: 2 });
      const run = await rig.service.ended(id);
      expect(essence(run)).toEqual({ ...expected, result: { call: 3, written: "call 2", after: 4 } });
      expect(called().slice(before)).toEqual(["write", "read"]);
    },
  );

  test("keeps what was decided before it, and what is still waited for", async () => {
    await start();
    const { id } = await paused("return await Promise.all([mcp.tally.write({ n: 1 }), mcp.tally.write({ n: 2 })])");
    await decide(id, { callId: 2 });
    await rested(id, 1);
    await rig.service.stop("SIGKILL");
    await start();
    expect((await rested(id, 1)).approvals?.find(({ decision }) => decision === undefined)?.callId).toBe(1);
    await decide(id, { callId: 1 });
    expect((await rig.service.ended(id)).status).toBe("succeeded");
    expect(called()).toEqual(["write", "write"]);
  });
});
