import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from "jose";
import type { JWTVerifyGetKey } from "jose";
import type { AuthConfig, IssuerConfig, VerifiedToken } from "../../config/auth-config.ts";
import { RunletError } from "../../lib/errors.ts";
import { createIssuerKeys } from "./issuer-keys.ts";
import type { IssuerKeysParts } from "./issuer-keys.ts";

/** Longest token that is looked at. */
const MAX_TOKEN_CHARS = 8 * 1024;

/** Kinds of tokens that are taken; logout tokens and their like are signed by the same keys. @source RFC 9068 section 4 */
const TYPES: ReadonlySet<unknown> = new Set([undefined, "jwt", "at+jwt", "application/at+jwt", "application/jwt"]);

/**
 * Verifies an access token: issuer, signature, audience and times.
 *
 * @throws UNAUTHENTICATED with the reason, `details.error` being `invalid_token`; ISSUER_UNAVAILABLE.
 */
export type VerifyToken = (token: string, auth: AuthConfig) => Promise<VerifiedToken>;

/**
 * Makes a verifier that keeps the keys of the issuers it has seen, for as long as their configuration stays.
 *
 * Nothing in a token says where its key is or how it is checked: `jku`, `x5u`, `jwk` and their like are not read, `kid` only
 * chooses among the issuer's own keys, and `alg` must be among those configured.
 */
export function createTokenVerifier(parts: IssuerKeysParts): VerifyToken {
  const keys = new Map<string, { readonly place: string | undefined; readonly find: JWTVerifyGetKey }>();
  const keysOf = (issuer: IssuerConfig): JWTVerifyGetKey => {
    const kept = keys.get(issuer.issuer);
    if (kept !== undefined && kept.place === issuer.jwksUri) return kept.find;
    const find = createIssuerKeys(issuer, parts);
    keys.set(issuer.issuer, { place: issuer.jwksUri, find });
    return find;
  };

  return async (token, { issuers }) => {
    if (token.length > MAX_TOKEN_CHARS) throw refuse(`be at most ${MAX_TOKEN_CHARS} characters`);
    const issuer = issuers.find((each) => each.issuer === issuerOf(token));
    if (issuer === undefined) throw refuse("be of a configured issuer");
    try {
      const { payload } = await jwtVerify(token, keysOf(issuer), {
        issuer: issuer.issuer,
        audience: [...issuer.audiences],
        algorithms: [...issuer.algorithms],
        clockTolerance: issuer.clockToleranceMs / 1_000,
        currentDate: new Date(parts.clock.now()),
        requiredClaims: ["exp"],
      });
      return { issuer: issuer.issuer, claims: payload };
    } catch (error) {
      throw error instanceof errors.JOSEError ? refuse(ruleOf(error, issuer), error) : error;
    }
  };
}

/** What a token says of itself, nothing of it verified. */
function issuerOf(token: string): unknown {
  try {
    const { typ } = decodeProtectedHeader(token);
    if (!TYPES.has(typ?.toLowerCase())) throw refuse("be an access token: its `typ` is another");
    return decodeJwt(token).iss;
  } catch (error) {
    throw error instanceof RunletError ? error : refuse("be a signed JSON web token", error);
  }
}

/** What the token should be: completes "as it must …". */
function ruleOf(error: errors.JOSEError, { audiences, algorithms }: IssuerConfig): string {
  if (error instanceof errors.JWTExpired) return "not have expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "aud") return `be for ${audiences.join(" or ")}: its audience is another`;
    if (error.claim === "nbf") return "be valid already: its time has not come";
    return `have a fitting ${error.claim}`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return `be signed with ${algorithms.join(", ")}`;
  if (error instanceof errors.JWKSNoMatchingKey) return "be signed with a key of its issuer: it names another";
  if (error instanceof errors.JWKSMultipleMatchingKeys) return "name which of its issuer's keys signed it";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "have its issuer's signature";
  return "be a signed JSON web token";
}

function refuse(rule: string, cause?: unknown): RunletError {
  return new RunletError("UNAUTHENTICATED", `Cannot accept the access token as it must ${rule}.`, {
    hint: "Get a new access token from an authorization server of this service.",
    details: { error: "invalid_token" },
    cause,
  });
}
