import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import { connectModern } from "../support/mcp-doors.ts";
import type { CallAnswer, DoorClient } from "../support/mcp-doors.ts";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { Problem, ServiceClient } from "../support/service-client.ts";

const key = createClientKey();
let service: RunningService;
let ann: ServiceClient;
let mcp: DoorClient;

beforeAll(async () => {
  service = await startService({
    mcpServers: {
      lab: { ...fixtureServer("lab"), tools: { deny: ["crash"] } },
      answers: fixtureServer("answers"),
      private: fixtureServer("desk"),
    },
    clients: {
      ann: {
        key: key.hash,
        servers: ["lab", "answers"],
        tools: { lab: ["echo", "s*", "n*", "fail", "big", "*Reply", "crash"] },
      },
    },
  });
  ann = service.as(key.key);
  await ann.run("await mcp.lab.echo({}); await mcp.answers.text('started')");
  const requestInit = { headers: { authorization: `Bearer ${key.key}` } };
  mcp = await connectModern(
    "v2 auto",
    new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`), { requestInit }),
  );
});

afterAll(async () => {
  await mcp.close();
  await service.remove();
});

interface Query {
  readonly query: string;
  readonly limit?: number;
  readonly offset?: number;
  readonly server?: string;
}

/** What a search found: how many there are, and the signatures of a page, without what was learned meanwhile. */
interface Page {
  readonly total: number;
  readonly signatures: readonly string[];
}

async function overHttp({ query, ...more }: Query): Promise<Page> {
  const parameters = Object.entries(more).map(([name, value]) => `&${name}=${value}`);
  const { body } = await ann.get<{
    readonly total: number;
    readonly results: readonly { readonly declaration: string }[];
  }>(`/tools/search?q=${encodeURIComponent(query)}${parameters.join("")}`);
  return { total: body.total, signatures: body.results.map(({ declaration }) => declaration) };
}

async function overMcp(query: Query): Promise<Page & { readonly text: string }> {
  const { content, structuredContent } = await mcp.call("search_tools", { ...query });
  const { total, tools } = structuredContent as {
    readonly total: number;
    readonly tools: readonly { readonly signature: string }[];
  };
  return { total, signatures: tools.map(({ signature }) => signature), text: String(content[0]?.["text"]) };
}

async function inScript({ query, ...more }: Query): Promise<Page> {
  const { result } = await ann.run(
    "const { total, results } = await mcp.$search(input.query, input.more); return { total, signatures: results.map((one) => one.signature) }",
    { input: { query, more } },
  );
  return result as unknown as Page;
}

const DOORS = [
  ["HTTP", overHttp],
  ["MCP", overMcp],
  ["a script", inScript],
] as const;

describe.each(DOORS)("a search by %s", (_, search) => {
  test("without words lists every tool that the caller may use, and no other", async () => {
    const { total, signatures } = await search({ query: "", limit: 50 });
    const names = signatures.map((signature) => /^mcp\.(?<name>[\w.]+)\(/u.exec(signature)?.groups?.["name"]);
    expect(names).toEqual([
      ...["structured", "json", "text", "picture", "fail", "declared"].map((name) => `answers.${name}`),
      ...["echo", "sleep", "never", "fail", "big", "protoReply"].map((name) => `lab.${name}`),
    ]);
    expect(total).toBe(12);
  });

  test("never finds a tool that is hidden", async () => {
    for (const query of ["crash", "write", "get weather", "private", "revoke"]) {
      const { signatures } = await search({ query, limit: 50 });
      expect(signatures.filter((signature) => /crash|write|private|weather|revoke/iu.test(signature))).toEqual([]);
    }
  });

  test("comes in pages that together are the whole", async () => {
    const whole = await search({ query: "fixture value", limit: 50 });
    const pages = [];
    for (let offset = 0; offset < whole.total; offset += 3)
      pages.push(await search({ query: "fixture value", limit: 3, offset }));
    expect(pages.flatMap(({ signatures }) => signatures)).toEqual(whole.signatures);
    expect(pages.map(({ total }) => total)).toEqual(pages.map(() => whole.total));
    expect(whole.total).toBeGreaterThan(6);
  });

  test("gives signatures that are complete, so that nothing has to be looked up before a call", async () => {
    const [signature] = (await search({ query: "sleep", limit: 1 })).signatures;
    expect(signature).toMatch(/^mcp\.lab\.sleep\(args: \{ ms: number \}\): Promise<.+>$/u);
    const { body } = await ann.get<{ readonly declaration: string }>("/tools/lab/sleep");
    expect(signature).toBe(body.declaration);
  });
});

test("a tool that is hidden is not suggested for a name that is nearly its own, nor told from one that is not there", async () => {
  for (const [call, hidden] of [
    ["lab.writee", "write"],
    ["lab.crush", "crash"],
    ["private.revok", "revoke"],
    ["privat.meet", "private"],
  ] as const) {
    for (const check of ["names", "none"]) {
      const { error } = await ann.run(`await mcp.${call}()`, { check });
      expect(error?.code).toBe("TOOL_NOT_FOUND");
      const told = JSON.stringify(error)
        .replaceAll(call, "")
        .replaceAll(call.split(".")[1] ?? "", "");
      expect(told).not.toContain(hidden);
    }
  }
  const [there, nowhere] = await Promise.all(
    ["crash", "qzqzqz"].map((tool) => ann.run(`const tool = "${tool}"; await mcp.lab[tool]()`)),
  );
  expect(there?.error?.message.replaceAll("crash", "qzqzqz")).toBe(nowhere?.error?.message);
});

test("over MCP a page says how many there are and how to go on", async () => {
  const { text } = await overMcp({ query: "", limit: 2 });
  expect(text).toMatch(/^2 of 12 tools.*offset 2/u);
});

describe("a search of a server that is not there is answered with those that are", () => {
  test("over HTTP", async () => {
    expect(await ann.get<Problem>("/tools/search?q=echo&server=lap")).toMatchObject({
      status: 404,
      body: { code: "NOT_FOUND", hint: expect.stringContaining("lab") },
    });
  });

  test("over MCP", async () => {
    const answer: CallAnswer = await mcp.call("search_tools", { query: "echo", server: "lap" });
    expect(answer).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "NOT_FOUND", hint: expect.stringContaining("lab") } },
    });
  });

  test("in a script, and one that is hidden is answered in the same words", async () => {
    const failures = await ann.run(
      "const told = []; for (const server of input) try { await mcp.$search('echo', { server }) } catch (error) { told.push([error.code, error.hint, error.message]) } return told",
      { input: ["lap", "private"] },
    );
    const [unknown, hidden] = failures.result as unknown as readonly (readonly string[])[];
    expect(unknown?.slice(0, 2)).toEqual(["TOOL_ARGUMENTS_INVALID", expect.stringContaining("lab")]);
    expect(hidden?.[2]?.replace("private", "lap").replace(hidden[1] ?? "", "")).toBe(
      unknown?.[2]?.replace(unknown[1] ?? "", ""),
    );
  });
});
