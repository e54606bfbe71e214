import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import { compileConfig } from "../../src/config/compile.ts";
import type { Log } from "../../src/lib/log.ts";
import { createService, type Service } from "../../src/service.ts";
import { startAuthorizationServer, type AuthorizationServer } from "../support/authorization-server.ts";
import { openClient, type ServiceClient } from "../support/service-client.ts";
import { fixturePath } from "../support/upstreams.ts";
import { type Forge, sign, TOKEN_ATTACKS } from "./token-attacks.ts";

const RESOURCE = "https://runlet.example/mcp";
const METADATA = "https://runlet.example/.well-known/oauth-protected-resource/mcp";
const EVERY = "runlet:run runlet:invoke runlet:read runlet:admin";
const [ada, bob] = [createClientKey(), createClientKey()];

let server: AuthorizationServer;
let service: Service;
let url: string;
let forge: Forge;
let trap: Server;
let tapped: { readonly server: Server; readonly headers: string[] };
const trapped: string[] = [];
const logged: string[] = [];
const note = (fields: object, text: string): void =>
  void logged.push(
    JSON.stringify({ ...fields, text, stack: "err" in fields && fields.err instanceof Error ? fields.err.stack : "" }),
  );
const log: Log = { debug: note, info: note, warn: note, error: note };

async function onLoopback(made: Server): Promise<string> {
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  server = await startAuthorizationServer(["agent", "boss", "stranger"]);
  trap = createServer((request, response) => void (trapped.push(request.url ?? ""), response.end("{}")));
  const trapUrl = await onLoopback(trap);
  const headers: string[] = [];
  tapped = {
    headers,
    server: createServer((request, response) => {
      headers.push(JSON.stringify(request.rawHeaders));
      response.writeHead(400).end();
    }),
  };
  const tapUrl = await onLoopback(tapped.server);
  const { issuer } = server;
  const config = compileConfig({
    port: 0,
    dataDir: ":memory:",
    executors: { processes: 1 },
    mcpServers: {
      lab: { command: process.execPath, args: [fixturePath("lab")] },
      tapped: { url: tapUrl },
    },
    auth: { resource: RESOURCE, issuers: [{ issuer }] },
    clients: {
      ada: { key: ada.hash },
      bob: { key: bob.hash },
      agent: { jwt: { issuer, clientId: "agent" }, servers: ["lab", "tapped"] },
      boss: { jwt: { issuer, clientId: "boss" }, admin: true },
    },
  });
  service = await createService(config, { log });
  ({ url } = await service.listen());
  const { privateKey: foreign } = await generateKeyPair("RS256");
  const valid = await server.token("agent", RESOURCE, EVERY);
  forge = { server, resource: RESOURCE, foreign, valid, trap: trapUrl, nowSeconds: Math.floor(Date.now() / 1_000) };
}, 60_000);

afterAll(async () => {
  await service.close();
  await server.close();
  for (const made of [trap, tapped.server]) {
    made.closeAllConnections();
    await new Promise((resolve) => made.close(resolve));
  }
});

const bearer = (token: string): ServiceClient => openClient(url, { authorization: `Bearer ${token}` });
const ping = { jsonrpc: "2.0", id: 1, method: "tools/list" };
const toMcp = { headers: { accept: "application/json, text/event-stream" } };
const runScript = {
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "run_script", arguments: { script: "return 1" } },
};

/** Sends bytes as they are; the answer's first line and headers. */
async function exchange(...headers: string[]): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const closed = new Promise((resolve) => socket.once("close", resolve).on("error", resolve));
  socket.write(
    [`GET /tools HTTP/1.1`, `Host: ${new URL(url).host}`, "Connection: close", ...headers, "", ""].join("\r\n"),
  );
  await closed;
  return text.split("\r\n", 1)[0] ?? "";
}

describe("a token of the authorization server itself", () => {
  test("runs scripts, calls tools and speaks MCP", async () => {
    const agent = bearer(forge.valid);
    const run = await agent.run("return await mcp.lab.echo({ a: 1 })");
    expect(run).toMatchObject({ status: "succeeded", result: { a: 1 } });
    const invoked = await agent.post("/invoke", { server: "lab", tool: "echo", arguments: { b: 2 } });
    expect(invoked).toMatchObject({ status: 200, body: { result: { b: 2 } } });
    expect((await agent.post("/mcp", runScript, toMcp)).status).toBe(200);
  });

  test.each([
    ["runlet:read", { "/tools": 200, "/run": 403, "/invoke": 403, mcp: 200, runScript: 403 }, "runlet:run"],
    ["runlet:run", { "/tools": 200, "/run": 200, "/invoke": 403, mcp: 200, runScript: 200 }, "runlet:invoke"],
    ["runlet:invoke", { "/tools": 200, "/run": 403, "/invoke": 200, mcp: 200, runScript: 403 }, "runlet:run"],
    ["", { "/tools": 403, "/run": 403, "/invoke": 403, mcp: 403, runScript: 403 }, "runlet:run"],
  ])("with the scope %j may do that and no more", async (scope, expected, missing) => {
    const agent = bearer(await server.token("agent", RESOURCE, scope));
    const answers = {
      "/tools": await agent.get("/tools"),
      "/run": await agent.post("/run", { script: "return 1" }),
      "/invoke": await agent.post("/invoke", { server: "lab", tool: "echo", arguments: {} }),
      mcp: await agent.post("/mcp", ping, toMcp),
      runScript: await agent.post("/mcp", runScript, toMcp),
    };
    expect(Object.fromEntries(Object.entries(answers).map(([key, { status }]) => [key, status]))).toEqual(expected);
    const refused = missing === "runlet:invoke" ? answers["/invoke"] : answers.runScript;
    const wanted = scope === "" ? "runlet:read" : missing;
    expect((scope === "" ? answers["/tools"] : refused).headers.get("www-authenticate")).toBe(
      `Bearer realm="runlet", error="insufficient_scope", scope="${wanted}", resource_metadata="${METADATA}"`,
    );
  });

  test("makes nobody an administrator whose client is none, and an administrator only with the scope", async () => {
    const restart = async (client: string, scope: string) =>
      (await bearer(await server.token(client, RESOURCE, scope)).post("/servers/lab/restart", undefined)).status;
    expect(await restart("agent", EVERY)).toBe(403);
    expect(await restart("boss", "runlet:run runlet:read")).toBe(403);
    expect(await restart("boss", "runlet:admin")).toBe(200);
  });

  test("that is no client's is refused, and no other token would help", async () => {
    const answer = await bearer(await server.token("stranger", RESOURCE, EVERY)).get("/tools");
    expect(answer).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
    expect(answer.headers.has("www-authenticate")).toBe(false);
  });

  test("for another resource is refused", async () => {
    const answer = await bearer(await server.token("agent", "https://other.example/mcp", EVERY)).get("/tools");
    expect(answer).toMatchObject({ status: 401, body: { detail: expect.stringContaining(`must be for ${RESOURCE}`) } });
  });
});

describe("a forged token", () => {
  test("would be taken if nothing were wrong with it", async () => {
    expect((await bearer(await sign(forge)).get("/tools")).status).toBe(200);
  });

  test.each(TOKEN_ATTACKS.map((attack) => [attack.name, attack] as const))("is refused: %s", async (_, attack) => {
    const token = await attack.forge(forge);
    for (const answer of [await bearer(token).get("/tools"), await bearer(token).post("/mcp", ping, toMcp)]) {
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe(
        `Bearer realm="runlet", error="invalid_token", resource_metadata="${METADATA}"`,
      );
      expect(JSON.stringify(answer.body)).not.toContain(token);
    }
  });

  test("makes us ask nobody but the issuer, for its metadata and its keys, and not for each one", () => {
    expect(trapped).toEqual([]);
    const ours = server.asked.filter((path) => path !== "/token");
    expect(new Set(ours)).toEqual(new Set(["/.well-known/oauth-authorization-server", "/jwks"]));
    expect(ours.length).toBeLessThan(TOKEN_ATTACKS.length / 2);
  });
});

describe("a credential in the wrong place or form", () => {
  const refusals: readonly (readonly [string, () => readonly string[], number])[] = [
    ["no scheme", () => [`Authorization: ${forge.valid}`], 401],
    ["another scheme", () => [`Authorization: Basic ${btoa(`ada:${ada.key}`)}`], 401],
    ["a scheme that begins alike", () => [`Authorization: Bearerx ${ada.key}`], 401],
    ["two tokens in one header", () => [`Authorization: Bearer ${ada.key}, Bearer ${bob.key}`], 401],
    ["a space in the key", () => [`Authorization: Bearer ${ada.key.slice(0, 9)} ${ada.key.slice(9)}`], 401],
    ["a word behind the key", () => [`Authorization: Bearer ${ada.key} x`], 401],
    ["a key with its letters changed in size", () => [`Authorization: Bearer ${ada.key.toUpperCase()}`], 401],
    ["the hash of a key", () => [`Authorization: Bearer ${ada.hash}`], 401],
    ["another client's name and a wrong key", () => ["X-Client-ID: ada", "Authorization: Bearer rk_wrong"], 401],
    ["a client's name alone", () => ["X-Client-ID: ada"], 401],
    ["a header of 16 KiB and more", () => [`Authorization: Bearer ${"x".repeat(20_000)}`], 431],
    ["the scheme in small letters", () => [`Authorization: bearer ${ada.key}`], 200],
    ["two spaces behind the scheme", () => [`Authorization: Bearer  ${forge.valid}`], 200],
  ];

  test.each(refusals)("%s: answered with the status of its row", async (_, headers, status) => {
    expect(await exchange(...headers())).toContain(` ${status} `);
  });

  test("two Authorization headers are not joined into a way in, and neither makes one the other", async () => {
    const both = await exchange(`Authorization: Bearer rk_wrong`, `Authorization: Bearer ${ada.key}`);
    expect(both).toContain(" 401 ");
  });

  test.each(["/tools", "/run", "/mcp"])(
    "a token in the address of %s is refused, beside a good header too",
    async (path) => {
      for (const key of [forge.valid, ada.key]) {
        const method = path === "/tools" ? "GET" : "POST";
        const body = method === "GET" ? undefined : ping;
        const alone = await openClient(url).send(method, `${path}?access_token=${key}`, body);
        const beside = await bearer(ada.key).send(method, `${path}?access_token=${key}`, body);
        expect([alone.status, beside.status]).toEqual([400, 400]);
      }
    },
  );

  test("the key of another client is that client's, whoever's name is beside it", async () => {
    const { body } = await bearer(bob.key).post<{ id: string }>(
      "/run",
      { script: "return 1" },
      { headers: { "x-client-id": "ada" } },
    );
    expect((await bearer(ada.key).get(`/runs/${body.id}`)).status).toBe(404);
    expect((await bearer(bob.key).get(`/runs/${body.id}`)).status).toBe(200);
  });

  test("no foreign Host or Origin comes in, with a good credential either, on any door", async () => {
    for (const path of ["/mcp", "/run", "/invoke", "/runs/x/events", "/.well-known/oauth-protected-resource"]) {
      for (const header of ["host", "origin"]) {
        const method = /events|well-known/u.test(path) ? "GET" : "POST";
        const answer = await rebound(
          method,
          path,
          header === "host" ? { host: "evil.example" } : { origin: "https://evil.example" },
        );
        expect([path, header, answer]).toEqual([path, header, 403]);
      }
    }
  });
});

/** As a page of a foreign site would, whose name was bound to our address. */
function rebound(method: string, path: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const lines = Object.entries({ host: new URL(url).host, authorization: `Bearer ${ada.key}`, ...headers });
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const text = [
    `${method} ${path} HTTP/1.1`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
    "content-length: 0",
    "connection: close",
    "",
    "",
  ];
  socket.write(text.join("\r\n"));
  return new Promise((resolve, reject) => {
    socket.setEncoding("utf8").once("data", (chunk: string) => resolve(Number(chunk.split(" ")[1])));
    socket.once("error", reject).once("end", () => socket.destroy());
  });
}

test("whose tokens are taken is told without a token, and every 401 tells where", async () => {
  const open = openClient(url);
  for (const path of ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]) {
    expect(await open.get(path)).toMatchObject({
      status: 200,
      body: {
        resource: RESOURCE,
        authorization_servers: [server.issuer],
        scopes_supported: EVERY.split(" "),
        bearer_methods_supported: ["header"],
      },
    });
  }
  for (const answer of [await open.post("/mcp", ping, toMcp), await open.get("/tools")]) {
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe(`Bearer realm="runlet", resource_metadata="${METADATA}"`);
  }
});

test("no credential travels upstream, and none is logged", async () => {
  for (const key of [forge.valid, ada.key]) {
    const script = "try { await mcp.tapped.anything({}) } catch (error) { return error.code }";
    await bearer(key).run(script);
    await bearer(key).post("/invoke", { server: "tapped", tool: "anything", arguments: {} });
  }
  expect(tapped.headers.length).toBeGreaterThan(0);
  for (const secret of [forge.valid, forge.valid.split(".")[2] ?? "", ada.key, bob.key]) {
    expect(tapped.headers.filter((text) => text.includes(secret))).toEqual([]);
    expect(logged.filter((text) => text.includes(secret))).toEqual([]);
  }
});
