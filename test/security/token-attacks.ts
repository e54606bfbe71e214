import { createHmac } from "node:crypto";
import { exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from "jose";
import type { CryptoKey, JWTHeaderParameters, JWTPayload } from "jose";
import type { AuthorizationServer } from "../support/authorization-server.ts";

/** What forgers start from: a token that would be taken. */
export interface Forge {
  readonly server: AuthorizationServer;
  readonly resource: string;
  /** A key of the forger's own. */
  readonly foreign: CryptoKey;
  /** A valid token of the server's. */
  readonly valid: string;
  /** Where the forger waits for somebody who fetches keys where a token says. */
  readonly trap: string;
  readonly nowSeconds: number;
}

/** One way to get in without being let in. */
export interface TokenAttack {
  readonly name: string;
  readonly forge: (from: Forge) => Promise<string> | string;
}

/** The claims of a token that would be taken, with a change. */
export function claimsOf({ server, resource, nowSeconds }: Forge, change: JWTPayload = {}): JWTPayload {
  return {
    iss: server.issuer,
    aud: resource,
    sub: "agent",
    client_id: "agent",
    scope: "runlet:run runlet:invoke runlet:read",
    iat: nowSeconds,
    exp: nowSeconds + 60,
    ...change,
  };
}

/** Signs with the server's own key unless told otherwise. */
export function sign(
  from: Forge,
  change: JWTPayload = {},
  {
    header = {},
    key = from.server.privateKey,
  }: { readonly header?: Partial<JWTHeaderParameters>; readonly key?: CryptoKey } = {},
): Promise<string> {
  return new SignJWT(claimsOf(from, change))
    .setProtectedHeader({ alg: "RS256", typ: "at+jwt", kid: "first", ...header })
    .sign(key);
}

/** Signs claims of which one is missing. */
function signWithout(from: Forge, missing: "aud" | "exp"): Promise<string> {
  const { [missing]: _, ...claims } = claimsOf(from);
  return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "first" }).sign(from.server.privateKey);
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token whose HMAC is made with what everybody knows. */
function hmac(from: Forge, secret: string): string {
  const text = `${encode({ alg: "HS256", typ: "at+jwt", kid: "first" })}.${encode(claimsOf(from))}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

async function publicPem({ server }: Forge): Promise<string> {
  const key = await importJWK({ ...server.publicJwk }, "RS256", { extractable: true });
  if (key instanceof Uint8Array) throw new Error("an RSA key is no secret");
  return await exportSPKI(key);
}

/** Each must be refused with 401 `invalid_token`, and must make us ask nobody but the issuer. */
export const TOKEN_ATTACKS: readonly TokenAttack[] = [
  { name: "another issuer", forge: (from) => sign(from, { iss: "https://evil.example" }) },
  {
    name: "an issuer that only begins like ours",
    forge: (from) => sign(from, { iss: `${from.server.issuer}.evil.example` }),
  },
  { name: "our issuer with a slash", forge: (from) => sign(from, { iss: `${from.server.issuer}/` }) },
  { name: "a list of issuers", forge: (from) => sign(from, { iss: [from.server.issuer] as unknown as string }) },
  { name: "another audience", forge: (from) => sign(from, { aud: "https://other.example/mcp" }) },
  { name: "an audience that ours begins with", forge: (from) => sign(from, { aud: new URL(from.resource).origin }) },
  {
    name: "no audience",
    forge: (from) => signWithout(from, "aud"),
  },
  { name: "expired", forge: (from) => sign(from, { exp: from.nowSeconds - 60 }) },
  {
    name: "never expiring",
    forge: (from) => signWithout(from, "exp"),
  },
  { name: "not valid yet", forge: (from) => sign(from, { nbf: from.nowSeconds + 60 }) },
  {
    name: "expiry as text",
    forge: (from) =>
      `${encode({ alg: "RS256", kid: "first" })}.${encode({ ...claimsOf(from), exp: "9999999999" })}.AAAA`,
  },
  { name: "alg none", forge: (from) => new UnsecuredJWT(claimsOf(from)).encode() },
  { name: "alg NoNe with a signature", forge: (from) => `${encode({ alg: "NoNe" })}.${encode(claimsOf(from))}.AAAA` },
  { name: "HS256 with the public key as PEM", forge: async (from) => hmac(from, await publicPem(from)) },
  { name: "HS256 with the public key as JWK", forge: (from) => hmac(from, JSON.stringify(from.server.publicJwk)) },
  { name: "HS256 with the modulus", forge: (from) => hmac(from, from.server.publicJwk.n ?? "") },
  { name: "HS256 with nothing", forge: (from) => hmac(from, "") },
  { name: "a foreign key under our kid", forge: (from) => sign(from, {}, { key: from.foreign }) },
  {
    name: "a foreign key under its own kid",
    forge: (from) => sign(from, {}, { key: from.foreign, header: { kid: "foreign" } }),
  },
  {
    name: "a foreign key without a kid",
    forge: (from) => sign(from, {}, { key: from.foreign, header: { kid: undefined as unknown as string } }),
  },
  {
    name: "a kid that is a path",
    forge: (from) => sign(from, {}, { key: from.foreign, header: { kid: "../../../../dev/null" } }),
  },
  {
    name: "a kid that is a query",
    forge: (from) => sign(from, {}, { key: from.foreign, header: { kid: "x' UNION SELECT 'key' --" } }),
  },
  {
    name: "a kid that is __proto__",
    forge: (from) => sign(from, {}, { key: from.foreign, header: { kid: "__proto__" } }),
  },
  {
    name: "a kid that is an address",
    forge: (from) => sign(from, {}, { key: from.foreign, header: { kid: from.trap } }),
  },
  {
    name: "a jku of the forger's",
    forge: (from) => sign(from, {}, { key: from.foreign, header: { kid: "foreign", jku: from.trap } }),
  },
  {
    name: "an x5u of the forger's",
    forge: (from) => sign(from, {}, { key: from.foreign, header: { kid: "foreign", x5u: from.trap } }),
  },
  { name: "its own key in its header", forge: embedded },
  { name: "a critical extension that nobody knows", forge: (from) => critical(from) },
  { name: "the type of a logout token", forge: (from) => sign(from, {}, { header: { typ: "logout+jwt" } }) },
  { name: "changed claims under the old signature", forge: changed },
  { name: "a signature cut short", forge: ({ valid }) => valid.slice(0, -10) },
  { name: "no signature", forge: ({ valid }) => valid.slice(0, valid.lastIndexOf(".") + 1) },
  { name: "something behind it", forge: ({ valid }) => `${valid}A` },
  { name: "a huge token", forge: (from) => sign(from, { padding: "x".repeat(7_000) }) },
  {
    name: "claims nested a thousand deep",
    forge: ({ valid }) => `${valid.split(".")[0]}.${Buffer.from("[".repeat(1_000)).toString("base64url")}.AAAA`,
  },
  { name: "nothing but dots", forge: () => "a.b.c" },
];

async function embedded(from: Forge): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = await crypto.subtle.exportKey("jwk", publicKey);
  return await sign(
    from,
    {},
    { key: privateKey, header: { kid: "foreign", jwk: { kty: "RSA", n: jwk.n ?? "", e: jwk.e ?? "" } } },
  );
}

function critical(from: Forge): string {
  const [, claims = "", signature = ""] = from.valid.split(".");
  return `${encode({ alg: "RS256", kid: "first", crit: ["evil"], evil: true })}.${claims}.${signature}`;
}

function changed({ valid }: Forge): string {
  const [header = "", claims = "", signature = ""] = valid.split(".");
  const parsed = JSON.parse(Buffer.from(claims, "base64url").toString()) as object;
  return `${header}.${encode({ ...parsed, sub: "boss", client_id: "boss", scope: "runlet:admin" })}.${signature}`;
}
