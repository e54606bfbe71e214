import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientKeyHash } from "../../src/config/clients.ts";
import type { Options } from "../../src/config/options.ts";
import { connectModern } from "../support/mcp-doors.ts";
import { startModelServer } from "../support/model-server.ts";
import type { ModelServer } from "../support/model-server.ts";
import { createFolder, fixtureServer, pause, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { ServiceClient } from "../support/service-client.ts";

const KEYS = { ann: "rk_ann", bob: "rk_bob" };

function options(version = "1", more: Options = {}): Options {
  return {
    mcpServers: { answers: { ...fixtureServer("answers", { VERSION: version }), eager: true } },
    clients: { ann: { key: clientKeyHash(KEYS.ann) }, bob: { key: clientKeyHash(KEYS.bob) } },
    ...more,
  };
}

interface ToolJson {
  readonly declaration: string;
  readonly outputSchema?: unknown;
  readonly observedOutputSchema?: unknown;
}

async function toolOf(client: ServiceClient, name: string): Promise<ToolJson> {
  return (await client.get<ToolJson>(`/tools/answers/${name}`)).body;
}

/** The type of a tool's answer as a client is told. */
async function answerOf(client: ServiceClient, name: string): Promise<string> {
  const { declaration } = await toolOf(client, name);
  return declaration.slice(declaration.indexOf("): ") + 3);
}

/** Waits until a client is told something of a tool's answer: learning comes after the answer. */
async function learnedOf(client: ServiceClient, name: string): Promise<string> {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await answerOf(client, name);
    if (answer !== "Promise<unknown>") return answer;
    await pause(25);
  }
  throw new Error(`nothing was learned of ${name}`);
}

describe("a service", () => {
  let service: RunningService;
  let ann: ServiceClient;
  let bob: ServiceClient;
  let model: ModelServer;

  beforeAll(async () => {
    model = await startModelServer();
    service = await startService(options("1", { model: { baseURL: model.baseURL, model: "scripted" } }));
    ann = service.as(KEYS.ann);
    bob = service.as(KEYS.bob);
  });
  afterAll(async () => {
    await service.remove();
    await model.close();
  });

  test("learns from scripts what a tool answers, and shows it by every door", async () => {
    const value = {
      total: 2,
      rows: [
        { id: 1, title: "first", tags: [] },
        { id: 2, title: null },
      ],
    };
    const run = await ann.run("return await mcp.answers.json({ value: input })", { input: value });
    expect(run.result).toEqual(value);
    const type = "Promise<Observed<{ total: number; rows: { id: number; title: string | null; tags?: unknown[] }[] }>>";
    expect(await learnedOf(ann, "json")).toBe(type);

    const { observedOutputSchema, outputSchema } = await toolOf(ann, "json");
    expect([outputSchema, observedOutputSchema]).toEqual([
      undefined,
      {
        type: "object",
        properties: {
          total: { type: "number" },
          rows: {
            type: "array",
            items: {
              type: "object",
              properties: { id: { type: "number" }, title: { type: ["string", "null"] }, tags: { type: "array" } },
              required: ["id", "title"],
            },
          },
        },
        required: ["total", "rows"],
      },
    ]);
    const asked = await ann.run(
      `const { results } = await mcp.$search("json");
       const { signature, observedOutputSchema } = await mcp.$describe("answers.json");
       return [results[0].signature.endsWith(input), signature.endsWith(input), observedOutputSchema.required]`,
      { input: type },
    );
    expect(asked.result).toEqual([true, true, ["total", "rows"]]);
    const found = await ann.get<{ results: ToolJson[] }>("/tools/search?q=json");
    expect(found.body.results[0]?.declaration.endsWith(type)).toBe(true);
    expect((await ann.get<string>("/declarations")).body).toContain("type Observed<T> = T;");
    const wrong = await ann.run("return await mcp.answers.jso({ value: 1 })");
    expect(wrong.error?.hint).toContain(type);
  });

  test("tells a planner what earlier results looked like", async () => {
    model.enqueue({ kind: "text", text: "```js\nreturn 1\n```" }, { kind: "text", text: "```js\nreturn 2\n```" });
    expect((await ann.post("/run", { task: "Return one." })).body).toMatchObject({ result: 1 });
    expect((await bob.post("/run", { task: "Return two." })).body).toMatchObject({ result: 2 });
    const [forAnn, forBob] = model.requests.map(({ body }) => JSON.stringify(body));
    expect([forAnn?.includes("Observed<"), forBob?.includes("Observed<")]).toEqual([true, false]);
  });

  test("learns from single calls and batches too", async () => {
    await ann.post("/invoke", { server: "answers", tool: "structured", arguments: { value: { ok: true } } });
    expect(await learnedOf(ann, "structured")).toBe("Promise<Observed<{ ok: boolean }>>");
    const calls = ["a", "b"].map((value) => ({ server: "answers", tool: "text", arguments: { value } }));
    await ann.post("/batch", { calls });
    expect(await learnedOf(ann, "text")).toBe("Promise<Observed<string>>");
    await ann.post("/invoke", { server: "answers", tool: "picture", arguments: { value: "x" } });
    expect(await learnedOf(ann, "picture")).toBe("Promise<Observed<{ type: string }[]>>");
  });

  test("tells a client nothing of what another one's results looked like", async () => {
    await bob.post("/invoke", { server: "answers", tool: "text", arguments: { value: '{"salaryOfCarol":1}' } });
    expect(await learnedOf(bob, "text")).toBe("Promise<Observed<{ salaryOfCarol: number }>>");
    await ann.post("/invoke", { server: "answers", tool: "json", arguments: { value: { projectOfAnn: 1 } } });
    await learnedOf(ann, "json");

    const requestInit = { headers: { authorization: `Bearer ${KEYS.ann}` } };
    const transport = new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`), { requestInit });
    const mcp = await connectModern("v2 auto", transport);
    const script = "return [await mcp.$search(''), await mcp.$describe('answers.text'), await mcp.answers.tex]";
    const seenByAnn = JSON.stringify([
      (await ann.get("/tools")).body,
      (await ann.get("/tools/search?q=text")).body,
      (await ann.get("/declarations")).body,
      await ann.run(script),
      await ann.run("return (await mcp.answers.text({ value: 'x' })).a.b"),
      await ann.run("await mcp.answers.tex({})"),
      await mcp.call("search_tools", { query: "text" }),
    ]);
    await mcp.close();
    expect(seenByAnn).toContain("Observed<");
    expect(seenByAnn).not.toContain("salaryOfCarol");
    const seenByBob = JSON.stringify([(await bob.get("/tools")).body, (await bob.get("/declarations")).body]);
    expect(seenByBob).toContain("salaryOfCarol");
    expect(seenByBob).not.toContain("projectOfAnn");
  });

  test("learns no key that is data, and no value", async () => {
    const value = { "carol@example.com": { secretWord: "swordfish" }, "dave@example.com": { secretWord: "marlin" } };
    await bob.post("/invoke", { server: "answers", tool: "json", arguments: { value } });
    await learnedOf(bob, "json");
    const word = { type: "object", properties: { secretWord: { type: "string" } }, required: ["secretWord"] };
    expect((await toolOf(bob, "json")).observedOutputSchema).toEqual({ type: "object", additionalProperties: word });
    const told = JSON.stringify([(await bob.get("/tools")).body, (await bob.get("/declarations")).body]);
    expect(told).not.toMatch(/carol@|dave@|swordfish|marlin/u);
  });

  test("learns nothing from a failure, nor where the server declares what is answered", async () => {
    await ann.post("/invoke", { server: "answers", tool: "fail", arguments: { value: { why: "x" } } });
    await ann.post("/invoke", { server: "answers", tool: "declared", arguments: { value: { told: "x", more: 1 } } });
    await pause(100);
    expect(await answerOf(ann, "fail")).toBe("Promise<unknown>");
    expect(await answerOf(ann, "declared")).toBe("Promise<{ told?: string }>");
  });
});

test("what was learned outlives the service; a tool that changed is learned anew; learning can be switched off", async () => {
  const folder = createFolder();
  const first = await startService({ folder, ...options() });
  await first.as(KEYS.ann).run("return await mcp.answers.json({ value: { id: 1 } })");
  await first.stop();

  const second = await startService({ folder, ...options() });
  expect(await answerOf(second.as(KEYS.ann), "json")).toBe("Promise<Observed<{ id: number }>>");
  expect(await answerOf(second.as(KEYS.bob), "json")).toBe("Promise<unknown>");
  await second.stop();

  const changed = await startService({ folder, ...options("2") });
  const ann = changed.as(KEYS.ann);
  expect(await answerOf(ann, "json")).toBe("Promise<unknown>");
  await ann.run("return await mcp.answers.json({ value: ['x'] })");
  expect(await learnedOf(ann, "json")).toBe("Promise<Observed<string[]>>");
  await changed.stop();

  const off = await startService({ folder, ...options("2", { catalog: { learnTypes: false } }) });
  const offered = off.as(KEYS.ann);
  await offered.run("return await mcp.answers.text({ value: 'x' })");
  await pause(100);
  expect([await answerOf(offered, "json"), await answerOf(offered, "text")]).toEqual([
    "Promise<unknown>",
    "Promise<unknown>",
  ]);
  expect((await offered.get<string>("/declarations")).body).not.toContain("Observed");
  await off.remove();
});
