import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CreateMessageRequestSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, describe, expect, test } from "vitest";
import { fixturePath } from "../support/upstreams.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Person {
  readonly capabilities: NonNullable<ConstructorParameters<typeof Client>[1]>["capabilities"];
  /** What the person answers a form with. */
  readonly elicit?: (message: string) => { action: "accept" | "decline" | "cancel"; content?: Record<string, string> };
}

/** `runlet mcp` over two servers that ask, of which one may use its callers' models, and a client of it. */
async function connect({ capabilities, elicit }: Person) {
  const folder = mkdtempSync(join(tmpdir(), "runlet-questions-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const asks = { command: process.execPath, args: [fixturePath("asks")] };
  const config = { dataDir: ":memory:", mcpServers: { asks, trusted: { ...asks, sampling: "forward" } } };
  writeFileSync(join(folder, "runlet.json"), JSON.stringify(config));
  const client = new Client({ name: "person", version: "1" }, { capabilities: capabilities ?? {} });
  const asked: string[] = [];
  if (elicit !== undefined)
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      asked.push(params.message);
      return elicit(params.message);
    });
  if (capabilities?.sampling !== undefined)
    client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
      asked.push(JSON.stringify(params.messages));
      return { role: "assistant", model: "mine", content: { type: "text", text: "hi" } };
    });
  const args = [MAIN, "mcp", "--config", join(folder, "runlet.json")];
  await client.connect(new StdioClientTransport({ command: process.execPath, args, stderr: "ignore" }));
  cleanups.push(() => client.close());
  const run = async (script: string): Promise<Record<string, unknown>> => {
    const answer = await client.callTool({ name: "run_script", arguments: { script } });
    return answer.structuredContent as Record<string, unknown>;
  };
  return { run, asked, client };
}

const named = (name: string) => ({ action: "accept" as const, content: { name } });

describe("a client of `runlet mcp` whose script calls a tool that asks", () => {
  test("is asked, told by which server, and its answer reaches the tool", async () => {
    const { run, asked } = await connect({ capabilities: { elicitation: {} }, elicit: () => named("Ada") });
    const { result } = await run("return await mcp.asks.elicit({ message: 'Who are you?' })");
    expect(result).toEqual({ action: "accept", content: { name: "Ada" } });
    expect(asked).toEqual(['Server "asks" asks: Who are you?']);
  });

  test("may decline, which the tool is told", async () => {
    const { run } = await connect({ capabilities: { elicitation: {} }, elicit: () => ({ action: "decline" }) });
    expect((await run("return await mcp.asks.elicit({})"))["result"]).toEqual({ action: "decline" });
  });

  test("cannot pass the tool what its form does not allow", async () => {
    const elicit = () => ({ action: "accept" as const, content: { nothing: "of that" } });
    const { run } = await connect({ capabilities: { elicitation: {} }, elicit });
    expect(await run("return await mcp.asks.elicit({})")).toMatchObject({
      status: "failed",
      error: { code: "UPSTREAM_NEEDS_INPUT", message: expect.stringContaining("must have required property 'name'") },
    });
  });

  test("lends its model only to the server that may use it", async () => {
    const { run, asked } = await connect({ capabilities: { sampling: {} } });
    expect((await run("return await mcp.trusted.sample()"))["result"]).toMatchObject({ model: "mine" });
    expect(await run("return await mcp.asks.sample()")).toMatchObject({ error: { code: "UPSTREAM_NEEDS_INPUT" } });
    expect(asked).toHaveLength(1);
  });

  test("is told what was asked when it cannot be asked", async () => {
    const { run } = await connect({ capabilities: {} });
    expect(await run("return await mcp.asks.elicit({ message: 'Who are you?' })")).toMatchObject({
      status: "failed",
      error: {
        code: "UPSTREAM_NEEDS_INPUT",
        details: { kind: "elicitation", mode: "form", question: "Who are you?" },
      },
    });
  });

  test("can catch that in its script and go on", async () => {
    const { run } = await connect({ capabilities: {} });
    const script = "try { await mcp.asks.elicit({}) } catch (error) { return [error.code, error.details.kind] }";
    expect((await run(script))["result"]).toEqual(["UPSTREAM_NEEDS_INPUT", "elicitation"]);
  });
});

test("changes of servers' tools change nothing that a client lists, so it is promised no notice of them", async () => {
  const { run, client } = await connect({ capabilities: {} });
  const before = await client.listTools();
  await run("return await mcp.asks.optional()");
  expect(client.getServerCapabilities()?.tools).toEqual({});
  expect(await client.listTools()).toEqual(before);
});
