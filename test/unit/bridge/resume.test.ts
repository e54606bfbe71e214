import { describe, expect, test } from "vitest";
import type { CallReply } from "../../../src/bridge/execution-host.ts";
import { RecordedAnswers } from "../../../src/bridge/recorded-answers.ts";
import { keyOf } from "../../../src/bridge/recorded-calls.ts";
import type { ToolCall, ToolResult } from "../../../src/gateway/call.ts";
import { errorInfo, RunletError } from "../../../src/lib/errors.ts";
import type { CallRecord } from "../../../src/store/journal.ts";
import { ask } from "../../support/hosts.ts";
import { createBridge, result } from "./support.ts";

const READ = '["files","readFile"]';
const WRITE = '["files","writeFile"]';

/** A call of an earlier attempt. */
function recorded(seq: number, path: string, args: string, members: Partial<CallRecord> = {}): CallRecord {
  const tool = path === READ ? "read_file" : "write_file";
  return {
    runId: "run_1",
    seq,
    attempt: 0,
    kind: "tool",
    key: keyOf(path, args),
    server: "files",
    tool,
    argumentsJson: "{}",
    startedAtMs: 10 + seq,
    outcome: "ok",
    settledAtMs: 100 + seq,
    order: seq,
    resultJson: `"answer ${seq}"`,
    error: undefined,
    approval: undefined,
    ...members,
  };
}

const pending = { outcome: "pending", settledAtMs: undefined, order: undefined, resultJson: undefined } as const;
const needsApproval = (): RunletError =>
  new RunletError("APPROVAL_REQUIRED", "needs approval", { details: { expiresAfterMs: 1_000 } });

/** A gateway that wants approval for writes. */
const guarded = async (call: ToolCall): Promise<ToolResult> => {
  if (call.tool === "write_file" && call.approved !== true) throw needsApproval();
  return result(`made ${call.tool}`);
};

function resumed(calls: readonly CallRecord[], change: object = {}, gateway = guarded) {
  const broken: string[] = [];
  let still = 0;
  const told = {
    recorded: calls,
    attempt: 1,
    onBroken: ({ code, message }: RunletError) => void broken.push(`${code}: ${message}`),
    onStill: () => void still++,
  };
  return createBridge({ gateway, change: { ...told, ...change } }).then((parts) => ({
    ...parts,
    broken,
    stills: () => still,
  }));
}

describe("what an earlier attempt was answered", () => {
  test("is told again with its time, in its order, and no tool is called", async () => {
    const { host, calls } = await resumed([
      recorded(1, READ, '["/a"]', { order: 2, settledAtMs: 205 }),
      recorded(2, READ, '["/b"]', { order: 1, settledAtMs: 201 }),
    ]);
    const told: string[] = [];
    const tell = ({ json, atMs }: CallReply): void => void told.push(`${json} ${atMs}`);
    host.call(READ, '["/a"]', tell);
    host.call(READ, '["/b"]', tell);
    expect([told, calls]).toEqual([['"answer 2" 201', '"answer 1" 205'], []]);
  });

  test("goes before what is answered now, however soon that is", async () => {
    const { host } = await resumed([recorded(2, READ, '["/b"]')]);
    const told: string[] = [];
    const tell = ({ json }: CallReply): void => void told.push(json);
    host.call(READ, '["/a"]', tell);
    await new Promise((done) => setTimeout(done, 20));
    expect(told).toEqual([]);
    host.call(READ, '["/b"]', tell);
    expect(told).toEqual(['"answer 2"', '"made read_file"']);
  });

  test("is a failure where it was one", async () => {
    const error = errorInfo("TOOL_FAILED", "no");
    const { host } = await resumed([recorded(1, READ, "[]", { outcome: "error", resultJson: undefined, error })]);
    expect(await ask(host, READ, "[]")).toMatchObject({ ok: false, json: expect.stringContaining("TOOL_FAILED") });
  });

  test("counts for what may flow to other servers", async () => {
    const { host, calls } = await resumed([recorded(1, READ, "[]")]);
    await ask(host, READ, "[]");
    await ask(host, '["files","find"]', "[{}]");
    expect([...(calls[0]?.unit?.answered ?? [])]).toEqual([{ server: "files", tool: "read_file" }]);
  });

  test("is told to no script that asks for something else: the attempt breaks, and nothing is called", async () => {
    const { host, calls, broken } = await resumed([recorded(1, READ, '["/a"]')]);
    host.call(READ, '["/other"]', () => expect.unreachable());
    await expect.poll(() => broken).toHaveLength(1);
    expect(broken[0]).toContain("RUN_DIVERGED: Cannot go on with the run");
    expect(calls).toEqual([]);
  });
});

describe("a call that an earlier attempt sent and that was not answered", () => {
  test("is handed to the gateway as one that may have been made", async () => {
    const { host, calls } = await resumed([recorded(1, READ, '["/a"]', pending)], { attempt: 1 });
    await ask(host, READ, '["/a"]');
    expect(calls).toMatchObject([{ tool: "read_file", again: true }]);
  });

  test("is of unknown outcome when the gateway would not make it any more", async () => {
    const gone = async (): Promise<ToolResult> => {
      throw new RunletError("TOOL_NOT_FOUND", "gone");
    };
    const { host, journal } = await resumed([recorded(1, WRITE, '["/a"]', pending)], {}, gone);
    expect(await ask(host, WRITE, '["/a"]')).toMatchObject({ json: expect.stringContaining("CALL_OUTCOME_UNKNOWN") });
    expect(await journal.list("run_1")).toMatchObject([{ outcome: "unknown" }]);
  });
});

describe("a call that must be approved", () => {
  test("is not answered and not sent, and the run is still once nothing else is in flight", async () => {
    const { host, journal, events, stills } = await resumed([]);
    host.call(WRITE, '["/a"]', () => expect.unreachable());
    await expect.poll(stills).toBe(1);
    expect(events).toEqual(["started 1 files.write_file", "asked 1"]);
    expect(await journal.list("run_1")).toMatchObject([{ outcome: "awaiting", approval: { decided: undefined } }]);
  });

  test("keeps no run still that goes on with other calls", async () => {
    const { host, stills } = await resumed([]);
    host.call(WRITE, '["/a"]', () => expect.unreachable());
    for (let i = 0; i < 10; i++) {
      await ask(host, READ, `["/${i}"]`);
      await new Promise((done) => setTimeout(done, 15));
    }
    expect(stills()).toBe(0);
    await expect.poll(stills).toBe(1);
  });

  const approval = (decided: object | undefined) =>
    ({ ...pending, outcome: "awaiting", approval: { askedAtMs: 1, expiresAtMs: 2, decided } }) as Partial<CallRecord>;
  const decided = { by: "boss", atMs: 5, reason: undefined };

  test("is sent once it was approved", async () => {
    const { host, calls } = await resumed([
      recorded(1, WRITE, '["/a"]', approval({ ...decided, decision: "approve" })),
    ]);
    expect(await ask(host, WRITE, '["/a"]')).toMatchObject({ json: '"made write_file"' });
    expect(calls).toMatchObject([{ approved: true }]);
  });

  test("is APPROVAL_DENIED once it was denied, with what was said", async () => {
    const denial = { ...decided, decision: "deny", reason: "not today" };
    const { host, calls } = await resumed([recorded(1, WRITE, '["/a"]', approval(denial))]);
    const { ok, json } = await ask(host, WRITE, '["/a"]');
    expect([ok, JSON.parse(json)]).toMatchObject([
      false,
      { code: "APPROVAL_DENIED", message: "The call was not approved: not today", details: { reason: "not today" } },
    ]);
    expect(calls).toEqual([]);
  });

  test("is approved by a grant as often as that says, and only where the arguments are like it", async () => {
    const grant = { tool: "write_*", times: 1, match: { path: "/b" } };
    const { host, journal, stills } = await resumed([
      recorded(1, WRITE, '["/a"]', approval({ ...decided, decision: "approve", grant })),
    ]);
    await ask(host, WRITE, '["/a"]');
    expect(await ask(host, WRITE, '["/b"]')).toMatchObject({ ok: true });
    host.call(WRITE, '["/b"]', () => expect.unreachable());
    host.call(WRITE, '["/c"]', () => expect.unreachable());
    await expect.poll(stills).toBe(1);
    const calls = await journal.list("run_1");
    expect(calls.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "awaiting", "awaiting"]);
    expect(calls[1]?.approval?.decided).toMatchObject({ decision: "approve", grantedBy: 1 });
  });
});

describe("a run that replays another", () => {
  const other = [
    recorded(1, READ, "[]", { argumentsJson: '{"path":"/a"}' }),
    recorded(2, READ, "[]", { argumentsJson: '{"path":"/a"}' }),
  ];

  test("is answered by calls of the same tool with the same arguments, each once; others are made", async () => {
    const { host, calls } = await resumed([], { answers: new RecordedAnswers(other, { isAll: false }) });
    const answers: string[] = [];
    for (let i = 0; i < 3; i++) answers.push((await ask(host, READ, '[{"path":"/a"}]')).json);
    expect(answers).toEqual(['"answer 1"', '"answer 2"', '"made read_file"']);
    expect(calls).toHaveLength(1);
  });

  test("makes no call of its own where it is dry", async () => {
    const { host, calls } = await resumed([], { answers: new RecordedAnswers(other, { isAll: true }) });
    expect(await ask(host, READ, '["/b"]')).toMatchObject({
      ok: false,
      json: expect.stringContaining("CALL_NOT_MADE"),
    });
    expect(calls).toEqual([]);
  });
});
