import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { newKeyText } from "../../../../src/config/secrets/master-key.ts";
import { silentLog } from "../../../../src/lib/log.ts";
import { createGrantStore, type Grant, type GrantStore } from "../../../../src/upstream/oauth/grant-store.ts";
import { StoredTokens } from "../../../../src/upstream/oauth/stored-tokens.ts";
import { EVERYTHING_FOUND } from "../../../support/login-setting.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

const URL_OF_SERVER = "https://tools.example/mcp";
const LIFE_S = 100;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).toReversed()) end();
});

/** What an authorization server of one client answers at its token endpoint; `undefined`: it does not, for now. */
type Answer = (form: URLSearchParams) => { readonly status: number; readonly body: object } | undefined;

/** An authorization server of which each exchange gives the next pair of tokens, `a1` and `r1`, and takes the last one only. */
function rotating(): Answer {
  let count = 0;
  return (form) => {
    if (form.get("refresh_token") !== `r${count}`) return { status: 400, body: { error: "invalid_grant" } };
    count += 1;
    const body = { access_token: `a${count}`, token_type: "Bearer", refresh_token: `r${count}`, expires_in: LIFE_S };
    return { status: 200, body };
  };
}

/** @param isConfigured Whether the server is said to want a login. */
async function setup(answer: Answer = rotating(), isConfigured = true) {
  const asked: URLSearchParams[] = [];
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (part: string) => (text += part));
    request.on("end", () => {
      if (request.url?.startsWith("/.well-known") === true) {
        const endpoints = { authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token` };
        response.end(JSON.stringify({ issuer, ...endpoints, response_types_supported: ["code"] }));
        return;
      }
      const form = new URLSearchParams(text);
      asked.push(form);
      const told = answer(form);
      if (told === undefined) waiting.push(response);
      else response.writeHead(told.status).end(JSON.stringify(told.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = mkdtempSync(join(tmpdir(), "runlet-tokens-"));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const clock = createManualClock();
  const place = { file: join(folder, "secrets.tokens.json"), keyFile: join(folder, "none"), keyText: newKeyText() };
  const grants = createGrantStore(place, clock);
  const grant: Grant = {
    server: "tools",
    url: URL_OF_SERVER,
    issuer,
    resource: URL_OF_SERVER,
    clientId: "us",
    clientSecret: undefined,
    accessToken: "a0",
    refreshToken: "r0",
    scope: undefined,
    obtainedAtMs: clock.now(),
    expiresAtMs: clock.now() + LIFE_S * 1_000,
  };
  /** As a service of its own has them. */
  const tokensOf = (store: GrantStore | undefined): StoredTokens =>
    new StoredTokens(
      { url: URL_OF_SERVER, oauth: isConfigured ? EVERYTHING_FOUND : undefined },
      { server: "tools", clock, log: silentLog, grants: store },
    );
  return { asked, waiting, clock, grants, grant, place, tokens: tokensOf(grants), tokensOf };
}

describe("tokens of a login", () => {
  test("are renewed at 80 % of their life, while the old one is still given, and kept", async () => {
    const { tokens, grants, grant, clock, asked } = await setup();
    await grants.save(grant);
    clock.advance(79_000);
    expect([await tokens.current(), asked.length]).toEqual(["a0", 0]);
    clock.advance(1_500);
    expect(await Promise.all([tokens.current(), tokens.current()])).toEqual(["a0", "a0"]);
    await expect.poll(() => tokens.current()).toBe("a1");
    expect(asked).toHaveLength(1);
    expect(Object.fromEntries(asked[0] ?? [])).toEqual({
      grant_type: "refresh_token",
      refresh_token: "r0",
      resource: URL_OF_SERVER,
      client_id: "us",
    });
    expect(grants.list()).toMatchObject([{ accessToken: "a1", refreshToken: "r1", obtainedAtMs: clock.now() }]);
  });

  test("that are over are not given any more; however many ask, one exchange is made", async () => {
    const { tokens, grants, grant, clock, asked } = await setup();
    await grants.save(grant);
    clock.advance(100_000);
    const given = await Promise.all(Array.from({ length: 50 }, () => tokens.current()));
    expect([new Set(given), asked.length]).toEqual([new Set(["a1"]), 1]);
  });

  test("that another process has exchanged are taken from it, with no exchange of ours", async () => {
    const { tokens, tokensOf, grants, grant, clock, asked } = await setup();
    await grants.save(grant);
    const other = tokensOf(grants);
    expect(await tokens.current()).toBe("a0");
    clock.advance(100_000);
    expect(await other.current()).toBe("a1");
    expect(await tokens.instead("a0")).toBe("a1");
    expect(await tokens.current()).toBe("a1");
    expect(asked).toHaveLength(1);
  });

  test("that a process exchanged without a word to us are found in the file when ours is refused", async () => {
    let isOther = true;
    const { tokens, grants, grant, clock } = await setup((form) => {
      if (isOther) void grants.save({ ...grant, accessToken: "b1", refreshToken: "s1", obtainedAtMs: clock.now() + 1 });
      isOther = false;
      return { status: 400, body: { error: form.has("refresh_token") ? "invalid_grant" : "invalid_request" } };
    });
    await grants.save(grant);
    expect(await tokens.instead("a0")).toBe("b1");
    expect(tokens.needsLogin).toBe(false);
  });

  test("stay in use to their end when they can be renewed no more, and are tried once", async () => {
    const { tokens, grants, grant, clock, asked } = await setup(() => ({
      status: 400,
      body: { error: "invalid_grant" },
    }));
    await grants.save(grant);
    clock.advance(85_000);
    expect(await tokens.current()).toBe("a0");
    await expect.poll(() => asked.length).toBe(1);
    await tokens.close();
    clock.advance(10_000);
    expect([await tokens.current(), asked.length, tokens.needsLogin]).toEqual(["a0", 1, false]);
    clock.advance(5_000);
    await expect(tokens.current()).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    expect([asked.length, tokens.needsLogin, tokens.refusal()?.code]).toEqual([1, true, "UPSTREAM_NEEDS_AUTH"]);
  });

  test("are not asked for with every call while the authorization server is down", async () => {
    const { tokens, grants, grant, clock, asked } = await setup(() => ({
      status: 500,
      body: { error: "server_error" },
    }));
    await grants.save(grant);
    clock.advance(85_000);
    expect(await tokens.current()).toBe("a0");
    await expect.poll(() => asked.length).toBe(1);
    // The failure is noted a moment after the answer.
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (let call = 0; call < 20; call++) expect(await tokens.current()).toBe("a0");
    expect(asked).toHaveLength(1);
    clock.advance(15_000);
    await expect(tokens.current()).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: expect.stringContaining("it answered HTTP 500 and server_error") as string,
      context: { details: { sent: false } },
    });
    expect(tokens.needsLogin).toBe(false);
  });

  test.each([
    ["without a refresh token", { refreshToken: undefined }],
    ["of a client that is known no more", { clientId: "gone" }],
  ])("%s end with their life: then a login is needed, and helps", async (_what, change) => {
    const { tokens, grants, grant, clock } = await setup((form) =>
      form.get("client_id") === "gone" ? { status: 401, body: { error: "invalid_client" } } : rotating()(form),
    );
    await grants.save({ ...grant, ...change });
    expect(await tokens.current()).toBe("a0");
    clock.advance(100_000);
    await expect(tokens.current()).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    expect(tokens.refusal()).toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    await grants.save({ ...grant, accessToken: "b0", obtainedAtMs: clock.now(), expiresAtMs: undefined });
    expect(tokens.refusal()).toBeUndefined();
    expect([await tokens.current(), tokens.needsLogin]).toEqual(["b0", false]);
  });

  test("of which nothing is said are used until the server refuses them", async () => {
    const { tokens, grants, grant, clock } = await setup();
    await grants.save({ ...grant, expiresAtMs: undefined });
    clock.advance(20 * 86_400_000);
    expect(await tokens.current()).toBe("a0");
    expect(await tokens.instead("a0")).toBe("a1");
  });

  test("are not exchanged where what is given could not be kept", async () => {
    const { grants, grant, clock, asked, tokensOf } = await setup();
    await grants.save(grant);
    const full = new Error("no space");
    const tokens = tokensOf({ ...bound(grants), save: () => Promise.reject(full) });
    clock.advance(100_000);
    await expect(tokens.current()).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect(asked).toEqual([]);
  });

  test("that were exchanged and could not be kept are used by who has them", async () => {
    const { grants, grant, clock, tokensOf, asked } = await setup();
    await grants.save(grant);
    const tokens = tokensOf({
      ...bound(grants),
      save: (next) => (next.accessToken === "a0" ? grants.save(next) : Promise.reject(new Error("no space"))),
    });
    clock.advance(100_000);
    expect(await tokens.current()).toBe("a1");
    expect([await tokens.current(), asked.length]).toEqual(["a1", 1]);
  });

  test("under exchange when the service ends are kept before it does", async () => {
    const { tokens, grants, grant, clock, waiting, asked } = await setup(() => undefined);
    await grants.save(grant);
    clock.advance(100_000);
    const asking = tokens.current();
    await expect.poll(() => waiting.length).toBe(1);
    const closing = tokens.close();
    waiting[0]?.end(JSON.stringify({ access_token: "a1", token_type: "bearer", refresh_token: "r1", expires_in: 60 }));
    await closing;
    expect(grants.list()).toMatchObject([{ accessToken: "a1", refreshToken: "r1" }]);
    expect(await asking).toBe("a1");
    clock.advance(100_000);
    await expect(tokens.current()).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect(asked).toHaveLength(1);
  });

  test.each([
    ["a logout", undefined],
    ["another login", { accessToken: "b1", refreshToken: "s1" }],
  ])("under exchange do not undo %s", async (_what, next) => {
    const { tokens, grants, grant, clock, waiting } = await setup(() => undefined);
    await grants.save(grant);
    clock.advance(100_000);
    const asking = tokens.current();
    await expect.poll(() => waiting.length).toBe(1);
    const after = { ...grant, ...next, obtainedAtMs: clock.now(), expiresAtMs: undefined };
    const changing = next === undefined ? grants.remove("tools") : grants.exclusively(after, () => grants.save(after));
    const answer = { access_token: "a1", token_type: "bearer", refresh_token: "r1", expires_in: 60 };
    waiting[0]?.end(JSON.stringify(answer));
    expect(await asking).toBe("a1");
    // Whoever waits looks again in a moment.
    await expect.poll(() => clock.pending()).toBe(1);
    clock.advance(50);
    await changing;
    expect(grants.list()).toEqual(next === undefined ? [] : [after]);
  });

  test("of a server that does not answer are given up after ten seconds", async () => {
    const { tokens, grants, grant, clock, waiting } = await setup(() => undefined);
    await grants.save(grant);
    clock.advance(100_000);
    const failure = expect(tokens.current()).rejects.toThrow(/it has not answered within 10000 ms/u);
    await expect.poll(() => waiting.length).toBe(1);
    clock.advance(10_000);
    await failure;
  });

  test("that were refused although they are new are asked for again after half a minute", async () => {
    const { tokens, grants, grant, clock } = await setup();
    await grants.save(grant);
    expect(await tokens.current()).toBe("a0");
    expect(() => tokens.rejected("an-older-one")).not.toThrow();
    expect(() => tokens.rejected("a0")).toThrow(/it refuses the access token/u);
    await expect(tokens.current()).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    clock.advance(30_000);
    expect(await tokens.current()).toBe("a0");
  });

  test("show nothing of themselves in a failure", async () => {
    const { tokens, grants, grant, clock } = await setup(() => ({ status: 400, body: { error: "r0 a0 secret" } }));
    await grants.save({ ...grant, accessToken: "the-access-token", refreshToken: "the-refresh-token" });
    clock.advance(100_000);
    const failure = await tokens.current().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    const { message, cause } = failure as Error;
    expect(JSON.stringify(failure) + message + String(cause)).not.toMatch(/the-access|the-refresh|r0 a0/u);
  });
});

describe("a store that does not open", () => {
  test("is told apart from a login that nobody made, and tried again after half a minute", async () => {
    const { tokens, tokensOf, grants, grant, place, clock } = await setup();
    await grants.save(grant);
    const other = tokensOf(createGrantStore({ ...place, keyText: newKeyText() }, clock));
    const failure = await other.current().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "UPSTREAM_NEEDS_AUTH",
      message: expect.stringContaining("the tokens of its login must open") as string,
      context: { hint: expect.stringContaining("RUNLET_SECRETS_KEY") as string },
    });
    // Callers are told nothing of the machine.
    expect(JSON.stringify(failure)).not.toContain(place.file);
    expect(await tokens.current()).toBe("a0");
  });

  test("opens by itself once its key is there", async () => {
    const { grants, grant, place, clock, tokensOf } = await setup();
    await grants.save(grant);
    const byFile = tokensOf(createGrantStore({ ...place, keyText: undefined }, clock));
    await expect(byFile.current()).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    writeFileSync(place.keyFile, place.keyText);
    await expect(byFile.current()).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    clock.advance(30_000);
    expect(await byFile.current()).toBe("a0");
  });

  test("does not keep a server from its calls that wants no token", async () => {
    const { place, clock, tokensOf } = await setup(rotating(), false);
    writeFileSync(place.file, "not a store");
    const tokens = tokensOf(createGrantStore(place, clock));
    expect([await tokens.current(), await tokens.current()]).toEqual([undefined, undefined]);
    await expect(tokens.instead(undefined)).rejects.toThrow(/the tokens of its login must open/u);
  });
});

describe("a server of which nothing is configured", () => {
  test("is shown no token and costs no look at the file, until it asks for one", async () => {
    const { grants, grant, tokensOf } = await setup(rotating(), false);
    let looks = 0;
    const tokens = tokensOf({
      ...bound(grants),
      stamp() {
        looks += 1;
        return grants.stamp();
      },
    });
    expect(await tokens.current()).toBeUndefined();
    const first = looks;
    for (let call = 0; call < 10; call++) expect(await tokens.current()).toBeUndefined();
    expect(looks).toBe(first);
    await grants.save(grant);
    expect([await tokens.instead(undefined), await tokens.current()]).toEqual(["a0", "a0"]);
  });

  test("where logins are kept nowhere needs one that nobody can make", async () => {
    const { tokensOf } = await setup(rotating(), false);
    const tokens = tokensOf(undefined);
    expect(await tokens.current()).toBeUndefined();
    await expect(tokens.instead(undefined)).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
  });

  test("may do without a token again: it is asked without one after half a minute", async () => {
    const { tokens, clock } = await setup(rotating(), false);
    await expect(tokens.instead(undefined)).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    await expect(tokens.current()).rejects.toMatchObject({ code: "UPSTREAM_NEEDS_AUTH" });
    clock.advance(30_000);
    expect([tokens.refusal(), await tokens.current(), tokens.needsLogin]).toEqual([undefined, undefined, false]);
  });
});

/** A store whose members can be exchanged one by one. */
function bound(grants: GrantStore): GrantStore {
  return {
    stamp: () => grants.stamp(),
    list: () => grants.list(),
    save: (grant) => grants.save(grant),
    remove: (server) => grants.remove(server),
    exclusively: (grant, work) => grants.exclusively(grant, work),
  };
}
