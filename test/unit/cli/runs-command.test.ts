import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { runCli } from "../../../src/cli/cli.ts";
import { folderWith } from "../config/support.ts";
import { captureIo } from "./support.ts";

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly prefer: string | undefined;
  readonly authorization: string | undefined;
}

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const RUN = {
  id: "run_1",
  status: "waiting",
  createdAt: "2026-01-01T00:00:00.000Z",
  calls: [
    { seq: 1, server: "files", tool: "read", outcome: "ok", ms: 4, argsBytes: 2, resultBytes: 9 },
    { seq: 2, server: "files", tool: "write", outcome: "awaiting", argsBytes: 2, resultBytes: 0 },
  ],
  approvals: [
    {
      callId: 2,
      server: "files",
      tool: "write",
      arguments: { path: "a\u202etxt" },
      askedAt: "2026-01-01T00:00:01.000Z",
      expiresAt: "2026-01-02T00:00:00.000Z",
    },
  ],
} as const;
const LINE = 'call 2  files.write({"path":"a\\u{202e}txt"})  waits until 2026-01-02T00:00:00.000Z\n';
const ENDED = {
  id: "run_2",
  status: "succeeded",
  createdAt: "2026-01-01T00:00:00.000Z",
  endedAt: "2026-01-01T00:00:01.000Z",
  replayOf: "run_1",
  result: { n: 1 },
  resultType: "json",
  calls: [],
} as const;

/** A service that answers as told, and a command that asks it. */
async function setUp(answers: Readonly<Record<string, readonly [number, unknown]>>) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      const body: unknown = text === "" ? undefined : JSON.parse(text);
      const { authorization } = headers;
      asked.push({ method, path, body, prefer: headers["prefer"]?.toString(), authorization });
      const [status, answer] = answers[`${method} ${path}`] ?? [404, { code: "NOT_FOUND", detail: "There is no run" }];
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => void (await new Promise((resolve) => server.close(resolve))));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const runs = async (...args: string[]) => {
    const io = captureIo(folderWith({ "s.ts": "return 2" }), { RUNLET_URL: url, RUNLET_KEY: "rk_x" });
    const code = await runCli(["runs", ...args], io, new AbortController().signal);
    return { code, out: io.out, err: io.err };
  };
  return { asked, runs };
}

describe("runlet runs list", () => {
  test("has a line for each run, with how many calls wait", async () => {
    const { runs, asked } = await setUp({ "GET /runs?status=waiting&limit=5": [200, { runs: [RUN, ENDED] }] });
    const { code, out } = await runs("list", "--status", "waiting", "--limit", "5");
    expect([code, out]).toEqual([
      0,
      `${"run_1".padEnd(34)}  waiting    2026-01-01T00:00:00.000Z  2 calls  1 to approve\n` +
        `${"run_2".padEnd(34)}  succeeded  2026-01-01T00:00:00.000Z  0 calls\n`,
    ]);
    expect(asked[0]?.authorization).toBe("Bearer rk_x");
  });

  test("is the service's own answer with --json, and says when there is none", async () => {
    const { runs } = await setUp({ "GET /runs": [200, { runs: [RUN] }], "GET /runs?limit=1": [200, { runs: [] }] });
    expect(JSON.parse((await runs("list", "--json")).out)).toEqual([RUN]);
    expect(await runs("list", "--limit", "1")).toEqual({ code: 0, out: "", err: "No runs.\n" });
  });
});

describe("runlet runs show", () => {
  test("tells what a run waits for, and hides nothing of its arguments", async () => {
    const { runs } = await setUp({ "GET /runs/run_1": [200, RUN] });
    const { code, out } = await runs("show", "run_1");
    expect(code).toBe(0);
    expect(out).toContain("run_1: waiting, made 2026-01-01T00:00:00.000Z\n");
    expect(out).toMatch(/^1 +files\.read +ok +4 ms +9 B$/mu);
    expect(out).toContain(LINE);
    expect(out).toContain("decide: runlet runs approve run_1, or runlet runs deny run_1\n");
  });

  test("tells the result of one that has ended, and which it replays", async () => {
    const { runs } = await setUp({ "GET /runs/run_2": [200, { ...ENDED, dryRun: true }] });
    expect((await runs("show", "run_2")).out).toBe(
      "run_2: succeeded, made 2026-01-01T00:00:00.000Z, ended 2026-01-01T00:00:01.000Z\nreplays run_1\n" +
        'dry run: nothing is changed\n{\n  "n": 1\n}\n',
    );
  });

  test("tells all calls with what was sent, answered and decided", async () => {
    const [first, second] = RUN.calls;
    const approval = { askedAt: "", expiresAt: "2026-01-02T00:00:00.000Z" };
    const denied = { ...approval, decision: "deny", by: "boss", reason: "no" };
    const error = { code: "APPROVAL_DENIED", message: "The call was not approved: no" };
    const { runs } = await setUp({
      "GET /runs/run_1/calls?cursor=0": [
        200,
        { calls: [{ ...first, arguments: { p: 1 }, result: "x\u0007" }], nextCursor: 1 },
      ],
      "GET /runs/run_1/calls?cursor=1": [
        200,
        { calls: [{ ...second, arguments: {}, outcome: "denied", error, approval: denied }] },
      ],
    });
    expect((await runs("show", "run_1", "--calls")).out).toBe(
      [
        "1  files.read  ok  4 ms",
        '   -> {"p":1}',
        '   <- "x\\u0007"',
        "2  files.write  denied",
        "   -> {}",
        "   <- APPROVAL_DENIED: The call was not approved: no",
        "   denied by boss: no",
        "",
      ].join("\n"),
    );
    expect(JSON.parse((await runs("show", "run_1", "--calls", "--json")).out)).toHaveLength(2);
  });

  test("of a run that is not there is exit code 1", async () => {
    const { runs } = await setUp({});
    expect(await runs("show", "run_9")).toEqual({ code: 1, out: "", err: "NOT_FOUND: There is no run\n" });
  });
});

describe("runlet runs approve and deny", () => {
  const queued = { ...RUN, status: "queued", approvals: [] };
  const two = { ...RUN, approvals: [...RUN.approvals, { ...RUN.approvals[0], callId: 3 }] };

  test("decide on the one call that waits, and show it", async () => {
    const { runs, asked } = await setUp({
      "GET /runs/run_1": [200, RUN],
      "POST /runs/run_1/approvals": [200, queued],
    });
    expect(await runs("approve", "run_1")).toEqual({ code: 0, out: `${LINE}run_1: approved; it is queued\n`, err: "" });
    expect(await runs("deny", "run_1", "--reason", "no")).toMatchObject({
      code: 0,
      out: `${LINE}run_1: denied; it is queued\n`,
    });
    expect(asked.filter(({ method }) => method === "POST").map(({ body }) => body)).toEqual([
      { callId: 2, decision: "approve" },
      { callId: 2, decision: "deny", reason: "no" },
    ]);
  });

  test("ask which where several wait, and decide on one or all", async () => {
    const { runs, asked } = await setUp({
      "GET /runs/run_1": [200, two],
      "POST /runs/run_1/approvals": [200, queued],
    });
    const { code, err } = await runs("approve", "run_1");
    expect([code, err.split("\n")[0], err.split("\n").at(-2)]).toEqual([
      1,
      "Cannot approve as the run waits for 2 calls:",
      "hint: Say which: --call N, or --all.",
    ]);
    await runs("approve", "run_1", "--call", "3", "--grant", "write*", "--times", "2", "--match", '{"path":"a"}');
    await runs("deny", "run_1", "--all");
    expect(asked.filter(({ method }) => method === "POST").map(({ body }) => body)).toEqual([
      { callId: 3, decision: "approve", grant: { tool: "write*", times: 2, match: { path: "a" } } },
      { all: true, decision: "deny" },
    ]);
  });

  test("decide nothing where no call waits, and tell the service's refusal", async () => {
    const refusal = { code: "NOT_AWAITING", detail: "Cannot decide on call 2", hint: "These wait: 3." };
    const { runs, asked } = await setUp({
      "GET /runs/run_1": [200, queued],
      "POST /runs/run_1/approvals": [409, refusal],
    });
    const none = await runs("approve", "run_1");
    expect([none.code, none.err]).toEqual([
      1,
      "Cannot approve as a call of the run must wait for it: none does, it is queued.\n",
    ]);
    expect(asked.map(({ method }) => method)).toEqual(["GET"]);
    expect(await runs("approve", "run_1", "--call", "2")).toMatchObject({
      code: 1,
      err: "NOT_AWAITING: Cannot decide on call 2\nhint: These wait: 3.\n",
    });
  });
});

describe("runlet runs cancel and replay", () => {
  test("cancel says how the run is", async () => {
    const { runs } = await setUp({ "DELETE /runs/run_1": [200, { ...RUN, status: "cancelled" }] });
    expect(await runs("cancel", "run_1")).toEqual({ code: 0, out: "run_1: cancelled\n", err: "" });
  });

  test("replay says which run it is, with another script and dry", async () => {
    const { runs, asked } = await setUp({
      "POST /runs/run_1/replay": [202, { ...ENDED, status: "queued", endedAt: undefined }],
    });
    expect(await runs("replay", "run_1", "--script", "s.ts", "--dry-run")).toEqual({
      code: 0,
      out: "run_2: queued; runlet runs show run_2 tells more\n",
      err: "",
    });
    expect(asked[0]).toMatchObject({ body: { script: "return 2", dryRun: true }, prefer: undefined });
    expect(await runs("replay", "run_1", "--script", "none.ts")).toMatchObject({ code: 1 });
  });

  test.each([
    ["succeeded", 0],
    ["failed", 1],
  ])("replay waits for the end: %s is exit code %i", async (status, exit) => {
    const { runs, asked } = await setUp({ "POST /runs/run_1/replay": [200, { ...ENDED, status }] });
    const { code, out } = await runs("replay", "run_1", "--wait", "9");
    expect([code, out.startsWith(`run_2: ${status}`), asked[0]?.prefer]).toEqual([exit, true, "wait=9"]);
  });
});

test.each([
  [[], "Say which: list, show, cancel, approve, deny, replay."],
  [["lst"], "Unknown: runs lst. There are list, show, cancel, approve, deny, replay."],
  [["list", "x"], "Unknown: x"],
  [["list", "--limit", "0"], "--limit must be a whole number, 1 at least."],
  [["list", "--all"], "--all does not go with list."],
  [["show"], "One run is needed."],
  [["cancel", "a", "b"], "One run is needed."],
  [["approve"], "One run is needed."],
  [["approve", "a", "--call", "1", "--all"], "Say --call N or --all, not both."],
  [["approve", "a", "--call", "x"], "--call must be the number of a call."],
  [["approve", "a", "--times", "2"], "--times goes with --grant TOOL."],
  [["approve", "a", "--grant", "x", "--times", "0"], "--times must be a whole number, 1 at least."],
  [["approve", "a", "--grant", "x", "--match", "[]"], "--match must be a JSON object."],
  [["deny", "a", "--grant", "x"], "--grant does not go with deny."],
  [["replay", "a", "--wait", "long"], "--wait must be whole seconds."],
])("runs %j is not understood: exit code 2", async (args, fault) => {
  const { runs, asked } = await setUp({});
  const { code, out, err } = await runs(...args);
  expect([code, out, err.split("\n")[0], asked]).toEqual([2, "", fault, []]);
  expect(err).toContain("Usage: runlet runs list");
});
