import { createLocalJWKSet, errors } from "jose";
import type { JSONWebKeySet, JWTVerifyGetKey } from "jose";
import type { IssuerConfig } from "../../config/auth-config.ts";
import { RunletError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import type { Log } from "../../lib/log.ts";
import { fetchJson } from "./fetch-json.ts";
import type { FetchParts } from "./fetch-json.ts";

/** How long keys are used before they are looked at anew. */
const FRESH_MS = 600_000;
/** After a look, how long a key that is unknown does not make us look again. */
const COOL_DOWN_MS = 30_000;
/** After a look that failed, how long the next one waits. */
const RETRY_MS = 5_000;

/** Kinds of keys that verify signatures; a symmetric one in a public set is a mistake. */
const KEY_TYPES: ReadonlySet<unknown> = new Set(["RSA", "EC", "OKP"]);

/** What the keys of an issuer are read with. */
export interface IssuerKeysParts extends FetchParts {
  readonly log: Log;
}

/** What is known of an issuer's keys. Times are monotonic ms. */
interface Known {
  set: JWTVerifyGetKey | undefined;
  fetchedAtMs: number;
  failedAtMs: number | undefined;
}

/**
 * The keys of one issuer: fetched on first use, kept, and looked at anew when a token names one that is unknown (not twice
 * within 30 seconds) or after 10 minutes. One look at a time. Keys that are known stay in use while the issuer cannot be
 * asked.
 *
 * @returns What `jwtVerify` finds a token's key with; rejects with ISSUER_UNAVAILABLE when it cannot be known whether there is
 *   one, else with jose's own errors.
 */
export function createIssuerKeys(issuer: IssuerConfig, parts: IssuerKeysParts): JWTVerifyGetKey {
  const { clock, log } = parts;
  const known: Known = { set: undefined, fetchedAtMs: 0, failedAtMs: undefined };
  let looking: Promise<void> | undefined;

  const look = (): Promise<void> => {
    const { failedAtMs } = known;
    if (failedAtMs !== undefined && clock.monotonic() - failedAtMs < RETRY_MS) return Promise.resolve();
    looking ??= fetchKeys(issuer, parts)
      .then(
        (set) => Object.assign(known, { set, fetchedAtMs: clock.monotonic(), failedAtMs: undefined }),
        (error: unknown) => {
          known.failedAtMs = clock.monotonic();
          log.warn({ issuer: issuer.issuer, reason: reasonOf(error) }, "the keys of a token issuer cannot be read");
        },
      )
      .then(() => void (looking = undefined));
    return looking;
  };

  return async (header, token) => {
    if (known.set === undefined || clock.monotonic() - known.fetchedAtMs >= FRESH_MS) await look();
    if (known.set === undefined) throw unavailable(issuer);
    try {
      return await known.set(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      if (known.failedAtMs === undefined && clock.monotonic() - known.fetchedAtMs < COOL_DOWN_MS) throw error;
      await look();
      if (known.failedAtMs !== undefined) throw unavailable(issuer);
      return await known.set(header, token);
    }
  };
}

async function fetchKeys(issuer: IssuerConfig, parts: FetchParts): Promise<JWTVerifyGetKey> {
  const document = await fetchJson(issuer.jwksUri ?? (await discover(issuer.issuer, parts)), parts);
  const keys = isRecord(document) && Array.isArray(document["keys"]) ? (document["keys"] as unknown[]) : undefined;
  if (keys === undefined) throw new Error("its answer is no set of keys");
  const usable = keys.filter((key) => isRecord(key) && KEY_TYPES.has(key["kty"]) && (key["use"] ?? "sig") === "sig");
  return createLocalJWKSet({ keys: usable } as JSONWebKeySet);
}

/**
 * Where an issuer's keys are, by its metadata.
 *
 * @source RFC 8414 section 3.1: the well-known part goes before the path; OpenID Connect Discovery 1.0 section 4: behind it.
 */
async function discover(issuer: string, parts: FetchParts): Promise<string> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/u, "");
  const places = new Set([
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ]);
  const failures: string[] = [];
  for (const place of places) {
    try {
      const metadata = await fetchJson(place, parts);
      if (!isRecord(metadata) || metadata["issuer"] !== issuer) throw new Error("it is that of another issuer");
      const uri = metadata["jwks_uri"];
      if (typeof uri !== "string") throw new Error("it has no jwks_uri");
      return uri;
    } catch (error) {
      failures.push(`${place}: ${reasonOf(error)}`);
    }
  }
  throw new Error(`no metadata: ${failures.join("; ")}`);
}

function unavailable({ issuer }: IssuerConfig): RunletError {
  return new RunletError(
    "ISSUER_UNAVAILABLE",
    `Cannot check the access token as the keys of ${issuer} must be known: they cannot be read now.`,
    {
      hint: "Try again soon, or use a client's key. The operator's log says why; `auth.issuers` says where they are.",
      details: { retryAfterMs: RETRY_MS },
    },
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
