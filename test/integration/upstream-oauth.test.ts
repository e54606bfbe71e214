import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createLocalJWKSet, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { UpstreamConfig } from "../../src/config/config.ts";
import { startAuthorizationServer, type AuthorizationServer } from "../support/authorization-server.ts";
import { forwardTo } from "../support/forward.ts";
import { startModernServer, type ModernServer } from "../support/mcp-http-server.ts";
import { createBench, httpConfig, patiently, type UpstreamBench } from "../support/upstreams.ts";

let bench: UpstreamBench;
let authorization: AuthorizationServer;
let behind: ModernServer;
let guard: Guard;

/** What stands before an MCP server and takes its tokens only. */
interface Guard {
  readonly url: string;
  /** Tokens that were shown to it, in order; `undefined`: none was. */
  readonly shown: (string | undefined)[];
  /** Takes no token any more that it has seen. */
  forget(): void;
  close(): void;
}

async function startGuard(issuer: AuthorizationServer, target: string): Promise<Guard> {
  const keys = createLocalJWKSet({ keys: [issuer.publicJwk] });
  const shown: (string | undefined)[] = [];
  let refused = new Set<string>();
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const token = /^Bearer (.+)$/u.exec(incoming.headers.authorization ?? "")?.[1];
    shown.push(token);
    const good =
      token !== undefined &&
      !refused.has(token) &&
      (await jwtVerify(token, keys, { issuer: issuer.issuer, audience: url }).then(
        () => true,
        () => false,
      ));
    if (!good) {
      outgoing.writeHead(401, { "www-authenticate": 'Bearer error="invalid_token"' }).end();
      return;
    }
    forwardTo(target, incoming, outgoing);
  };
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  return {
    url,
    shown,
    forget() {
      refused = new Set(shown.filter((token) => token !== undefined));
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

beforeEach(async () => {
  bench = createBench();
  authorization = await startAuthorizationServer(["robot"]);
  behind = await startModernServer(() => [{ name: "look", inputSchema: { type: "object" } }]);
  guard = await startGuard(authorization, behind.url);
});

afterEach(async () => {
  await bench.close();
  guard.close();
  await behind.close();
  await authorization.close();
});

/** @param resource What the tokens are for; this server takes none that are for another. */
function config(clientSecret = "secret", resource = guard.url): UpstreamConfig {
  const oauth = {
    flow: "clientCredentials" as const,
    issuer: authorization.issuer,
    clientId: "robot",
    clientSecret,
    scope: undefined,
    resource,
  };
  return { ...httpConfig(guard.url), transport: { kind: "http", url: guard.url, headers: {}, oauth } };
}

const tokensGiven = (): number => authorization.asked.filter((path) => path === "/token").length;

describe("a server that takes tokens", () => {
  it("is shown one with every request, the same for all", async () => {
    const upstream = bench.upstream(config());
    await Promise.all(Array.from({ length: 10 }, () => upstream.callTool("look", {}, patiently())));
    expect(guard.shown.length).toBeGreaterThanOrEqual(11);
    expect([new Set(guard.shown).size, guard.shown.includes(undefined), tokensGiven()]).toEqual([1, false, 1]);
  });

  it("that takes the token no more under a hundred calls: no call fails, one token is got, none is made twice", async () => {
    const upstream = bench.upstream(config());
    await upstream.callTool("look", {}, patiently());
    const before = behind.metas.length;
    guard.forget();
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => upstream.callTool("look", {}, patiently(20_000))),
    );
    expect(answers.every(({ isError }) => !isError)).toBe(true);
    expect([behind.metas.length - before, tokensGiven()]).toEqual([100, 2]);
  });

  it("is shown no token that was not told before, so that it can be hidden in what it answers", async () => {
    const told: { readonly server: string; readonly token: string; readonly wasShown: boolean }[] = [];
    const onToken = (server: string, token: string): void =>
      void told.push({ server, token, wasShown: guard.shown.includes(token) });
    const upstream = bench.upstream(config(), { onToken });
    await upstream.callTool("look", {}, patiently());
    guard.forget();
    await upstream.callTool("look", {}, patiently());
    const tokens = [...new Set(told.map(({ token }) => token))];
    expect(tokens).toEqual([...new Set(guard.shown)]);
    expect(tokens).toHaveLength(2);
    for (const token of tokens)
      expect(told.find((each) => each.token === token)).toEqual({
        server: upstream.config.name,
        token,
        wasShown: false,
      });
  });

  it("fails its calls with what the authorization server says, where that gives none", async () => {
    const upstream = bench.upstream(config("wrong-secret"));
    await expect(upstream.callTool("look", {}, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: expect.stringContaining("invalid_client") as string,
    });
    expect(JSON.stringify(upstream.status())).not.toContain("wrong-secret");
    expect(upstream.status().lastFailure).toMatchObject({ stage: "auth" });
    expect(guard.shown).toEqual([]);
  });

  it("whose token is over while there is no other fails the call, and says that nothing was sent", async () => {
    const upstream = bench.upstream(config());
    await upstream.callTool("look", {}, patiently());
    const before = behind.metas.length;
    guard.forget();
    await authorization.close();
    await expect(upstream.callTool("look", {}, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: expect.stringContaining("Cannot get an access token") as string,
      context: { details: { sent: false } },
    });
    expect(behind.metas.length).toBe(before);
  });

  it("that refuses every token is asked twice for each request, not for ever", async () => {
    const upstream = bench.upstream(config("secret", "https://other.example/mcp"));
    await expect(upstream.callTool("look", {}, patiently())).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect(guard.shown.length).toBeLessThanOrEqual(4);
    expect(JSON.stringify(upstream.status())).not.toMatch(/eyJ/u);
  });
});
