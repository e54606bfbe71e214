import { describe, expect, test } from "vitest";
import type { AuthOptions, IssuerOptions } from "../../../src/config/auth-keys.ts";
import { isSafeUrl } from "../../../src/config/loopback.ts";
import { compileConfig } from "../../../src/config/compile.ts";
import type { ClientOptions, Options } from "../../../src/config/options.ts";

const HASH = "a".repeat(64);
const ISSUER = "https://login.example";
const RESOURCE = "https://runlet.example/mcp";
const jwt = (change: Partial<NonNullable<ClientOptions["jwt"]>> = {}) => ({
  issuer: ISSUER,
  subject: "ada",
  ...change,
});

function options(
  issuer: Partial<IssuerOptions> = {},
  client: ClientOptions = { jwt: jwt() },
  more: Options = {},
): Options {
  const auth: AuthOptions = { resource: RESOURCE, issuers: [{ issuer: ISSUER, ...issuer }] };
  return { auth, clients: { ada: client }, ...more };
}

/** What is wrong with a configuration, empty when nothing is. */
function faultsOf(given: Options): string {
  try {
    compileConfig(given);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("issuers of access tokens", () => {
  test("are complete with an address: audience, algorithms, tolerance and scopes have defaults", () => {
    const { auth, clients } = compileConfig(options());
    expect(auth).toEqual({
      resource: RESOURCE,
      issuers: [
        {
          issuer: ISSUER,
          audiences: [RESOURCE],
          jwksUri: undefined,
          algorithms: [
            "RS256",
            "RS384",
            "RS512",
            "PS256",
            "PS384",
            "PS512",
            "ES256",
            "ES384",
            "ES512",
            "EdDSA",
            "Ed25519",
          ],
          clockToleranceMs: 10_000,
          scopes: new Map([
            ["run", "runlet:run"],
            ["invoke", "runlet:invoke"],
            ["read", "runlet:read"],
            ["admin", "runlet:admin"],
          ]),
        },
      ],
    });
    expect(clients).toMatchObject([
      { keyHashes: [], token: { issuer: ISSUER, subject: "ada", clientId: undefined, claims: new Map() } },
    ]);
  });

  test("may have their own words", () => {
    const { auth } = compileConfig(
      options({
        audience: ["a", "b"],
        jwksUri: "https://keys.example",
        algorithms: ["ES256"],
        clockTolerance: "1m",
        scopes: { run: "api://x/run" },
      }),
    );
    expect(auth?.issuers).toMatchObject([
      { audiences: ["a", "b"], jwksUri: "https://keys.example", algorithms: ["ES256"], clockToleranceMs: 60_000 },
    ]);
    expect(auth?.issuers[0]?.scopes?.get("run")).toBe("api://x/run");
    expect(auth?.issuers[0]?.scopes?.get("read")).toBe("runlet:read");
    expect(compileConfig(options({ scopes: false })).auth?.issuers[0]?.scopes).toBeUndefined();
  });

  const faults: [string, Options, string][] = [
    [
      "symmetric algorithms",
      options({ algorithms: ["HS256" as "ES256"] }),
      "auth.issuers[0].algorithms[0] as it must be one of RS256",
    ],
    ["no signature", options({ algorithms: ["none" as "ES256"] }), "auth.issuers[0].algorithms[0]"],
    ["no algorithm", options({ algorithms: [] }), "auth.issuers[0].algorithms as it must not be empty"],
    ["no audience", options({ audience: [] }), "auth.issuers[0].audience as it must not be empty"],
    [
      "keys that travel in the clear",
      options({ jwksUri: "http://keys.example" }),
      "auth.issuers[0].jwksUri as it must be an https address",
    ],
    ["a scope that is two", options({ scopes: { run: "a b" } }), "auth.issuers[0].scopes.run as it must be one scope"],
    [
      "an issuer without clients",
      options({}, { key: HASH }),
      "auth.issuers[0].issuer as it must be the issuer of a client's tokens",
    ],
    [
      "a client of another issuer",
      options({}, { jwt: jwt({ issuer: "https://x.example" }) }),
      "clients.ada.jwt.issuer as it must be one of auth.issuers",
    ],
    [
      "a client of no issuer",
      { clients: { ada: { jwt: jwt() } } },
      "clients.ada.jwt.issuer as it must be one of auth.issuers",
    ],
    [
      "all subjects as one client",
      options({}, { jwt: { issuer: ISSUER } }),
      "clients.ada.jwt as it must say whose tokens are meant",
    ],
    [
      "tokens of who proves nothing",
      options({}, { jwt: jwt(), unverified: true }),
      "clients.ada.unverified as it must be false for a client with tokens",
    ],
    [
      "tokens and nobody to have them",
      { auth: { resource: RESOURCE, issuers: [] } },
      "auth.issuers as it must name an issuer",
    ],
    [
      "an issuer twice",
      { ...options(), auth: { resource: RESOURCE, issuers: [{ issuer: ISSUER }, { issuer: ISSUER }] } },
      "auth.issuers[1].issuer as it must be there once",
    ],
    [
      "a resource with a query",
      { ...options(), auth: { resource: `${RESOURCE}?a=b`, issuers: [{ issuer: ISSUER }] } },
      "auth.resource as it must be an http or https address",
    ],
  ];

  test.each(faults)("are refused with %s", (_, given, fault) => {
    expect(faultsOf(given)).toContain(fault);
  });

  test("and their keys come over https, or from this machine", () => {
    const safe = ["https://a.example", "http://127.0.0.1:1", "http://localhost/x", "http://[::1]:1"];
    const unsafe = ["http://a.example", "http://127.0.0.1.example", "file:///etc/passwd", "ftp://localhost", "x", ""];
    expect(safe.filter(isSafeUrl)).toEqual(safe);
    expect(unsafe.filter(isSafeUrl)).toEqual([]);
  });
});

describe("an address that others reach", () => {
  const outside = { host: "0.0.0.0" } as const;

  test("is taken with tokens as with keys", () => {
    expect(faultsOf(options({}, { jwt: jwt() }, outside))).toBe("");
    expect(faultsOf({ ...outside, clients: { ada: { key: HASH } } })).toBe("");
  });

  test("is refused without either, whatever the policy for others says", () => {
    expect(faultsOf({ ...outside, defaultPolicy: "allow" })).toContain("host as it must be a loopback address");
    const unverified = { ...outside, defaultPolicy: "allow", clients: { ada: { unverified: true } } } as const;
    expect(faultsOf(unverified)).toContain("host as it must be a loopback address while ada may call without a key");
    const mixed = options({}, { jwt: jwt() }, outside);
    expect(faultsOf({ ...mixed, clients: { ...mixed.clients, bob: { unverified: true } } })).toContain(
      "while bob may call",
    );
  });
});

describe("the end of a key", () => {
  const endOf = (expires: string) =>
    compileConfig({ clients: { ada: { key: HASH, expires } } }).clients[0]?.keyExpiresAtMs;

  test("is a date at its first moment in UTC, or a time with its zone", () => {
    expect(endOf("2027-01-31")).toBe(Date.UTC(2027, 0, 31));
    expect(endOf("2027-01-31T12:00:00+02:00")).toBe(Date.UTC(2027, 0, 31, 10));
    expect(endOf("2027-01-31T12:00Z")).toBe(Date.UTC(2027, 0, 31, 12));
  });

  test.each(["soon", "2027-13-01", "2027-01-31T12:00", "31.1.2027", "1800000000"])("is not %j", (expires) => {
    expect(faultsOf({ clients: { ada: { key: HASH, expires } } })).toContain(
      "clients.ada.expires as it must be a date",
    );
  });

  test("goes with a key", () => {
    expect(faultsOf(options({}, { jwt: jwt(), expires: "2027-01-31" }))).toContain(
      "clients.ada.expires as it must go with a key",
    );
  });
});
