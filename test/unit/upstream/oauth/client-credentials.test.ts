import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createLocalJWKSet, jwtVerify } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ClientCredentialsConfig } from "../../../../src/config/oauth-keys.ts";
import { silentLog } from "../../../../src/lib/log.ts";
import { ClientCredentials } from "../../../../src/upstream/oauth/client-credentials.ts";
import { startAuthorizationServer, type AuthorizationServer } from "../../../support/authorization-server.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

const RESOURCE = "https://tools.example/mcp";
const SECRET = "secret";
let authorization: AuthorizationServer;

beforeAll(async () => {
  authorization = await startAuthorizationServer(["robot"]);
});

afterAll(() => authorization.close());

function setup(change: Partial<ClientCredentialsConfig> = {}) {
  const clock = createManualClock();
  const config = {
    flow: "clientCredentials" as const,
    issuer: authorization.issuer,
    clientId: "robot",
    clientSecret: SECRET,
    scope: undefined,
    resource: RESOURCE,
  };
  const tokens = new ClientCredentials({ ...config, ...change }, { server: "tools", clock, log: silentLog });
  const before = authorization.asked.length;
  /** How often the token endpoint was asked since. */
  const fetched = (): number => authorization.asked.slice(before).filter((path) => path === "/token").length;
  return { clock, tokens, fetched };
}

describe("tokens of a real authorization server", () => {
  test("are for the resource and the scope that were asked for", async () => {
    const { tokens } = setup({ scope: "runlet:read" });
    const keys = createLocalJWKSet({ keys: [authorization.publicJwk] });
    const { payload } = await jwtVerify(await tokens.current(), keys, {
      issuer: authorization.issuer,
      audience: RESOURCE,
    });
    expect(payload).toMatchObject({ client_id: "robot", scope: "runlet:read" });
  });

  test("are got once, however many ask", async () => {
    const { tokens, fetched } = setup();
    const texts = await Promise.all(Array.from({ length: 100 }, () => tokens.current()));
    expect([new Set(texts).size, fetched()]).toEqual([1, 1]);
  });

  // The server gives a token 60 seconds.
  test("are renewed at 80 % of their life, while the old one is still given", async () => {
    const { clock, tokens, fetched } = setup();
    const first = await tokens.current();
    clock.advance(47_000);
    expect([await tokens.current(), fetched()]).toEqual([first, 1]);
    clock.advance(1_500);
    expect(await Promise.all([tokens.current(), tokens.current()])).toEqual([first, first]);
    await expect.poll(() => tokens.current()).not.toBe(first);
    expect(fetched()).toBe(2);
  });

  test("that are over are not given any more", async () => {
    const { clock, tokens, fetched } = setup();
    const first = await tokens.current();
    clock.advance(60_000);
    expect(await tokens.current()).not.toBe(first);
    expect(fetched()).toBe(2);
  });

  test("that were refused to many at once are exchanged once", async () => {
    const { tokens, fetched } = setup();
    const first = await tokens.current();
    const others = await Promise.all(Array.from({ length: 50 }, () => tokens.instead(first)));
    expect([new Set(others).size, others.includes(first), fetched()]).toEqual([1, false, 2]);
    expect([await tokens.instead(first), fetched()]).toEqual([others[0], 2]);
  });

  test("are refused with a reason, without the secret, and asked for again the next time", async () => {
    const { tokens, fetched } = setup({ clientSecret: "not-the-secret" });
    const failure = await tokens.current().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: expect.stringContaining("it answered HTTP 401 and invalid_client") as string,
      context: { hint: expect.stringContaining("mcpServers.tools.oauth") as string, details: { sent: false } },
    });
    expect(JSON.stringify(failure) + String(failure)).not.toContain("not-the-secret");
    await expect(tokens.current()).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect(fetched()).toBe(2);
  });
});

/** An authorization server that misbehaves; what it was sent is kept. */
async function oddServer(metadata: (issuer: string) => object, answer: string, status = 200) {
  const sent: { path: string; authorization: string | undefined; body: string }[] = [];
  const bodyOf = async (request: IncomingMessage): Promise<string> => {
    let text = "";
    for await (const part of request) text += String(part);
    return text;
  };
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? "";
    sent.push({ path, authorization: request.headers.authorization, body: await bodyOf(request) });
    if (path.startsWith("/.well-known")) response.end(JSON.stringify(metadata(issuer)));
    else response.writeHead(status, { location: "http://127.0.0.1:9/elsewhere" }).end(answer);
  };
  const server = createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  odd.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { issuer, sent };
}

const odd: (() => void)[] = [];
afterEach(() => {
  for (const close of odd.splice(0)) close();
});

const plain = (issuer: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  response_types_supported: ["code"],
});
const GOOD = JSON.stringify({ access_token: "a-token", token_type: "Bearer" });

describe("an authorization server that is not what it should be", () => {
  test.each([
    [
      "names another issuer",
      () => ({ ...plain("https://other.example"), token_endpoint: "https://other.example/token" }),
      GOOD,
      200,
    ],
    [
      "has its token endpoint elsewhere in the clear",
      (issuer: string) => ({ ...plain(issuer), token_endpoint: "http://198.51.100.1/token" }),
      GOOD,
      200,
    ],
    ["answers no JSON", plain, "<html>", 200],
    ["gives no token", plain, '{"token_type":"Bearer"}', 200],
    ["gives a token of another kind", plain, '{"access_token":"a","token_type":"mac"}', 200],
    ["gives a token that is no header", plain, '{"access_token":"a\\r\\nb: c","token_type":"Bearer"}', 200],
    ["sends us elsewhere", plain, "", 307],
    ["answers without end", plain, "x".repeat(100_000), 200],
  ])("and %s gives none", async (_what, metadata, answer, status) => {
    const { issuer, sent } = await oddServer(metadata, answer, status);
    const { tokens } = setup({ issuer });
    await expect(tokens.current()).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    // Nobody but the one token endpoint was shown the secret.
    expect(sent.filter(({ authorization: shown }) => shown !== undefined).map(({ path }) => path)).toEqual(
      metadata === plain ? ["/token"] : [],
    );
  });

  test("and takes secrets in the form only gets them there, and none in a header", async () => {
    const metadata = (issuer: string) => ({
      ...plain(issuer),
      token_endpoint_auth_methods_supported: ["client_secret_post"],
    });
    const { issuer, sent } = await oddServer(metadata, GOOD);
    const { tokens } = setup({ issuer });
    expect(await tokens.current()).toBe("a-token");
    const last = sent.at(-1);
    expect(last?.authorization).toBeUndefined();
    expect(new URLSearchParams(last?.body).get("client_secret")).toBe(SECRET);
  });

  test("and does not answer is given up after ten seconds", async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    odd.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const { tokens, clock } = setup({ issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const failure = expect(tokens.current()).rejects.toThrow(/it has not answered within 10000 ms/u);
    await expect.poll(() => clock.pending()).toBe(1);
    clock.advance(10_000);
    await failure;
  });
});
