import { readFileSync, statSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { AuthorizationCodeConfig } from "../../src/config/oauth-keys.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createGrantStore } from "../../src/upstream/oauth/grant-store.ts";
import type { LoginPage } from "../../src/upstream/oauth/login.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { browse, type GuardOptions, type LoginServerOptions } from "../support/login-server.ts";
import { createLoginSetting, type LoginSetting } from "../support/login-setting.ts";
import { patiently } from "../support/upstreams.ts";

const open: LoginSetting[] = [];
afterEach(async () => {
  for (const setting of open.splice(0)) await setting.close();
});

async function setting(options?: LoginServerOptions, guarding?: GuardOptions): Promise<LoginSetting> {
  const created = await createLoginSetting(options, guarding);
  open.push(created);
  return created;
}

const look = (upstream: Upstream) => upstream.callTool("look", {}, patiently());
/** Lets somebody log in, and goes back to where the login began with what `change` makes of the answer. */
const comeBack = (change: (answer: URL) => void) => async (page: LoginPage) => {
  const { url } = await browse(page.address, ({ pathname }) => pathname === "/callback");
  change(url);
  return fetch(url);
};

const DOCUMENT = "https://client.example/runlet.json";
const OF_DOCUMENT = {
  client_id: DOCUMENT,
  client_name: "Runlet",
  redirect_uris: ["http://127.0.0.1/callback"],
  application_type: "native",
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  token_endpoint_auth_method: "none",
};

describe("a login", () => {
  interface Way {
    readonly way: string;
    readonly options: LoginServerOptions;
    readonly oauth?: Partial<AuthorizationCodeConfig>;
    readonly registered: number;
    readonly clientId: string;
  }
  it.each<Way>([
    { way: "with a client that registers now", options: {}, registered: 1, clientId: "" },
    {
      way: "with the client that is configured",
      options: { clients: { desk: undefined } },
      oauth: { clientId: "desk", clientMetadataUrl: DOCUMENT },
      registered: 0,
      clientId: "desk",
    },
    {
      way: "with the document that says who we are",
      options: { document: { url: DOCUMENT, content: OF_DOCUMENT } },
      oauth: { clientMetadataUrl: DOCUMENT },
      registered: 0,
      clientId: DOCUMENT,
    },
    {
      way: "with a client that registers, as the server reads no documents",
      options: {},
      oauth: { clientMetadataUrl: DOCUMENT },
      registered: 1,
      clientId: "",
    },
  ])("$way lets calls through, and renews its tokens", async ({ options, oauth, registered, clientId }) => {
    const { logIn, upstream, guard, authorization } = await setting(options);
    const grant = await logIn(oauth);
    if (clientId !== "") expect(grant.clientId).toBe(clientId);
    const server = upstream(oauth);
    expect((await look(server)).isError).toBe(false);
    guard.forget();
    expect((await look(server)).isError).toBe(false);
    expect(authorization.asked.filter((path) => path === "/reg")).toHaveLength(registered);
    expect(authorization.exchanges()).toBe(2);
  });

  it("with the secret of a client shows it to the configured issuer", async () => {
    const { logIn, upstream, authorization, grants } = await setting({ clients: { desk: "the secret: of&desk" } });
    const oauth = { clientId: "desk", clientSecret: "the secret: of&desk", issuer: authorization.issuer };
    await logIn(oauth);
    expect((await look(upstream(oauth))).isError).toBe(false);
    expect(JSON.stringify(grants.list())).not.toContain("the secret");
  });

  it("asks for a token for this server alone, and for what the server says that it needs", async () => {
    const { logIn, guard, authorization } = await setting();
    const pages: LoginPage[] = [];
    await logIn(undefined, (page) => {
      pages.push(page);
      return browse(page.address);
    });
    const [page] = pages;
    expect(page).toMatchObject({ issuer: authorization.issuer, resource: guard.url });
    const { searchParams } = new URL(page?.address ?? "");
    expect(Object.fromEntries(searchParams)).toMatchObject({
      resource: guard.url,
      scope: "tools:use offline_access",
      code_challenge_method: "S256",
      response_type: "code",
      redirect_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/callback$/u) as string,
    });
    expect(searchParams.get("state")).toHaveLength(43);
  });

  it("finds the metadata of a server that does not say where it is", async () => {
    const { logIn, upstream } = await setting({}, { challenges: false });
    await logIn();
    expect((await look(upstream({}))).isError).toBe(false);
  });

  it("goes to the configured issuer where the server publishes nothing", async () => {
    const { logIn, upstream, authorization, guard } = await setting(
      {},
      { challenges: false, metadata: () => undefined },
    );
    const oauth = { issuer: authorization.issuer, scope: "tools:use" };
    expect(await logIn(oauth)).toMatchObject({ resource: guard.url });
    expect((await look(upstream(oauth))).isError).toBe(false);
  });

  it("is kept in a file of its own that only its owner reads, and that shows nothing", async () => {
    const { logIn, place } = await setting();
    const { accessToken, refreshToken, clientId } = await logIn();
    expect(statSync(place.file).mode & 0o777).toBe(0o600);
    const kept = readFileSync(place.file, "utf8");
    for (const text of [accessToken, refreshToken, clientId]) expect(kept.includes(text ?? "none")).toBe(false);
  });

  it.each<{ readonly what: string; readonly visit: (page: LoginPage) => unknown; readonly why: string }>([
    {
      what: "another state",
      visit: comeBack(({ searchParams }) => searchParams.set("state", "x".repeat(43))),
      why: "another login",
    },
    { what: "no state", visit: comeBack(({ searchParams }) => searchParams.delete("state")), why: "another login" },
    {
      what: "two states",
      visit: comeBack(({ searchParams }) => searchParams.append("state", "second")),
      why: "another login",
    },
    {
      what: "another issuer",
      visit: comeBack(({ searchParams }) => searchParams.set("iss", "https://other.example")),
      why: "that is not of",
    },
    { what: "no issuer", visit: comeBack(({ searchParams }) => searchParams.delete("iss")), why: "that is not of" },
    { what: "no code", visit: comeBack(({ searchParams }) => searchParams.delete("code")), why: "without a code" },
    {
      what: "a refusal",
      visit: comeBack(({ searchParams }) => {
        searchParams.delete("code");
        searchParams.set("error", "access_denied");
      }),
      why: "answered access_denied",
    },
    {
      what: "another's code",
      visit: comeBack(({ searchParams }) => searchParams.set("code", "stolen-from-somebody")),
      why: "invalid_grant",
    },
  ])("that comes back with $what is refused, and nothing is kept", async ({ visit, why }) => {
    const { logIn, grants, authorization } = await setting();
    const failure = await logIn(undefined, visit).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: expect.stringContaining(why) as string,
    });
    expect(JSON.stringify(failure) + String(failure)).not.toContain("stolen");
    expect([grants.list(), authorization.exchanges()]).toEqual([[], why === "invalid_grant" ? 1 : 0]);
  });

  it("takes one answer: whoever comes late finds nobody", async () => {
    const { logIn } = await setting();
    let answer = "";
    await logIn(undefined, async ({ address }) => {
      const { url } = await browse(address, ({ pathname }) => pathname === "/callback");
      answer = url.href;
      return fetch(url);
    });
    await expect(fetch(answer)).rejects.toThrow("fetch failed");
  });

  it.each<{ readonly what: string; readonly metadata: (it: Record<string, unknown>) => object; readonly why: string }>([
    {
      what: "metadata of another server",
      metadata: (it) => ({ ...it, resource: "https://bank.example/mcp" }),
      why: "that of another resource",
    },
    {
      what: "an issuer over http elsewhere",
      metadata: (it) => ({ ...it, authorization_servers: ["http://198.51.100.1"] }),
      why: "not reached over https",
    },
  ])("at a server with $what is not begun", async ({ metadata, why }) => {
    const { logIn } = await setting({}, { metadata });
    const pages: LoginPage[] = [];
    await expect(logIn(undefined, (page) => pages.push(page))).rejects.toThrow(why);
    expect(pages).toEqual([]);
  });

  it("at an issuer that the server does not name is not begun", async () => {
    const { logIn } = await setting();
    await expect(logIn({ issuer: "https://login.example" })).rejects.toThrow("does not name the issuer");
  });

  it.each<{ readonly what: string; readonly change: (it: Record<string, unknown>) => object; readonly why: string }>([
    {
      what: "does not know PKCE",
      change: (it) => ({ ...it, code_challenge_methods_supported: undefined }),
      why: "does not say that it knows PKCE",
    },
    {
      what: "says that it is another",
      change: (it) => ({ ...it, issuer: "https://other.example" }),
      why: "its metadata is not as it must be",
    },
    {
      what: "has its page elsewhere in the clear",
      change: (it) => ({ ...it, authorization_endpoint: "http://198.51.100.1/auth" }),
      why: "an endpoint that is not reached over https",
    },
    {
      what: "registers nobody",
      change: (it) => ({ ...it, registration_endpoint: undefined }),
      why: "configure oauth.clientId",
    },
  ])("at an authorization server that $what is not begun", async ({ change, why }) => {
    const { authorization: real } = await setting();
    const { logIn } = await setting({
      odd(request, response) {
        if (request.url?.startsWith("/.well-known/") !== true) return false;
        const own = `http://${request.headers.host ?? ""}`;
        const tell = async (): Promise<void> => {
          const answer = await fetch(`${real.issuer}/.well-known/openid-configuration`);
          const text = (await answer.text()).replaceAll(real.issuer, own);
          response.end(JSON.stringify(change(JSON.parse(text) as Record<string, unknown>)));
        };
        void tell();
        return true;
      },
    });
    const pages: LoginPage[] = [];
    await expect(logIn(undefined, (page) => pages.push(page))).rejects.toThrow(why);
    expect(pages).toEqual([]);
  });
});

describe("a server that wants a login", () => {
  it.each([
    ["of which nothing is configured", undefined],
    ["that is configured so", {}],
  ] as const)("%s needs one, says how, and works after it without a restart", async (_what, oauth) => {
    const { logIn, upstream } = await setting();
    const server = upstream(oauth);
    const failure = { code: "UPSTREAM_NEEDS_AUTH", context: { server: "server", details: { sent: false } } };
    await expect(look(server)).rejects.toMatchObject(failure);
    await expect(look(server)).rejects.toThrow("Run `runlet auth login server`");
    expect(server.status()).toMatchObject({
      state: "needs_auth",
      lastFailure: { stage: "auth", message: expect.stringContaining("runlet auth login server") as string },
    });
    await logIn(oauth);
    expect((await look(server)).isError).toBe(false);
    expect(server.status().state).toBe("ready");
  });

  it("is not asked again with each call that nobody has logged in for", async () => {
    const { upstream, guard } = await setting();
    const server = upstream();
    await expect(look(server)).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    const asked = guard.shown.length;
    for (let call = 0; call < 20; call++)
      await expect(look(server)).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    expect(guard.shown.length).toBe(asked);
  });

  it("is asked again after a restart of it", async () => {
    const { upstream, guard } = await setting();
    const server = upstream();
    await expect(look(server)).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    const asked = guard.shown.length;
    await server.restart();
    expect(server.status().state).toBe("stopped");
    await expect(look(server)).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    expect(guard.shown.length).toBeGreaterThan(asked);
  });

  it("that takes the token no more under a hundred calls: no call fails, and one exchange is made", async () => {
    const { logIn, upstream, guard, authorization } = await setting();
    await logIn();
    const server = upstream();
    await look(server);
    const before = guard.behind.metas.length;
    guard.forget();
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => server.callTool("look", {}, patiently(20_000))),
    );
    expect(answers.every(({ isError }) => !isError)).toBe(true);
    expect([guard.behind.metas.length - before, authorization.exchanges()]).toEqual([100, 2]);
  });

  it("needs another login when the last one is over; a running service goes on after it", async () => {
    const { logIn, upstream, guard, authorization } = await setting();
    await logIn({});
    const server = upstream({});
    await look(server);
    authorization.forget();
    guard.forget();
    const failures = await Promise.all(Array.from({ length: 10 }, () => look(server).catch((error: unknown) => error)));
    for (const failure of failures) expect(failure).toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    expect(server.status()).toMatchObject({ state: "needs_auth", lastFailure: { stage: "auth" } });
    const exchanges = authorization.exchanges();
    await expect(look(server)).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    // A refresh token that was refused is not tried again.
    expect(authorization.exchanges()).toBe(exchanges);
    await logIn({});
    expect((await look(server)).isError).toBe(false);
    expect(server.status().state).toBe("ready");
  });

  it("that refuses what a login gave needs another one, and is not asked for ever", async () => {
    const { logIn, upstream, guard } = await setting();
    await logIn({ resource: "https://other.example/mcp" });
    const server = upstream();
    await expect(look(server)).rejects.toThrow("it refuses the access token that the login gave");
    expect(guard.shown.length).toBeLessThanOrEqual(6);
    expect(JSON.stringify(server.status())).not.toMatch(/eyJ/u);
  });

  it("is shown no token once its login is forgotten", async () => {
    const { logIn, upstream, guard, grants } = await setting();
    await logIn({});
    const server = upstream({});
    await look(server);
    const shown = guard.shown.length;
    expect(await grants.remove("server")).toBe(1);
    await expect(look(server)).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    expect(guard.shown.slice(shown)).toEqual([]);
  });

  it.each<[string, Partial<AuthorizationCodeConfig>]>([
    ["issuer", { issuer: "https://other.example" }],
    ["resource", { resource: "https://other.example/mcp" }],
    ["client", { clientId: "somebody-else" }],
  ])("is shown no token of another %s", async (_what, oauth) => {
    const { logIn, upstream, guard } = await setting();
    await logIn();
    const before = guard.shown.length;
    await expect(look(upstream(oauth))).rejects.toThrow("nobody has logged in");
    expect(guard.shown.slice(before)).toEqual([]);
  });

  it("at another address is shown no token", async () => {
    const { logIn, bench, guard, grants } = await setting();
    const grant = await logIn();
    await grants.save({ ...grant, url: "https://other.example/mcp" });
    const before = guard.shown.length;
    const config = { ...bench.fixture("tiny"), transport: { kind: "http" as const, url: guard.url, headers: {} } };
    await expect(look(bench.upstream(config, { grants }))).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    expect(new Set(guard.shown.slice(before))).toEqual(new Set([undefined]));
  });

  it("used by two services keeps its login, whichever of them renews it", async () => {
    const { logIn, bench, guard, grants, place, authorization } = await setting();
    await logIn();
    const config = { ...bench.fixture("tiny"), name: "server" };
    const transport = { kind: "http" as const, url: guard.url, headers: {} };
    const services = [grants, createGrantStore(place, systemClock)].map((store) =>
      bench.upstream({ ...config, transport }, { grants: store }),
    );
    for (let round = 1; round <= 3; round++) {
      await Promise.all(services.map(look));
      guard.forget();
      const answers = await Promise.all(services.flatMap((server) => [look(server), look(server)]));
      expect(answers.every(({ isError }) => !isError)).toBe(true);
    }
    // The login itself, and one exchange each round: that of the second service would have ended the login.
    expect(authorization.exchanges()).toBe(4);
  });
});
