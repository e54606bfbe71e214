import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { StdioClientTransport as ModernStdio } from "@modelcontextprotocol/client/stdio";
import { StdioClientTransport as LegacyStdio } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RunView } from "../../src/runs/run.ts";
import { runletCommand } from "../support/command.ts";
import { readEventsFile } from "../support/events-file.ts";
import { CLIENTS, connectHttp, connectLegacy, connectModern } from "../support/mcp-doors.ts";
import type { ClientKind, DoorClient } from "../support/mcp-doors.ts";
import { startModelServer } from "../support/model-server.ts";
import type { ModelReply, ModelServer } from "../support/model-server.ts";
import { processesWithMark } from "../support/processes.ts";
import { cliEnvironment, createFolder, fixtureServer, pause, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { EndedRun, Problem } from "../support/service-client.ts";

let service: RunningService;
let eventsFile: string;
let model: ModelServer;

beforeAll(async () => {
  const folder = createFolder();
  eventsFile = join(folder, "events.jsonl");
  model = await startModelServer();
  service = await startService({
    folder,
    mcpServers: { lab: fixtureServer("lab", { EVENTS_FILE: eventsFile, MARK: folder }) },
    model: { baseURL: model.baseURL, model: "scripted", attempts: 3, timeout: "5s" },
  });
});

afterAll(async () => {
  await service.remove();
  await model.close();
});

async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (holds()) return;
    await pause(25);
  }
  throw new Error(`this did not come to hold: ${what}`);
}

function countEvents(event: string): number {
  return readEventsFile(eventsFile).filter((entry) => entry.event === event).length;
}

function writes(script: string): ModelReply {
  return { kind: "text", text: `\`\`\`ts\n${script}\n\`\`\``, usage: { inputTokens: 100, outputTokens: 10 } };
}

describe("a task in plain words", () => {
  let asked = 0;
  beforeEach(() => {
    asked = model.requests.length;
  });

  async function runTask(task: string, ...replies: ModelReply[]): Promise<EndedRun> {
    model.enqueue(...replies);
    const { status, body } = await service.post<EndedRun>("/run", { task, input: { v: 20 } });
    expect(status).toBe(200);
    return body;
  }

  test("is planned, run and answered with its script", async () => {
    const script = "const { v } = await mcp.lab.echo({ v: input.v });\nreturn v + 22";
    const run = await runTask("Add 22 to what echo says", writes(script));
    expect(run).toMatchObject({
      status: "succeeded",
      result: 42,
      script,
      attempts: [{ attempt: 1, script }],
      usage: { toolCalls: 1, modelTokens: { input: 100, output: 10 } },
    });
    const prompt = JSON.stringify(model.requests[asked]?.body);
    expect(prompt).toContain("Add 22 to what echo says");
    expect(prompt).toContain("protoReply");
  });

  test("whose script names a tool that does not exist is mended in one round, before any call", async () => {
    const wrong = "await mcp.lab.write({ a: 1 });\nreturn await mcp.lab.ecko({ v: 1 })";
    const calls = countEvents("tools/call");
    const run = await runTask("Say it", writes(wrong), writes("return (await mcp.lab.echo({ v: 1 })).v"));
    expect(run).toMatchObject({ status: "succeeded", result: 1, usage: { toolCalls: 1 } });
    expect(run.attempts).toMatchObject([{ attempt: 1, error: { code: "TOOL_NOT_FOUND", line: 2 } }, { attempt: 2 }]);
    expect(countEvents("tools/call")).toBe(calls + 1);
    expect(JSON.stringify(model.requests[asked + 1]?.body)).toContain("ecko");
  });

  test("whose script fails while it reads is mended", async () => {
    const run = await runTask(
      "Read it",
      writes("const { a } = await mcp.lab.echo({ b: 1 });\nreturn a.length"),
      writes("const { b } = await mcp.lab.echo({ b: 1 });\nreturn b"),
    );
    expect(run).toMatchObject({ status: "succeeded", result: 1, usage: { modelTokens: { input: 200, output: 20 } } });
    expect(run.attempts?.[0]?.error).toMatchObject({ code: "SCRIPT_ERROR", line: 2 });
  });

  test("whose script fails after it wrote is not tried again", async () => {
    const run = await runTask(
      "Write it",
      writes("await mcp.lab.write({});\nthrow new Error('after')"),
      writes("return 1"),
    );
    expect(run).toMatchObject({ status: "failed", error: { code: "SCRIPT_ERROR", message: "Error: after" } });
    expect(run.attempts).toHaveLength(1);
    expect(model.requests).toHaveLength(asked + 1);
    // The reply nobody asked for.
    await runTask("Use it up");
  });

  test("tells when the model gives up after all attempts", async () => {
    const bad = writes("return nothing.there");
    const run = await runTask("Never works", bad, bad, bad);
    expect(run).toMatchObject({ status: "failed", error: { code: "SCRIPT_TYPE_ERROR" } });
    expect(run.attempts?.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  test("fails with MODEL_UNAVAILABLE when the model is down", async () => {
    const down: ModelReply = { kind: "status", status: 503 };
    const run = await runTask("Nobody there", down, down, down, down);
    expect(run).toMatchObject({ status: "failed", error: { code: "MODEL_UNAVAILABLE", retryable: true }, calls: [] });
  });

  test("fails with MODEL_NO_SCRIPT when the model refuses", async () => {
    const refusal: ModelReply = { kind: "refusal", refusal: "I would rather not" };
    const run = await runTask("Refused", refusal, refusal, refusal);
    expect(run.error?.code).toBe("MODEL_NO_SCRIPT");
  });

  test("is refused with 501 where no model is configured", async () => {
    const plain = await startService({ mcpServers: {} });
    try {
      const { status, body } = await plain.post<Problem>("/run", { task: "anything" });
      expect([status, body.code]).toEqual([501, "MODEL_NOT_CONFIGURED"]);
    } finally {
      await plain.remove();
    }
  });
});

const DOORS = ["HTTP", "stdio"] as const;

describe.each(DOORS)("MCP over %s", (door) => {
  describe.each(CLIENTS)("with the client %s", (kind) => {
    let client: DoorClient;

    beforeEach(async () => {
      client = door === "HTTP" ? await overHttp(kind) : await overStdio(kind);
    });

    afterEach(() => client.close());

    test("offers its tools, finds tools and runs scripts", async () => {
      expect((await client.listTools()).map(({ name }) => name)).toEqual(
        expect.arrayContaining(["run_script", "search_tools"]),
      );
      const found = await client.call("search_tools", { query: "echo" });
      expect(JSON.stringify(found.structuredContent)).toContain("mcp.lab.echo");
      const script = "console.log('seen'); return (await mcp.lab.echo({ v: input + 1 })).v";
      const answer = await client.call("run_script", { script, input: 41 });
      expect(answer.isError ?? false).toBe(false);
      expect(answer.structuredContent).toMatchObject({ status: "succeeded", result: 42, logs: ["seen"] });
      expect(answer.content[0]).toMatchObject({ type: "text" });
    });

    test("a script that fails is an error with its code and line", async () => {
      const answer = await client.call("run_script", { script: "const a = 1;\nthrow new Error('wrong')" });
      expect(answer.isError).toBe(true);
      expect(answer.structuredContent).toMatchObject({ status: "failed", error: { code: "SCRIPT_ERROR", line: 2 } });
    });

    test("a call that is cancelled cancels its run and the upstream call", async () => {
      const [calls, cancelled] = [countCalls("never"), countEvents("notifications/cancelled")];
      const controller = new AbortController();
      const answer = client.call(
        "run_script",
        { script: "return await mcp.lab.never()" },
        { signal: controller.signal },
      );
      const refused = expect(answer).rejects.toThrow();
      await eventually(() => countCalls("never") === calls + 1, "the upstream is called");
      controller.abort();
      await refused;
      await eventually(() => countEvents("notifications/cancelled") === cancelled + 1, "the upstream is told");
    });
  });
});

describe("MCP over HTTP", () => {
  test("its runs are the caller's runs of the other door too", async () => {
    const client = await overHttp("v2 auto");
    try {
      await client.call("run_script", { script: "return 'by mcp'" });
      const { body } = await service.get<{ runs: RunView[] }>("/runs?limit=1");
      expect(body.runs).toMatchObject([{ status: "succeeded", result: "by mcp" }]);
    } finally {
      await client.close();
    }
  });
});

describe("runlet mcp", () => {
  test("leaves no process behind when its client goes", async () => {
    const mark = `mark-${crypto.randomUUID()}`;
    const client = await overStdio("v2 auto", mark);
    await client.call("run_script", { script: "return await mcp.lab.echo({})" });
    expect(processesWithMark(mark).length).toBeGreaterThan(0);
    await client.close();
    await eventually(() => processesWithMark(mark).length === 0, "its processes ended");
  });
});

function countCalls(name: string): number {
  return readEventsFile(eventsFile).filter(
    ({ event, params }) => event === "tools/call" && (params as { name: string }).name === name,
  ).length;
}

function overHttp(kind: ClientKind): Promise<DoorClient> {
  return connectHttp(kind, { url: new URL(`${service.url}/mcp`), close: () => Promise.resolve() });
}

/** Starts `runlet mcp` with the fixture server `lab`. @param mark In its and its servers' environment. */
function overStdio(kind: ClientKind, mark = ""): Promise<DoorClient> {
  const file = join(service.folder, "stdio.json");
  const lab = fixtureServer("lab", { EVENTS_FILE: eventsFile, MARK: mark });
  writeFileSync(file, JSON.stringify({ mcpServers: { lab }, log: { level: "warn" } }));
  const command = {
    ...runletCommand(["mcp", "--config", file]),
    env: { ...cliEnvironment(), MARK: mark },
    stderr: "ignore",
  } as const;
  return kind === "v1" ? connectLegacy(new LegacyStdio(command)) : connectModern(kind, new ModernStdio(command));
}
