import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import { compileConfig } from "../../src/config/compile.ts";
import type { ClientOptions } from "../../src/config/options.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createService, type Service } from "../../src/service.ts";
import { startAuthorizationServer, type AuthorizationServer } from "../support/authorization-server.ts";
import { openClient } from "../support/service-client.ts";
import { fixturePath } from "../support/upstreams.ts";

const RESOURCE = "https://runlet.example/mcp";
const { key, hash } = createClientKey();

let server: AuthorizationServer;
let service: Service | undefined;

beforeEach(async () => {
  server = await startAuthorizationServer(["agent", "other"]);
});

afterEach(async () => {
  await service?.close();
  await server.close();
});

function configured(clients: Readonly<Record<string, ClientOptions>>) {
  const { issuer } = server;
  return compileConfig({
    port: 0,
    dataDir: ":memory:",
    executors: { processes: 1 },
    mcpServers: { lab: { command: process.execPath, args: [fixturePath("lab")] } },
    auth: { resource: RESOURCE, issuers: [{ issuer }] },
    clients: { keyed: { key: hash, admin: true }, spare: { jwt: { issuer, subject: "nobody" } }, ...clients },
  });
}

async function start(
  clients: Readonly<Record<string, ClientOptions>>,
): Promise<{ readonly made: Service; readonly url: string }> {
  const made = await createService(configured(clients), { log: silentLog });
  service = made;
  return { made, url: (await made.listen()).url };
}

/** The holder of a fresh token for a client of the authorization server. */
async function holder(url: string, client = "agent") {
  const token = await server.token(client, RESOURCE, "runlet:run runlet:read");
  return openClient(url, { authorization: `Bearer ${token}` });
}

test(
  "each subject of a shared entry is a principal of its own, and sees no other's runs",
  { timeout: 60_000 },
  async () => {
    const { url } = await start({ team: { jwt: { issuer: server.issuer, principalClaim: "sub" } } });
    const [agent, other] = [await holder(url), await holder(url, "other")];
    const run = await agent.run("return 1");
    expect((await agent.get(`/runs/${run.id}`)).status).toBe(200);
    expect((await other.get(`/runs/${run.id}`)).status).toBe(404);
  },
);

test(
  "while the issuer is down, tokens signed with keys that are known stay good, as do clients with keys",
  {
    timeout: 60_000,
  },
  async () => {
    const { url } = await start({ agent: { jwt: { issuer: server.issuer, clientId: "agent" } } });
    const early = await holder(url);
    const keyed = openClient(url, { authorization: `Bearer ${key}` });
    expect((await early.get("/tools")).status).toBe(200);
    await server.close();
    expect((await early.get("/tools")).status).toBe(200);
    expect((await keyed.get("/tools")).status).toBe(200);
  },
);

test(
  "while the issuer was never reached its tokens are answered with 503 and when to come back",
  {
    timeout: 60_000,
  },
  async () => {
    const { url } = await start({ agent: { jwt: { issuer: server.issuer, clientId: "agent" } } });
    const agent = await holder(url);
    await server.close();
    const answer = await agent.get("/tools");
    expect(answer).toMatchObject({ status: 503, body: { code: "ISSUER_UNAVAILABLE", retryable: true } });
    expect(answer.headers.get("retry-after")).toBe("5");
    const keyed = openClient(url, { authorization: `Bearer ${key}` });
    expect((await keyed.get("/tools")).status).toBe(200);
  },
);

test("a client whose tokens count no more is stopped at its run's next call", { timeout: 60_000 }, async () => {
  const { made, url } = await start({ agent: { jwt: { issuer: server.issuer, clientId: "agent" } } });
  const agent = await holder(url);
  const id = await agent.queue(`
    for (let done = 0; done < 300; done++) {
      try { await mcp.lab.sleep({ ms: 10 }); } catch (error) { return { code: error.code }; }
    }
  `);
  for await (const event of agent.events(id)) {
    if (event.type === "call.settled") made.callers.replace(configured({}));
    if (event.type === "ended") expect(event.run.result).toEqual({ code: "PRINCIPAL_REVOKED" });
  }
  expect((await agent.get(`/runs/${id}`)).status).toBe(403);
});

test("an MCP client with a token runs scripts", { timeout: 60_000 }, async () => {
  const { url } = await start({ agent: { jwt: { issuer: server.issuer, clientId: "agent" } } });
  const token = await server.token("agent", RESOURCE, "runlet:run");
  const client = new Client({ name: "test", version: "1.0.0" });
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }));
  const answer = await client.callTool({
    name: "run_script",
    arguments: { script: "return await mcp.lab.echo({ a: 1 })" },
  });
  expect(answer.structuredContent).toMatchObject({ status: "succeeded", result: { a: 1 } });
  await client.close();
});
