import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import type { RunView } from "../../src/runs/run.ts";
import { createApprovalRig } from "../support/approval-rig.ts";
import { runlet } from "../support/command.ts";
import type { EndedRun, Problem, ServiceClient } from "../support/service-client.ts";

const rig = createApprovalRig();
const { start, called, paused, decide } = rig;

beforeEach(rig.begin);

afterEach(rig.end);

const READ_WRITE_READ = `
  const start = [Date.now(), Math.random()];
  console.log("reading");
  const { call } = await mcp.tally.read({});
  const written = await mcp.tally.write({ n: call, at: start });
  const after = await mcp.tally.read({});
  return { call, written, after: after.call };`;

describe("who may decide", () => {
  const [agent, boss, other] = [createClientKey(), createClientKey(), createClientKey()];
  const clients = {
    agent: { key: agent.hash, approve: "none" as const },
    boss: { key: boss.hash, approve: "all" as const, servers: [] },
    other: { key: other.hash },
  };

  test("is not the agent whose calls wait, nor another client, but who may for all", async () => {
    await start({ clients });
    const [asAgent, asBoss, asOther] = [agent, boss, other].map(({ key }) => rig.service.as(key)) as [
      ServiceClient,
      ServiceClient,
      ServiceClient,
    ];
    const { id } = await paused("return await mcp.tally.write({})", asAgent);
    const own = await decide(id, { all: true }, asAgent);
    expect([own.status, own.body.code]).toEqual([403, "FORBIDDEN"]);
    expect((await decide(id, { all: true }, asOther)).status).toBe(404);
    const { body } = await asBoss.get<{ runs: RunView[] }>("/runs?status=waiting");
    expect(body.runs.map(({ id: run, approvals }) => [run, approvals?.length])).toEqual([[id, 1]]);
    expect((await asBoss.get<{ runs: RunView[] }>("/runs")).body.runs).toEqual([]);
    expect((await decide(id, { all: true }, asBoss)).status).toBe(200);
    expect((await asAgent.ended(id)).result).toBe("call 1");
    expect((await asBoss.get(`/runs/${id}`)).status).toBe(404);
    const { body: journal } = await asAgent.get<{ calls: { approval: object }[] }>(`/runs/${id}/calls`);
    expect(journal.calls[0]?.approval).toMatchObject({ by: "boss" });
  });

  test("is each client for its own runs, where nothing is said", async () => {
    await start({ clients });
    const asOther = rig.service.as(other.key);
    const { id } = await paused("return await mcp.tally.write({})", asOther);
    expect((await decide(id, { all: true }, rig.service.as(agent.key))).status).toBe(404);
    expect((await decide(id, { all: true }, asOther)).status).toBe(200);
    expect((await asOther.ended(id)).status).toBe("succeeded");
  });
});

describe("a call outside of a run", () => {
  test("is refused, for it cannot wait, and nothing is made", async () => {
    await start();
    const call = { server: "tally", tool: "write", arguments: {} };
    const { status, body } = await rig.service.post<Problem>("/invoke", call);
    expect([status, body.code]).toEqual([403, "APPROVAL_REQUIRED"]);
    expect(body.detail).toContain("only a run can wait for that");
    const batch = await rig.service.post<{ results: object[] }>("/batch", { calls: [call, { ...call, tool: "read" }] });
    expect(batch.body.results).toEqual([
      expect.objectContaining({ ok: false, error: expect.objectContaining({ code: "APPROVAL_REQUIRED" }) }),
      expect.objectContaining({ ok: true }),
    ]);
    expect(called()).toEqual(["read"]);
  });
});

describe("a dry run, and a replay", () => {
  test("read for real and change nothing, so that nobody is asked", async () => {
    await start();
    const run = await rig.service.run(READ_WRITE_READ, { dryRun: true });
    expect(run).toMatchObject({ status: "succeeded", dryRun: true, result: { call: 1, written: null, after: 2 } });
    expect(run.calls.map(({ tool, outcome }) => [tool, outcome])).toEqual([
      ["read", "ok"],
      ["write", "skipped"],
      ["read", "ok"],
    ]);
    expect(called()).toEqual(["read", "read"]);
  });

  test("answer from the journal of the run, another script too, and say which run it was", async () => {
    await start();
    const { id } = await paused(READ_WRITE_READ);
    await decide(id, { all: true });
    const first = await rig.service.ended(id);
    const wait = { headers: { prefer: "wait=30" } };
    const again = await rig.service.post<EndedRun>(`/runs/${id}/replay`, {}, wait);
    const { status, result, replayOf } = again.body;
    expect([again.status, status, result, replayOf]).toEqual([200, "succeeded", first.result, id]);
    const script = "const { call } = await mcp.tally.read({}); return [call, await mcp.tally.slowWrite({ ms: 0 })]";
    const dry = await rig.service.post<EndedRun>(`/runs/${id}/replay`, { script, dryRun: true }, wait);
    expect(dry.body).toMatchObject({ status: "failed", error: { code: "CALL_NOT_MADE" }, dryRun: true, replayOf: id });
    expect(called()).toEqual(["read", "write", "read"]);
  });
});

test("the command line lists, shows, approves, denies and replays", async () => {
  await start();
  const cli = (...args: string[]) => runlet(["runs", ...args, "--url", rig.service.url], { cwd: rig.service.folder });
  const { id } = await paused(READ_WRITE_READ);
  expect((await cli("list", "--status", "waiting")).stdout).toMatch(
    new RegExp(`^${id} +waiting .* 1 to approve$`, "mu"),
  );
  expect((await cli("show", id)).stdout).toContain("call 2  tally.write(");
  expect(await cli("approve", id)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`${id}: approved; it is `),
  });
  await rig.service.ended(id);
  expect((await cli("show", id, "--calls")).stdout).toContain("   approved by local\n");
  const replayed = await cli("replay", id, "--wait", "30");
  expect([replayed.code, replayed.stdout.includes(`replays ${id}`)]).toEqual([0, true]);
  const denied = await paused("return await mcp.tally.write({})");
  expect(await cli("deny", denied.id, "--reason", "no")).toMatchObject({ code: 0, stderr: "" });
  expect((await rig.service.ended(denied.id)).error).toMatchObject({ code: "APPROVAL_DENIED" });
}, 90_000);
