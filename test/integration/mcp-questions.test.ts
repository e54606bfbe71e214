import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { clientKeyHash } from "../../src/config/clients.ts";
import { connectAsked } from "../support/asked-client.ts";
import type { Door, Person } from "../support/asked-client.ts";
import type { ClientKind } from "../support/mcp-doors.ts";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const KEYS = { ann: "rk_ann", bob: "rk_bob" };
const asks = fixtureServer("asks");
const mcpServers = {
  asks,
  trusted: { ...asks, sampling: "forward" as const },
  each: { ...asks, sharing: "perRun" as const },
  reports: fixtureServer("reports"),
};
const cleanups: (() => Promise<void>)[] = [];
let service: RunningService;
let stdio: Door;
let http: { readonly url: URL; readonly authorization: string };

beforeAll(async () => {
  const access = { servers: ["*"], classes: ["read", "write", "destructive"] as const };
  const clients = {
    ann: { key: clientKeyHash(KEYS.ann), ...access },
    bob: { key: clientKeyHash(KEYS.bob), ...access },
  };
  service = await startService({ mcpServers, clients, timeout: "20s" });
  http = { url: new URL(`${service.url}/mcp`), authorization: `Bearer ${KEYS.ann}` };
  const file = join(service.folder, "stdio.json");
  writeFileSync(file, JSON.stringify({ dataDir: ":memory:", mcpServers }));
  stdio = { command: process.execPath, args: [MAIN, "mcp", "--config", file] };
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

afterAll(() => service.remove());

async function connect(kind: ClientKind, door: "HTTP" | "stdio", person: Person) {
  const client = await connectAsked(kind, door === "HTTP" ? http : stdio, person);
  cleanups.push(() => client.close());
  return client;
}

const named = (name: string) => ({ action: "accept" as const, content: { name } });

describe.each([
  ["v1", "HTTP"],
  ["v2 legacy", "HTTP"],
  ["v2 auto", "HTTP"],
  ["v1", "stdio"],
  ["v2 auto", "stdio"],
] as const)("a %s client over %s whose script calls a tool that asks", (kind, door) => {
  test("is asked, told by which server, and its answer reaches the tool", async () => {
    const { run, asked } = await connect(kind, door, { elicit: () => named("Ada") });
    const { result } = await run("return await mcp.asks.elicit({ message: 'Who are you?' })");
    expect(result).toEqual({ action: "accept", content: { name: "Ada" } });
    expect(asked).toEqual(['Server "asks" asks: Who are you?']);
  });

  test("is asked as often as tools ask, and goes on with the same run", async () => {
    const { run, asked } = await connect(kind, door, { elicit: (message) => named(message.slice(-1)) });
    const script =
      "const names = []; for (const message of ['a', 'b', 'c']) names.push((await mcp.asks.elicit({ message })).content.name); return names";
    expect(await run(script)).toMatchObject({ status: "succeeded", result: ["a", "b", "c"], toolCalls: 3 });
    expect(asked).toHaveLength(3);
  });

  test("may take longer to answer than its run may take", async () => {
    const elicit = () => new Promise<ReturnType<typeof named>>((resolve) => setTimeout(resolve, 2_500, named("Ada")));
    const { run } = await connect(kind, door, { elicit });
    const script = "return (await mcp.asks.elicit({})).content.name";
    expect(await run(script, { limits: { wallMs: 2_000 } })).toMatchObject({ status: "succeeded", result: "Ada" });
  });

  test("may decline, which the tool is told", async () => {
    const { run } = await connect(kind, door, { elicit: () => ({ action: "decline" }) });
    expect((await run("return await mcp.asks.elicit({})"))["result"]).toEqual({ action: "decline" });
  });

  test("cannot pass the tool what its form does not allow", async () => {
    const elicit = () => ({ action: "accept" as const, content: { nothing: "of that" } });
    const { run } = await connect(kind, door, { elicit });
    expect(await run("return await mcp.asks.elicit({})")).toMatchObject({
      status: "failed",
      error: { code: "UPSTREAM_NEEDS_INPUT", message: expect.stringContaining("must have required property 'name'") },
    });
  });

  test("lends its model only to the server that may use it", async () => {
    const { run, asked } = await connect(kind, door, { samples: true });
    expect((await run("return await mcp.trusted.sample()"))["result"]).toMatchObject({ model: "mine" });
    expect(await run("return await mcp.asks.sample()")).toMatchObject({ error: { code: "UPSTREAM_NEEDS_INPUT" } });
    expect(asked).toHaveLength(1);
  });

  test("is told what was asked when it cannot be asked, which its script can catch", async () => {
    const { run } = await connect(kind, door, {});
    expect(await run("return await mcp.asks.elicit({ message: 'Who are you?' })")).toMatchObject({
      status: "failed",
      error: {
        code: "UPSTREAM_NEEDS_INPUT",
        details: { kind: "elicitation", mode: "form", question: "Who are you?" },
      },
    });
    const script = "try { await mcp.asks.elicit({}) } catch (error) { return [error.code, error.details.kind] }";
    expect((await run(script))["result"]).toEqual(["UPSTREAM_NEEDS_INPUT", "elicitation"]);
  });

  test("sees what a server reports of a call, beside the calls that settle", async () => {
    const { run } = await connect(kind, door, {});
    const seen: string[] = [];
    await run("return await mcp.reports.report({ steps: 3, ms: 150 })", { onProgress: (text) => void seen.push(text) });
    // On a busy machine reports come together, and are then told as one.
    expect(seen[0]).toBe("reports.report: 1 of 3, step 1");
    const steps = [1, 2, 3].map((step) => `reports.report: ${step} of 3, step ${step}`);
    const told = seen.filter((text) => !text.includes("ok"));
    expect(told).toEqual(steps.filter((step) => told.includes(step)));
  });
});

test("clients whose runs ask at once, each of a server of its own, are each asked their own questions only", async () => {
  const people = (["v1", "v2 auto", "v2 legacy"] as const).map((kind) => ({ kind, name: `name of ${kind}` }));
  const answers = await Promise.all(
    people.map(async ({ kind, name }) => {
      const { run, asked } = await connect(kind, "HTTP", { elicit: () => named(name) });
      const script = `const all = []; for (let i = 0; i < 4; i++) all.push((await mcp.each.elicit({ message: ${JSON.stringify(name)} })).content.name); return all`;
      return { answer: await run(script), asked };
    }),
  );
  for (const [index, { name }] of people.entries()) {
    expect(answers[index]?.answer["result"]).toEqual(Array.from({ length: 4 }, () => name));
    expect(new Set(answers[index]?.asked)).toEqual(new Set([`Server "each" asks: ${name}`]));
  }
});

test.each(["v1", "v2 legacy"] as const)("a %s client that leaves while it is asked ends its run", async (kind) => {
  const { promise: isAsked, resolve } = Promise.withResolvers<void>();
  const elicit = (): Promise<never> => {
    resolve();
    return new Promise(() => undefined);
  };
  const client = await connect(kind, "HTTP", { elicit });
  const call = client.run("return await mcp.asks.elicit({ message: 'Still there?' })");
  const ended = expect(call).rejects.toThrow();
  await isAsked;
  await client.close();
  await ended;
  const runs = async () => {
    const { body } = await service.as(KEYS.ann).get<{ runs: { status: string }[] }>("/runs?limit=1");
    return body.runs[0]?.status;
  };
  await expect.poll(runs, { timeout: 10_000 }).toBe("cancelled");
});

describe("a request that brings answers", () => {
  const VERSION = "2026-07-28";
  let nextId = 1;

  /** One call of `run_script` of the new era, without a client that goes on by itself. */
  async function call(key: string, more: object): Promise<Record<string, unknown>> {
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": VERSION,
      "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
      "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
    };
    const script = "return await mcp.asks.elicit({ message: 'Who?' })";
    const params = { name: "run_script", arguments: { script }, _meta, ...more };
    const response = await fetch(`${service.url}/mcp`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${key}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": VERSION,
        "mcp-method": "tools/call",
        "mcp-name": "run_script",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: nextId++, method: "tools/call", params }),
    });
    const text = await response.text();
    const data =
      text
        .split("\n")
        .findLast((line) => line.startsWith("data:"))
        ?.slice(5) ?? text;
    return (JSON.parse(data) as { result: Record<string, unknown> }).result;
  }

  /** A run that waits for an answer, and how its question is named. */
  async function asked() {
    const answer = await call(KEYS.ann, {});
    expect(answer).toMatchObject({
      resultType: "input_required",
      inputRequests: { q1: { method: "elicitation/create", params: { message: 'Server "asks" asks: Who?' } } },
    });
    return { requestState: answer["requestState"] as string };
  }

  const brought = { inputResponses: { q1: named("Ada") } };
  const refused = { isError: true, structuredContent: { error: { code: "REQUEST_INVALID" } } };

  test("goes on with the run of its caller, once", async () => {
    const state = await asked();
    expect(await call(KEYS.ann, { ...state, ...brought })).toMatchObject({
      structuredContent: { result: { action: "accept", content: { name: "Ada" } }, toolCalls: 1 },
    });
    expect(await call(KEYS.ann, { ...state, ...brought })).toMatchObject(refused);
  });

  test("of another caller is refused, and the run still waits for its own", async () => {
    const state = await asked();
    expect(await call(KEYS.bob, { ...state, ...brought })).toMatchObject(refused);
    expect(await call(KEYS.ann, { ...state, ...brought })).toMatchObject({
      structuredContent: { status: "succeeded" },
    });
  });

  test("but not that of what is asked is asked again", async () => {
    const state = await asked();
    const again = await call(KEYS.ann, { ...state, inputResponses: { other: named("Eve") } });
    expect(again).toMatchObject({ resultType: "input_required", inputRequests: { q1: {} } });
    const { requestState } = again;
    expect(await call(KEYS.ann, { requestState, ...brought })).toMatchObject({
      structuredContent: { status: "succeeded" },
    });
  });

  test("with a state that nobody was given is refused with what to do", async () => {
    const answer = await call(KEYS.ann, { requestState: "made up", ...brought });
    expect(answer).toMatchObject(refused);
    expect(JSON.stringify(answer)).toContain("Call run_script anew");
  });
});

test("changes of servers' tools change nothing that a client lists, so it is promised no notice of them", async () => {
  const client = await connectAsked("v1", stdio, {});
  cleanups.push(() => client.close());
  const before = await client.tools();
  await client.run("return await mcp.asks.optional()");
  expect(await client.tools()).toEqual(before);
  expect(client.declares()?.["tools"]).toEqual({});
});
