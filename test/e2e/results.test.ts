import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import type { JsonValue } from "../../src/lib/guards.ts";
import type { RunEvent, RunView } from "../../src/runs/run.ts";
import { runlet } from "../support/command.ts";
import { readEventsFile } from "../support/events-file.ts";
import { connectModern } from "../support/mcp-doors.ts";
import type { DoorClient } from "../support/mcp-doors.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";
import type { RunningService, StartOptions } from "../support/service.ts";
import { openClient } from "../support/service-client.ts";
import type { Answer, EndedRun, Problem, ServiceClient } from "../support/service-client.ts";

const MIB = 1024 * 1024;
/** What an answer has beside its result. */
const ENVELOPE = 4_096;

/** A run as the answer tells it. */
interface ToldRun extends EndedRun {
  readonly notice?: string;
}

/** Bytes of an answer's JSON; it came compact. */
function sizeOf(body: unknown): number {
  return Buffer.byteLength(JSON.stringify(body));
}

const folder = createFolder();
const eventsFile = join(folder, "events.jsonl");
const keys = { alice: createClientKey(), bob: createClientKey() };
const options: StartOptions = {
  folder,
  mcpServers: { lab: fixtureServer("lab", { EVENTS_FILE: eventsFile }) },
  clients: { alice: { key: keys.alice.hash }, bob: { key: keys.bob.hash } },
};
let service: RunningService;
let alice: ServiceClient;
let bob: ServiceClient;

async function start(): Promise<void> {
  service = await startService(options);
  [alice, bob] = [service.as(keys.alice.key), service.as(keys.bob.key)];
}

beforeAll(start);
afterAll(() => service.remove());

function run(script: string, more: Readonly<Record<string, unknown>> = {}): Promise<ToldRun> {
  return alice.run(script, more);
}

describe("a result larger than what an answer carries", () => {
  test("a text of 20 MB is cut in the answer and whole behind it, byte for byte", async () => {
    const told = await run("return 'é€😀\\n\"'.repeat(1.6e6)");
    const expected = 'é€😀\n"'.repeat(1.6e6);
    expect(told).toMatchObject({
      status: "succeeded",
      resultType: "json",
      truncated: true,
      resultBytes: Buffer.byteLength(JSON.stringify(expected)),
      notice: expect.stringContaining(`GET /runs/${told.id}/result`),
    });
    expect(told.result).toMatch(/^(?:é€😀\n")+.{0,4}… \[\d+ bytes cut\]$/u);
    expect(sizeOf(told)).toBeLessThan(MIB + ENVELOPE);
    const whole = await alice.get<string>(`/runs/${told.id}/result`);
    expect(whole.headers.get("content-length")).toBe(String(told.resultBytes));
    expect(whole.body === expected).toBe(true);
  });

  test("20 MB of objects are cut to their first ones, and the rest is counted", async () => {
    const script = `return Array.from({ length: 200_000 }, (_, id) => ({ id, name: "item " + id, text: "some text ".repeat(5) }))`;
    const told = await run(script);
    const items = told.result as readonly JsonValue[];
    expect(items[0]).toEqual({ id: 0, name: "item 0", text: "some text ".repeat(5) });
    expect(items.at(-1)).toBe(`… [${200_000 - (items.length - 1)} more items cut]`);
    expect(sizeOf(told)).toBeLessThan(MIB + ENVELOPE);
    const { body } = await alice.get<readonly { readonly id: number }[]>(`/runs/${told.id}/result`);
    expect([body.length, body.at(-1)]).toEqual([
      200_000,
      { id: 199_999, name: "item 199999", text: "some text ".repeat(5) },
    ]);
  });

  test("is the same after a restart, and so is the whole", async () => {
    const before = await run("return { head: 'x'.repeat(3e6), tail: [1, 2] }", { limits: { replyBytes: 2_000 } });
    expect(before.result).toMatchObject({ tail: [1, 2] });
    await service.stop();
    await start();
    expect((await alice.get(`/runs/${before.id}`)).body).toEqual(before);
    expect((await alice.get(`/runs/${before.id}/result`)).body).toEqual({ head: "x".repeat(3e6), tail: [1, 2] });
  });

  test("is cut in the last event and in the list of runs too", async () => {
    const id = await alice.queue("return 'x'.repeat(3e6)");
    const told = await alice.ended(id);
    let last: RunEvent | undefined;
    for await (const event of alice.events(id)) last = event;
    expect(last).toMatchObject({ type: "ended", run: told });
    const { body } = await alice.get<{ readonly runs: readonly RunView[] }>("/runs?limit=1");
    expect(body.runs).toEqual([told]);
  });

  test("is not cut for a caller who asks for more, nor is one that fits", async () => {
    const told = await run("return 'x'.repeat(3e6)", { limits: { replyBytes: 4 * MIB } });
    expect(told).toMatchObject({ result: "x".repeat(3e6), truncated: false, resultBytes: 3_000_002 });
    expect(told).not.toHaveProperty("notice");
    expect((await alice.get(`/runs/${told.id}/result`)).body).toBe("x".repeat(3e6));
  });

  test("fails the run only over limits.resultBytes", async () => {
    const failed = await run("return 'x'.repeat(3e6)", { limits: { resultBytes: MIB } });
    expect(failed).toMatchObject({ status: "failed", result: null, error: { code: "RESULT_TOO_LARGE" } });
    const { status, body } = await alice.get<Problem>(`/runs/${failed.id}/result`);
    expect([status, body.code]).toEqual([409, "RUN_WITHOUT_RESULT"]);
    expect(body).toMatchObject({ details: { error: { code: "RESULT_TOO_LARGE" } } });
  });

  test("20,000 log lines beside a large result leave a bounded answer and a run that succeeded", async () => {
    const told = await run(
      "for (let i = 0; i < 20_000; i++) console.log('line', i, 'x'.repeat(50)); return 'y'.repeat(20e6)",
    );
    expect(told).toMatchObject({ status: "succeeded", truncated: true, resultBytes: 20_000_002 });
    expect(told.logs.length).toBeLessThanOrEqual(1_017);
    expect(told.logs.at(-1)?.text).toContain("LOG_LIMIT");
    expect(sizeOf(told)).toBeLessThan(1.5 * MIB);
  });

  test("over MCP is cut to the answer's size, for text and structure alike, and counts what is gone of the whole", async () => {
    const requestInit = { headers: { authorization: `Bearer ${keys.alice.key}` } };
    const transport = new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`), { requestInit });
    const door = await connectModern("v2 auto", transport);
    try {
      const script = "console.log('x'.repeat(5000)); return Array.from({ length: 1e6 }, (_, i) => i)";
      const { structured, text } = await callRunScript(door, { script });
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64 * 1024);
      expect(JSON.parse(text)).toEqual(structured);
      const items = structured["result"] as readonly JsonValue[];
      expect(items.at(-1)).toBe(`… [${1_000_000 - (items.length - 1)} more items cut]`);
      expect(structured).toMatchObject({ truncated: true, notice: expect.stringContaining("6888891 bytes") });
      const larger = await callRunScript(door, { script, limits: { replyBytes: 300_000 } });
      expect(Buffer.byteLength(larger.text)).toBeGreaterThan(250_000);
      expect(Buffer.byteLength(larger.text)).toBeLessThanOrEqual(300_000);
    } finally {
      await door.close();
    }
  });

  test("is printed whole by the command line", async () => {
    const here = createFolder();
    writeFileSync(join(here, "runlet.json"), JSON.stringify({ mcpServers: {}, executors: { processes: 1 } }));
    const [plain, json] = await Promise.all([
      runlet(["run", "-"], { cwd: here, input: "return 'é'.repeat(2e6)" }),
      runlet(["run", "-", "--json"], { cwd: here, input: "return Array.from({ length: 4e5 }, (_, i) => i)" }),
    ]);
    expect([plain.code, plain.stderr, plain.stdout === `${"é".repeat(2e6)}\n`]).toEqual([0, "", true]);
    const told = JSON.parse(json.stdout) as RunView;
    expect([told.truncated, (told.result as readonly number[]).length]).toEqual([false, 400_000]);
  });
});

interface RunScriptAnswer {
  readonly text: string;
  readonly structured: Readonly<Record<string, JsonValue>>;
}

async function callRunScript(door: DoorClient, args: Readonly<Record<string, unknown>>): Promise<RunScriptAnswer> {
  const { content, structuredContent } = await door.call("run_script", args);
  return { text: String(content[0]?.["text"]), structured: structuredContent as RunScriptAnswer["structured"] };
}

describe("the result of a run, as a resource", () => {
  test("is there for small ones, and null with its type when the script returned nothing", async () => {
    const small = await run("return { a: 1 }");
    expect((await alice.get(`/runs/${small.id}/result`)).body).toEqual({ a: 1 });
    const none = await run("const a = 1");
    const answer = await alice.get(`/runs/${none.id}/result`);
    expect([answer.body, answer.headers.get("runlet-result-type")]).toEqual([null, "undefined"]);
  });

  test("is not there before the run has ended", async () => {
    const id = await alice.queue("await mcp.lab.sleep({ ms: 800 }); return 1");
    const { status, body } = await alice.get<Problem>(`/runs/${id}/result`);
    expect([status, body.code]).toEqual([409, "RUN_NOT_ENDED"]);
    expect(await alice.ended(id)).toMatchObject({ status: "succeeded" });
  });

  test("is sent once to who has it already", async () => {
    const { id } = await run("return 'x'.repeat(2e6)");
    const etag = (await alice.get(`/runs/${id}/result`)).headers.get("etag") ?? "";
    const again = await alice.get(`/runs/${id}/result`, { headers: { "if-none-match": etag } });
    expect([again.status, again.body]).toEqual([304, ""]);
  });

  test("is nobody else's: a guessed id is answered as one that never was, however it is asked for", async () => {
    const { id } = await run("await mcp.lab.echo({ secret: 1 }); return 'x'.repeat(2e6)");
    const headers = { "if-none-match": `"${id}"`, prefer: "wait=0" };
    const unknown = `${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`;
    for (const part of ["", "/result", "/calls", "/calls?cursor=0", "/logs", "/events"]) {
      const answers: Answer<Problem>[] = [
        await bob.get<Problem>(`/runs/${id}${part}`, { headers }),
        await bob.get<Problem>(`/runs/${unknown}${part}`, { headers }),
      ];
      const told = answers.map(({ status, body }) => [status, body.code, body.detail.replaceAll(/run_\w+/gu, "ID")]);
      expect(told[0]).toEqual([404, "NOT_FOUND", expect.stringContaining("ID")]);
      expect(told[0]).toEqual(told[1]);
    }
    const nobody = openClient(service.url);
    expect((await nobody.get(`/runs/${id}/result`)).status).toBe(401);
  });
});

describe("the calls of a run", () => {
  test("come in pages with what was asked and answered", async () => {
    const { id } = await run("for (let n = 0; n < 5; n++) await mcp.lab.echo({ n }); return 1");
    const first = await alice.get<{ calls: { seq: number }[]; nextCursor: number }>(`/runs/${id}/calls?limit=3`);
    expect(first.body).toMatchObject({
      calls: [0, 1, 2].map((n) => ({ seq: n + 1, tool: "echo", arguments: { n }, result: { n }, outcome: "ok" })),
      nextCursor: 3,
    });
    const rest = await alice.get<{ calls: { seq: number }[] }>(`/runs/${id}/calls?limit=3&cursor=3`);
    expect(rest.body.calls.map(({ seq }) => seq)).toEqual([4, 5]);
    expect(rest.body).not.toHaveProperty("nextCursor");
  });
});

describe("an output schema", () => {
  const rows = {
    type: "array",
    items: { type: "object", required: ["id"], properties: { id: { type: "integer" }, name: { type: "string" } } },
  };

  test("lets a result through that satisfies it, of 10 MB too", async () => {
    const script = "return Array.from({ length: 150_000 }, (_, id) => ({ id, name: 'name '.repeat(10) }))";
    expect(await run(script, { outputSchema: rows })).toMatchObject({ status: "succeeded", truncated: true });
  });

  test("fails a run whose result does not satisfy it, tells where, and keeps the result", async () => {
    const failed = await run("return [{ id: 1 }, { id: '2' }, { name: 3 }]", { outputSchema: rows });
    expect(failed).toMatchObject({
      status: "failed",
      result: [{ id: 1 }, { id: "2" }, { name: 3 }],
      resultType: "json",
      error: {
        code: "RESULT_SCHEMA_MISMATCH",
        fault: "script",
        details: {
          problems: [
            { pointer: "/1/id", message: expect.stringContaining("must be integer") },
            { pointer: "/2/id", message: expect.stringContaining("is required") },
            { pointer: "/2/name", message: expect.stringContaining("must be string") },
          ],
        },
      },
    });
    expect((await alice.get(`/runs/${failed.id}/result`)).body).toEqual([{ id: 1 }, { id: "2" }, { name: 3 }]);
  });

  test("checks no result as null", async () => {
    expect(await run("1;{}", { outputSchema: { type: "null" } })).toMatchObject({ status: "succeeded" });
    expect(await run("const a = 1", { outputSchema: { type: "object" } })).toMatchObject({
      status: "failed",
      error: { code: "RESULT_SCHEMA_MISMATCH", details: { problems: [{ pointer: "" }] } },
    });
  });

  test.each<[string, unknown, string]>([
    ["refers to another place", { properties: { a: { $ref: "http://127.0.0.1:9/x.json" } } }, "/properties/a/$ref"],
    ["refers to itself without end", { $ref: "#" }, ""],
    ["has a pattern that takes for ever", { pattern: "^(a+)+$" }, ""],
    ["is no schema", { type: "text" }, "/type"],
    ["is of a dialect nobody knows", { $schema: "https://example.com/mine" }, "/$schema"],
    ["is huge", { enum: Array.from({ length: 40_000 }, (_, i) => `value ${i}`) }, ""],
  ])("that %s is refused before anything runs, and others are served meanwhile", async (_, outputSchema, pointer) => {
    const made = readEventsFile(eventsFile).length;
    const [refused, other] = await Promise.all([
      alice.post<Problem>("/run", { script: "return await mcp.lab.echo({})", outputSchema }),
      bob.run("return 1"),
    ]);
    expect(refused).toMatchObject({
      status: 400,
      body: { code: "REQUEST_INVALID", problems: [{ pointer: `/outputSchema${pointer}` }] },
    });
    expect(other).toMatchObject({ status: "succeeded" });
    expect(readEventsFile(eventsFile)).toHaveLength(made);
  });
});
