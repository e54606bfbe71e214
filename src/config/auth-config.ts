import type { Scope } from "./principal.ts";

/** Signature algorithms of access tokens that may be taken: asymmetric ones only, so that no public key can serve as a secret. */
export const TOKEN_ALGORITHMS = [
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
] as const;

/** A signature algorithm of access tokens. */
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** An authorization server whose access tokens are taken. */
export interface IssuerConfig {
  /** As tokens and its metadata write it, to the letter. */
  readonly issuer: string;
  /** A token must be for one of these. @default the resource */
  readonly audiences: readonly string[];
  /** Where its keys are. @default what its metadata says (RFC 8414, or OpenID Connect discovery) */
  readonly jwksUri: string | undefined;
  /** @default all of TOKEN_ALGORITHMS */
  readonly algorithms: readonly TokenAlgorithm[];
  /** How far its clock may be off, ms. @default 10000 */
  readonly clockToleranceMs: number;
  /** What its scopes are called by what they let do; `undefined`: its tokens have none, the client's rules alone count. */
  readonly scopes: ReadonlyMap<Scope, string> | undefined;
}

/** How access tokens are checked. */
export interface AuthConfig {
  /** Our address as callers and authorization servers know it. @source RFC 8707 section 2, RFC 9728 section 1.2 */
  readonly resource: string;
  /** At least one; no two alike. */
  readonly issuers: readonly IssuerConfig[];
}

/** Which verified tokens are a client's. */
export interface ClientTokenConfig {
  readonly issuer: string;
  /** The claim `sub`; `undefined`: any. */
  readonly subject: string | undefined;
  /** The claim `client_id`, or `azp` where there is none; `undefined`: any. */
  readonly clientId: string | undefined;
  /** Further claims: the value, or one of a claim's values when it is a list. */
  readonly claims: ReadonlyMap<string, string>;
  /** Each value of this claim is a principal of its own, `NAME:VALUE`; `undefined`: all tokens are the client's one principal. */
  readonly principalClaim: string | undefined;
}

/** What was verified of an access token. */
export interface VerifiedToken {
  readonly issuer: string;
  readonly claims: Readonly<Record<string, unknown>>;
}
