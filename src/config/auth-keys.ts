import { TOKEN_ALGORITHMS } from "./auth-config.ts";
import type { TokenAlgorithm } from "./auth-config.ts";
import type { Scope } from "./principal.ts";
import { duration, listOf, mapOf, section, text } from "./schema-nodes.ts";

/** One entry of `auth.issuers` as people write it. */
export interface IssuerOptions {
  readonly issuer: string;
  readonly audience?: string | readonly string[];
  readonly jwksUri?: string;
  readonly algorithms?: readonly TokenAlgorithm[];
  readonly clockTolerance?: number | string;
  readonly scopes?: boolean | Readonly<Partial<Record<Scope, string>>>;
}

/** `auth` as people write it. */
export interface AuthOptions {
  readonly resource: string;
  readonly issuers: readonly IssuerOptions[];
}

/** How a client is known beside its key, as people write it. */
export interface ClientAuthOptions {
  readonly expires?: string;
  readonly jwt?: {
    readonly issuer: string;
    readonly subject?: string;
    readonly clientId?: string;
    readonly claims?: Readonly<Record<string, string | number | boolean>>;
    readonly principalClaim?: string;
  };
}

/** Keys of `auth.issuers[].scopes`, and their defaults. */
export const SCOPE_KEYS = {
  run: text("Lets post and cancel runs.", { minLength: 1, default: "runlet:run" }),
  invoke: text("Lets call tools without a script.", { minLength: 1, default: "runlet:invoke" }),
  read: text("Lets see tools, servers and runs; the others let it too.", { minLength: 1, default: "runlet:read" }),
  admin: text("Lets do what administrators may, where the client is one.", { minLength: 1, default: "runlet:admin" }),
} as const;

/** Keys of one entry of `auth.issuers`. */
export const ISSUER_KEYS = {
  issuer: text("The authorization server, as its tokens' `iss` says.", { minLength: 1 }),
  audience: {
    description: "What its tokens' `aud` must hold, or a list of which one; `auth.resource` when missing.",
    type: ["string", "array"],
    items: { description: "One of them.", type: "string", minLength: 1 },
  },
  jwksUri: text("Where its keys are; what its metadata says when missing.", { minLength: 1 }),
  algorithms: listOf("Signature algorithms that are taken; all of these when missing.", {
    description: "An asymmetric one.",
    type: "string",
    enum: TOKEN_ALGORITHMS,
  }),
  clockTolerance: duration("How far its clock may be off.", 10_000, { min: 0, max: 300_000 }),
  scopes: section(
    "What its scopes are called, by what they let do; `false`: its tokens have none, and the clients' rules alone count.",
    SCOPE_KEYS,
    { type: ["boolean", "object"], strictKeys: true },
  ),
} as const;

/** The key `auth`. */
export const AUTH_KEYS = {
  auth: section(
    "Access tokens (JWT) of authorization servers, beside the clients' keys.",
    {
      resource: text("Our address as callers know it, such as https://runlet.example/mcp: tokens must be for it.", {
        minLength: 1,
      }),
      issuers: listOf(
        "The authorization servers.",
        section("One of them.", ISSUER_KEYS, { required: ["issuer"], strictKeys: true }),
      ),
    },
    { required: ["resource", "issuers"], strictKeys: true },
  ),
} as const;

/** Keys of one entry of `clients` that say how it is known. */
export const CLIENT_AUTH_KEYS = {
  expires: text("When its key ends: a date such as 2027-01-31 (its first moment, UTC), or a time with its zone.", {
    minLength: 1,
  }),
  jwt: section(
    "The access tokens that are its; the first client that a token fits counts.",
    {
      issuer: text("One of `auth.issuers`.", { minLength: 1 }),
      subject: text("Its `sub`.", { minLength: 1 }),
      clientId: text("Its `client_id`, or `azp` where there is none.", { minLength: 1 }),
      claims: mapOf("Other claims it must have: each with this value, or with it in its list.", {
        description: "The value.",
        type: ["string", "number", "boolean"],
      }),
      principalClaim: text("Makes each value of this claim, such as `sub`, a principal of its own with these rules.", {
        minLength: 1,
      }),
    },
    { required: ["issuer"], strictKeys: true },
  ),
} as const;
