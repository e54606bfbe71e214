import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import type { RunEvent, RunView } from "../../src/runs/run.ts";
import { readEventsFile } from "../support/events-file.ts";
import { createFolder, fixtureServer, pause, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import { readEvents } from "../support/service-client.ts";
import type { Problem, ServiceClient } from "../support/service-client.ts";

const require = createRequire(import.meta.url);
const NEVER_ENDS = "return await mcp.lab.never()";

let service: RunningService;
let eventsFile: string;
let alice: ServiceClient;
let bob: ServiceClient;
let admin: ServiceClient;

beforeAll(async () => {
  const folder = createFolder();
  eventsFile = join(folder, "events.jsonl");
  const keys = [createClientKey(), createClientKey(), createClientKey()] as const;
  service = await startService({
    folder,
    mcpServers: {
      lab: fixtureServer("lab", { EVENTS_FILE: eventsFile }),
      private: fixtureServer("tiny"),
    },
    clients: {
      alice: { key: keys[0].hash, servers: ["lab"] },
      bob: { key: keys[1].hash },
      admin: { key: keys[2].hash, admin: true },
    },
    queue: { depth: 4, concurrency: 4 },
  });
  [alice, bob, admin] = [service.as(keys[0].key), service.as(keys[1].key), service.as(keys[2].key)];
});

afterAll(() => service.remove());

/** How often the upstream was told to cancel a call. */
function cancellations(): number {
  return readEventsFile(eventsFile).filter(({ event }) => event === "notifications/cancelled").length;
}

/** Waits until something holds. */
async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return;
    await pause(25);
  }
  throw new Error(`this did not come to hold: ${what}`);
}

/** Waits until a run has a call in flight. */
function calling(client: ServiceClient, id: string): Promise<void> {
  return eventually(async () => {
    const { body } = await client.get<RunView>(`/runs/${id}`);
    return body.calls.some(({ outcome }) => outcome === "pending");
  }, `run ${id} has a call in flight`);
}

async function collect(events: AsyncIterable<RunEvent>): Promise<readonly RunEvent[]> {
  const all: RunEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe("a run over HTTP", () => {
  test("is answered with its end, and is there afterwards with result, logs and calls", async () => {
    const run = await alice.run("console.log('hello'); return (await mcp.lab.echo({ a: 1 })).a");
    expect(run).toMatchObject({ status: "succeeded", result: 1 });
    const stored = await alice.get<RunView>(`/runs/${run.id}`);
    expect(stored).toMatchObject({ status: 200, body: { id: run.id, status: "succeeded", result: 1 } });
    expect((await alice.get(`/runs/${run.id}/result`)).body).toBe(1);
    expect((await alice.get(`/runs/${run.id}/calls`)).body).toMatchObject({
      calls: [{ seq: 1, server: "lab", tool: "echo", arguments: { a: 1 }, outcome: "ok", result: { a: 1 } }],
    });
    expect((await alice.get(`/runs/${run.id}/logs`)).body).toMatchObject({ logs: [{ text: "hello" }] });
  });

  test("in mode queue is answered at once, is durable, and says where it is", async () => {
    const answer = await alice.post<RunView>("/run", { script: "return 7", mode: "queue" });
    expect(answer.status).toBe(202);
    expect(answer.headers.get("location")).toBe(`/runs/${answer.body.id}`);
    expect(await alice.ended(answer.body.id)).toMatchObject({ status: "succeeded", result: 7 });
  });

  test("that outlasts the wait a caller prefers is answered with 202 and goes on", async () => {
    const script = "await mcp.lab.sleep({ ms: 1500 }); return 'late'";
    const { status, body } = await alice.post<RunView>("/run", { script }, { headers: { prefer: "wait=0" } });
    expect(status).toBe(202);
    expect(await alice.ended(body.id)).toMatchObject({ status: "succeeded", result: "late" });
  });

  test("tells its events in order, the last one with the run", async () => {
    const id = await alice.queue("console.log('one'); await mcp.lab.echo({}); emit({ two: 2 }); return 3");
    const events = await collect(alice.events(id));
    expect(events.map(({ type }) => type)).toEqual([
      "queued",
      "started",
      "log",
      "call.started",
      "call.settled",
      "emit",
      "ended",
    ]);
    expect(events.map((event) => event.id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(events.at(-1)).toMatchObject({ type: "ended", run: { status: "succeeded", result: 3 } });
  });

  test("goes on telling after the event that a client saw last", async () => {
    const id = await alice.queue("console.log('one'); console.log('two'); return 3");
    await alice.ended(id);
    const rest = await collect(alice.events(id, { headers: { "last-event-id": "3" } }));
    expect(rest.map((event) => [event.id, event.type])).toEqual([
      [4, "log"],
      [5, "ended"],
    ]);
  });

  test("streams its events to a caller who wants them", async () => {
    const accept = "text/event-stream";
    const { body } = await alice.post<string>(
      "/run",
      { script: "return await mcp.lab.echo({ x: 1 })" },
      { headers: { accept } },
    );
    const events = await collect(readEvents(new Blob([body]).stream()));
    expect(events[0]?.type).toBe("queued");
    expect(events.at(-1)).toMatchObject({ type: "ended", run: { result: { x: 1 } } });
  });

  test("with the same idempotency key is made once, and another body is refused", async () => {
    const headers = { "idempotency-key": "order-1" };
    const script = "return (await mcp.lab.write({})) + input";
    const posts = await Promise.all(
      [1, 2, 3].map(() => alice.post<RunView>("/run", { script, input: "!" }, { headers })),
    );
    expect(new Set(posts.map(({ body }) => body.id)).size).toBe(1);
    expect(posts.map(({ body }) => body.result)).toEqual(["written!", "written!", "written!"]);
    const other = await alice.post<Problem>("/run", { script, input: "?" }, { headers });
    expect(other).toMatchObject({ status: 409, body: { code: "IDEMPOTENCY_CONFLICT" } });
    const bobs = await bob.post<RunView>("/run", { script: "return 1" }, { headers });
    expect(bobs).toMatchObject({ status: 200, body: { result: 1 } });
  });
});

describe("cancelling", () => {
  test("a running run ends it and cancels its upstream call", async () => {
    const before = cancellations();
    const id = await alice.queue(NEVER_ENDS);
    await calling(alice, id);
    const { status, body } = await alice.send<RunView>("DELETE", `/runs/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id, status: "cancelled", error: { code: "RUN_CANCELLED" } });
    await eventually(() => cancellations() === before + 1, "the upstream was told");
    const again = await alice.send<Problem>("DELETE", `/runs/${id}`);
    expect(again).toMatchObject({ status: 409, body: { code: "RUN_ENDED" } });
  });

  test("a queued run keeps it from ever starting", async () => {
    const blockers = await Promise.all([1, 2, 3, 4].map((which) => (which % 2 ? alice : bob).queue(NEVER_ENDS)));
    const id = await alice.queue("return await mcp.lab.write({ never: true })");
    const { body } = await alice.send<RunView>("DELETE", `/runs/${id}`);
    expect(body).toMatchObject({ status: "cancelled", calls: [] });
    expect(body.startedAt).toBeUndefined();
    await Promise.all(blockers.map((blocker) => admin.send("DELETE", `/runs/${blocker}`)));
    await alice.run("return 1");
    expect(JSON.stringify(readEventsFile(eventsFile))).not.toContain('"never":true');
  });

  test("happens when the client that waits goes away", async () => {
    const before = cancellations();
    const gone = new AbortController();
    const metadata = { left: "alone" };
    const waiting = alice.post("/run", { script: NEVER_ENDS, metadata }, { signal: gone.signal });
    const mine = async (): Promise<RunView | undefined> => {
      const { body } = await alice.get<{ runs: RunView[] }>("/runs?limit=5");
      return body.runs.find((run) => JSON.stringify(run.metadata) === JSON.stringify(metadata));
    };
    await eventually(async () => (await mine())?.calls.length === 1, "the run calls");
    gone.abort();
    await expect(waiting).rejects.toThrow();
    await eventually(async () => (await mine())?.status === "cancelled", "the run is cancelled");
    await eventually(() => cancellations() === before + 1, "the upstream was told");
  });
});

describe("a full queue", () => {
  test("refuses with Retry-After, and takes runs again when there is room", async () => {
    const runs: string[] = [];
    const refusals: string[] = [];
    let retryAfter: string | null = null;
    for (let i = 0; i < 8; i++) {
      const { status, body, headers } = await alice.post<{ id: string; code: string }>("/run", {
        script: NEVER_ENDS,
        mode: "queue",
      });
      if (status === 202) runs.push(body.id);
      else {
        expect(status).toBe(503);
        retryAfter = headers.get("retry-after");
        refusals.push(body.code);
      }
    }
    expect(refusals).toEqual(["QUEUE_FULL", "QUEUE_FULL"]);
    expect(Number(retryAfter)).toBeGreaterThan(0);
    // One client's runs do not fill the queue for another.
    const bobs = await bob.queue("return 'bob'");
    for (const id of runs) await alice.send("DELETE", `/runs/${id}`);
    expect(await bob.ended(bobs)).toMatchObject({ result: "bob" });
    expect(await alice.run("return 1")).toMatchObject({ result: 1 });
  });
});

describe("two clients", () => {
  test("do not see each other's runs; an administrator sees both", async () => {
    const mine = await alice.run("return 'alice'");
    const get = await bob.get<Problem>(`/runs/${mine.id}`);
    expect(get).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    expect((await bob.get(`/runs/${mine.id}/events`)).status).toBe(404);
    expect((await bob.send("DELETE", `/runs/${mine.id}`)).status).toBe(404);
    const { body } = await bob.get<{ runs: RunView[] }>("/runs?limit=200");
    expect(body.runs.map(({ id }) => id)).not.toContain(mine.id);
    expect(await admin.get(`/runs/${mine.id}`)).toMatchObject({ status: 200, body: { result: "alice" } });
  });

  test("do not see tools of servers they may not use, by any door", async () => {
    const hidden = await alice.run(
      "return [Object.keys(mcp), (await mcp.$search('echo')).results.map((r) => r.server)]",
    );
    expect(hidden.result).toEqual([["lab"], ["lab"]]);
    const call = await alice.run("const name = 'private'; return await mcp[name].echo({})");
    expect(call.error?.code).toBe("TOOL_NOT_FOUND");
    const invoke = await alice.post<Problem>("/invoke", { server: "private", tool: "echo" });
    expect(invoke).toMatchObject({ status: 404, body: { code: "TOOL_NOT_FOUND" } });
    expect(JSON.stringify((await alice.get("/tools")).body)).not.toContain('"private"');
    expect(await bob.run("return await mcp.private.echo({ b: 1 })")).toMatchObject({ result: { b: 1 } });
  });

  test("are told apart by their keys; no key and a wrong one are refused", async () => {
    expect(await service.post("/run", { script: "return 1" })).toMatchObject({
      status: 401,
      body: { code: "UNAUTHENTICATED" },
    });
    expect((await service.as("rk_wrong").get("/runs")).status).toBe(401);
    expect((await service.get("/healthz")).status).toBe(200);
  });
});

describe("tools without a script", () => {
  test("/invoke calls one tool, in the older shape too", async () => {
    const { status, body } = await alice.post("/invoke", { server: "lab", tool: "echo", arguments: { a: [1] } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ result: { a: [1] }, outcome: "ok", ms: expect.any(Number) as number });
    const older = await alice.post("/invoke", { server: "lab", tool: "echo", params: { b: 2 } });
    expect(older.body).toMatchObject({ result: { b: 2 } });
    const failing = await alice.post("/invoke", { server: "lab", tool: "fail", arguments: { message: "no" } });
    expect(failing).toMatchObject({ status: 502, body: { code: "TOOL_FAILED", server: "lab", tool: "fail" } });
  });

  test("/batch gives each slot its own outcome, in order", async () => {
    const calls = [
      { server: "lab", tool: "sleep", arguments: { ms: 50 } },
      { server: "lab", tool: "fail", arguments: { message: "second" } },
      { server: "lab", tool: "nothing" },
      { server: "lab", tool: "echo", arguments: { last: true } },
    ];
    const { status, body } = await alice.post("/batch", { calls });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      results: [
        { ok: true, result: "slept" },
        { ok: false, error: { code: "TOOL_FAILED" } },
        { ok: false, error: { code: "TOOL_NOT_FOUND" } },
        { ok: true, result: { last: true } },
      ],
    });
  });

  test("/tools and /tools/search tell what there is", async () => {
    const { body } = await alice.get<{ tools: { server: string; name: string; declaration: string }[] }>("/tools");
    expect(body.tools).toHaveLength(8);
    expect(new Set(body.tools.map(({ server }) => server))).toEqual(new Set(["lab"]));
    const found = await alice.get<{ results: { name: string }[] }>("/tools/search?q=echo&limit=1");
    expect(found.body.results).toMatchObject([{ server: "lab", name: "echo" }]);
  });

  test("/declarations is TypeScript that compiles alone, and a script compiles against it", async () => {
    const { body } = await bob.get<string>("/declarations");
    const folder = service.folder;
    writeFileSync(join(folder, "mcp.d.ts"), body);
    writeFileSync(
      join(folder, "use.ts"),
      "export const a: Promise<unknown> = mcp.lab.sleep({ ms: 1 });\n" +
        "// @ts-expect-error a string is no number\nexport const b = mcp.lab.sleep({ ms: 'one' });\n",
    );
    const tsc = join(require.resolve("typescript/package.json"), "..", "bin", "tsc");
    const args = ["--strict", "--noEmit", "--target", "es2022", "--module", "esnext", "mcp.d.ts", "use.ts"];
    const { status, stdout } = spawnSync(process.execPath, [tsc, ...args], { cwd: folder, encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });
});

describe("operations", () => {
  test("/healthz and /readyz tell that it can take runs, and how runs are held", async () => {
    expect(await service.get("/healthz")).toMatchObject({ status: 200, body: { status: "ok" } });
    const { status, body } = await service.get<{ checks: { confinement: { detail: string } } }>("/readyz");
    expect(status).toBe(200);
    expect(body).toMatchObject({ ready: true, checks: { executors: { ok: true } } });
    expect(body.checks.confinement.detail).toMatch(
      /^(?:namespaces \((?:bubblewrap|unshare)\)|process); held by .*permission/u,
    );
  });

  test("/openapi.json describes the routes", async () => {
    const { body } = await service.get<{ openapi: string; paths: Record<string, unknown> }>("/openapi.json");
    expect(body.openapi).toMatch(/^3\.1/u);
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining(["/run", "/runs/{id}", "/invoke", "/batch", "/tools"]),
    );
  });

  test("/metrics counts runs and calls", async () => {
    const count = async (name: string): Promise<number> => {
      const { body } = await admin.get<string>("/metrics");
      const lines = body.split("\n").filter((line) => line.startsWith(name));
      return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    };
    const succeeded = 'runlet_runs_total{outcome="succeeded"';
    const echoed = 'runlet_gateway_calls_total{server="lab",tool="echo"';
    const before = [await count(succeeded), await count(echoed)] as const;
    await alice.run("await mcp.lab.echo({}); await mcp.lab.echo({})");
    expect([await count(succeeded), await count(echoed)]).toEqual([before[0] + 1, before[1] + 2]);
  });

  test("a request that is wrong is refused with every fault's place", async () => {
    const { status, headers, body } = await alice.post<Problem>("/run", {
      script: 1,
      input: 1,
      limits: { cpuMs: "x" },
    });
    expect(status).toBe(400);
    expect(headers.get("content-type")).toContain("application/problem+json");
    expect(body.code).toBe("REQUEST_INVALID");
    expect(JSON.stringify(body)).toContain("/script");
    expect(JSON.stringify(body)).toContain("/limits/cpuMs");
  });
});
