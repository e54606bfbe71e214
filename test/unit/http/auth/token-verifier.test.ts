import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { CryptoKey } from "jose";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { IssuerConfig } from "../../../../src/config/auth-config.ts";
import { createTokenVerifier } from "../../../../src/http/auth/token-verifier.ts";
import type { Log } from "../../../../src/lib/log.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

const RESOURCE = "https://us.example";
const closing: (() => void)[] = [];
let keys: readonly { readonly kid: string; readonly privateKey: CryptoKey; readonly jwk: object }[];

beforeAll(async () => {
  keys = await Promise.all(
    ["one", "two"].map(async (kid) => {
      const { privateKey, publicKey } = await generateKeyPair("ES256");
      return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
    }),
  );
});

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function onLoopback(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => (server.closeAllConnections(), void server.close()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An issuer whose answers a test decides; counts what is asked. */
async function setup(change: Partial<IssuerConfig> = {}, metadata?: (issuer: string) => object) {
  const state = {
    status: 200,
    body: { keys: [keys[0]?.jwk] } as unknown,
    headers: {} as Record<string, string>,
    asked: [] as string[],
  };
  const issuer = await onLoopback((request, response) => {
    state.asked.push(request.url ?? "");
    const isKeys = request.url === "/keys";
    const body = isKeys ? state.body : metadata?.(issuer);
    response.writeHead(isKeys ? state.status : body === undefined ? 404 : 200, isKeys ? state.headers : {});
    response.end(typeof body === "string" ? body : JSON.stringify(body ?? {}));
  });
  const config: IssuerConfig = {
    issuer,
    audiences: [RESOURCE],
    jwksUri: metadata === undefined ? `${issuer}/keys` : undefined,
    algorithms: ["ES256"],
    clockToleranceMs: 0,
    scopes: undefined,
    ...change,
  };
  const clock = createManualClock();
  const warnings: unknown[] = [];
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields) => void warnings.push(fields),
    error: () => undefined,
  };
  const verifier = createTokenVerifier({ clock, log });
  const verify = async (token: string) => {
    try {
      return (await verifier(token, { resource: RESOURCE, issuers: [config] })).claims["sub"];
    } catch (error) {
      return (error as { readonly code: unknown }).code;
    }
  };
  const token = (index = 0) => {
    const { kid, privateKey } = keys[index] ?? { kid: "", privateKey: undefined };
    if (privateKey === undefined) throw new Error("there is no such key");
    const claims = { iss: issuer, aud: RESOURCE, sub: "ada", exp: clock.now() / 1_000 + 86_400 };
    return new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid }).sign(privateKey);
  };
  const countKeys = () => state.asked.filter((path) => path === "/keys").length;
  return { state, clock, verify, token, countKeys, warnings, verifier, config };
}

describe("the keys of an issuer", () => {
  test("are asked for once, by many tokens at a time too", async () => {
    const { verify, token, countKeys } = await setup();
    const one = await token();
    expect(await Promise.all(Array.from({ length: 20 }, () => verify(one)))).toEqual(
      Array.from({ length: 20 }, () => "ada"),
    );
    expect(countKeys()).toBe(1);
  });

  test("are looked at anew for one that is unknown, not twice within 30 seconds", async () => {
    const { verify, token, countKeys, clock, state } = await setup();
    expect(await verify(await token(0))).toBe("ada");
    expect(await verify(await token(1))).toBe("UNAUTHENTICATED");
    expect(countKeys()).toBe(1);
    clock.advance(30_000);
    state.body = { keys: keys.map(({ jwk }) => jwk) };
    expect(await verify(await token(1))).toBe("ada");
    expect(countKeys()).toBe(2);
  });

  test("that are withdrawn count no more after ten minutes", async () => {
    const { verify, token, clock, state } = await setup();
    const one = await token(0);
    expect(await verify(one)).toBe("ada");
    state.body = { keys: [keys[1]?.jwk] };
    clock.advance(599_999);
    expect(await verify(one)).toBe("ada");
    clock.advance(1);
    expect(await verify(one)).toBe("UNAUTHENTICATED");
  });

  test("that are known keep working while the issuer is down; a token with another key is told to wait", async () => {
    const { verify, token, clock, state, countKeys } = await setup();
    expect(await verify(await token(0))).toBe("ada");
    state.status = 500;
    clock.advance(3_600_000);
    expect(await verify(await token(0))).toBe("ada");
    expect(await verify(await token(1))).toBe("ISSUER_UNAVAILABLE");
    expect(countKeys()).toBe(2);
    clock.advance(5_000);
    state.status = 200;
    state.body = { keys: keys.map(({ jwk }) => jwk) };
    expect(await verify(await token(1))).toBe("ada");
  });

  test("that were never read make its tokens wait, and are asked for again after five seconds only", async () => {
    const { verify, token, clock, state, countKeys, warnings } = await setup();
    state.status = 503;
    expect([await verify(await token()), await verify(await token())]).toEqual([
      "ISSUER_UNAVAILABLE",
      "ISSUER_UNAVAILABLE",
    ]);
    expect(countKeys()).toBe(1);
    expect(warnings).toEqual([{ issuer: expect.any(String), reason: "HTTP 503" }]);
    clock.advance(5_000);
    state.status = 200;
    expect(await verify(await token())).toBe("ada");
  });

  test.each([
    ["are no JSON", "<html>", "its answer is not JSON"],
    ["are no set", { a: 1 }, "its answer is no set of keys"],
    ["are endless", "x".repeat(300_000), "its answer is over 262144 bytes"],
  ])("that %s are none", async (_, body, reason) => {
    const { verify, token, state, warnings } = await setup();
    state.body = body;
    expect(await verify(await token())).toBe("ISSUER_UNAVAILABLE");
    expect(warnings).toMatchObject([{ reason: expect.stringContaining(reason) }]);
  });

  test("are not waited for longer than five seconds", async () => {
    const { verify, token, clock, warnings, config } = await setup({ jwksUri: undefined });
    const silent = await onLoopback(() => undefined);
    Object.assign(config, { jwksUri: silent });
    const verified = verify(await token());
    while (clock.pending() === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(5_000);
    expect(await verified).toBe("ISSUER_UNAVAILABLE");
    expect(warnings).toMatchObject([{ reason: expect.stringContaining("no answer within 5000 ms") }]);
  });

  test("are not fetched from where a redirect leads off https and this machine; one on this machine is followed", async () => {
    const { verify, token, clock, state, warnings } = await setup();
    state.status = 302;
    state.headers = { location: "http://keys.example/jwks" };
    expect(await verify(await token())).toBe("ISSUER_UNAVAILABLE");
    expect(warnings).toMatchObject([{ reason: "it leads to an address that is neither https nor on this machine" }]);
    const elsewhere = await onLoopback((_, response) => response.end(JSON.stringify({ keys: [keys[0]?.jwk] })));
    state.headers = { location: elsewhere };
    clock.advance(5_000);
    expect(await verify(await token())).toBe("ada");
  });

  test("that redirect in a circle are given up", async () => {
    const { verify, token, state, countKeys } = await setup();
    state.status = 307;
    state.headers = { location: "/keys" };
    expect(await verify(await token())).toBe("ISSUER_UNAVAILABLE");
    expect(countKeys()).toBe(4);
  });

  test("are forgotten when its configuration says another place", async () => {
    const { verify, token, config } = await setup();
    expect(await verify(await token(0))).toBe("ada");
    Object.assign(config, {
      jwksUri: await onLoopback((_, response) => response.end(JSON.stringify({ keys: [keys[1]?.jwk] }))),
    });
    expect(await verify(await token(0))).toBe("UNAUTHENTICATED");
  });
});

describe("the metadata of an issuer", () => {
  test("says where its keys are, in either place", async () => {
    const { verify, token, state } = await setup({}, (issuer) => ({ issuer, jwks_uri: `${issuer}/keys` }));
    expect(await verify(await token())).toBe("ada");
    expect(state.asked).toEqual(["/.well-known/oauth-authorization-server", "/keys"]);
  });

  test("is taken from no other issuer", async () => {
    const { verify, token, state, warnings } = await setup({}, (issuer) => ({
      issuer: `${issuer}/`,
      jwks_uri: `${issuer}/keys`,
    }));
    expect(await verify(await token())).toBe("ISSUER_UNAVAILABLE");
    expect(state.asked).toEqual(["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]);
    expect(warnings).toMatchObject([{ reason: expect.stringContaining("it is that of another issuer") }]);
  });
});

test("a clock that is off is tolerated as far as configured", async () => {
  const { verify, token, clock } = await setup({ clockToleranceMs: 10_000 });
  const one = await token();
  clock.advance(86_409_000);
  expect(await verify(one)).toBe("ada");
  clock.advance(2_000);
  expect(await verify(one)).toBe("UNAUTHENTICATED");
});
