import type { Clock } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import type { AuthConfig, VerifiedToken } from "./auth-config.ts";
import { clientKeyHash, findClient, isAuthenticated } from "./clients.ts";
import type { ClientConfig, Config } from "./config.ts";
import { LOCAL_PRINCIPAL, UNLISTED_PRINCIPAL } from "./principal.ts";
import type { Principal } from "./principal.ts";
import { judgeToken } from "./token-clients.ts";

/** What is read of a configuration to tell who calls. */
export type CallersConfig = Pick<Config, "clients" | "defaultPolicy" | "auth">;

/** Tells what became of a caller since it was let in. */
export interface PrincipalSource {
  /**
   * The principal as the configuration has it now: its rules may be other ones. Cheap enough for each call.
   *
   * @param principal The very object that authentication gave; one that it did not give is vouched for by who made it, and is
   *   returned as it is.
   * @returns `undefined` when it may call no more: its client is gone, its key was changed or has expired, no client fits its
   *   token any more.
   */
  current(principal: Principal): Principal | undefined;
}

/** Who may call, by the configuration that holds now. */
export interface Callers extends PrincipalSource {
  /** How access tokens are checked; `undefined`: none are taken. */
  readonly auth: AuthConfig | undefined;
  /**
   * Tells who calls, from a request's headers:
   *
   * 1. no clients are configured: the local principal;
   * 2. the request has an `Authorization` header and clients have keys or tokens: the client whose key it is, or nobody;
   * 3. `X-Client-ID` is the name of a client with neither: that client. This identifies and does not authenticate; the
   *    compiler takes such clients only where nobody but this machine can reach us;
   * 4. the policy lets unlisted callers in, and no client has a key or tokens: the unlisted principal.
   *
   * @throws UNAUTHENTICATED when it is none of these, or the key has expired.
   */
  authenticate(headers: Pick<Headers, "get">): Principal;
  /** Tells whose a verified token is. @throws FORBIDDEN when it is no client's. */
  admit(token: VerifiedToken): Principal;
  /** The principal of an id, for a run that an earlier process left. @returns `undefined` when there is none. */
  find(id: string): Principal | undefined;
  /** Puts another configuration in place, at once: for new requests, and for the next call of every run. */
  replace(config: CallersConfig): void;
}

/** What a principal is by one configuration. */
interface Standing {
  readonly principal: Principal;
  readonly expiresAtMs?: number | undefined;
}

/** Why a principal was let in, to be judged anew by each configuration. */
interface Grant {
  readonly judge: () => Standing | undefined;
  version: number;
  standing: Standing | undefined;
}

/** Keeps who may call. @param clock For keys that expire. */
export function createCallers(config: CallersConfig, clock: Clock): Callers {
  return new ConfiguredCallers(config, clock);
}

class ConfiguredCallers implements Callers {
  #config: CallersConfig;
  #version = 0;
  readonly #clock: Clock;
  readonly #grants = new WeakMap<Principal, Grant>();
  readonly #holders = new WeakMap<ClientConfig, Map<string, Principal>>();
  // Copies, so that the constants, which embedders and the command line call with, stay theirs.
  readonly #local: Principal = { ...LOCAL_PRINCIPAL };
  readonly #unlisted: Principal = { ...UNLISTED_PRINCIPAL };

  constructor(config: CallersConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  get auth(): AuthConfig | undefined {
    return this.#config.auth;
  }

  replace(config: CallersConfig): void {
    this.#config = config;
    this.#version += 1;
  }

  current(principal: Principal): Principal | undefined {
    const grant = this.#grants.get(principal);
    if (grant === undefined) return principal;
    if (grant.version !== this.#version) {
      const standing = grant.judge();
      // What has become somebody else's is not the caller's any more.
      grant.standing = standing?.principal.id === principal.id ? standing : undefined;
      grant.version = this.#version;
    }
    const { standing } = grant;
    return standing === undefined || this.#isOver(standing.expiresAtMs) ? undefined : standing.principal;
  }

  authenticate(headers: Pick<Headers, "get">): Principal {
    const { clients } = this.#config;
    const authorization = headers.get("authorization");
    if (clients.length > 0 && authorization !== null && clients.some(isAuthenticated)) {
      return this.#byKey(bearerOf(authorization));
    }
    const found = this.#byName(headers.get("x-client-id"));
    if (found === undefined) throw unknownCaller(this.#config);
    return found;
  }

  admit(token: VerifiedToken): Principal {
    const judge = (): Standing | undefined => judgeToken(this.#config, token);
    const standing = judge();
    if (standing !== undefined) return this.#grant(standing, judge);
    throw new RunletError("FORBIDDEN", "Cannot tell whose the access token is as no client's jwt fits its claims.", {
      hint: "Have the operator configure clients.NAME.jwt with the token's subject, client or claims.",
    });
  }

  find(id: string): Principal | undefined {
    const judge = (): Standing | undefined => {
      const { clients } = this.#config;
      if (clients.length === 0) return id === LOCAL_PRINCIPAL.id ? { principal: LOCAL_PRINCIPAL } : undefined;
      if (id === UNLISTED_PRINCIPAL.id && letsUnlistedIn(this.#config)) return { principal: UNLISTED_PRINCIPAL };
      const owner = clients.find((client) => client.principal.id === id || isOneOf(client, id));
      // What its token let one of many do is not kept: enough that it could post the run.
      if (owner?.token?.principalClaim !== undefined) return { principal: { ...owner.principal, id, admin: false } };
      return owner && { principal: owner.principal };
    };
    const standing = judge();
    return standing && this.#grant({ principal: { ...standing.principal } }, judge);
  }

  #byKey(key: string): Principal {
    const client = key === "" ? undefined : findClient(this.#config.clients, key);
    if (client === undefined) throw unknownCaller(this.#config, "invalid_token");
    if (this.#isOver(client.keyExpiresAtMs)) throw keyExpired(client);
    const { keyExpiresAtMs: expiresAtMs } = client;
    const { id } = client.principal;
    const keyHash = clientKeyHash(key);
    const principal = this.#holderOf(client, keyHash);
    return this.#grant({ principal, expiresAtMs }, () => {
      const now = this.#config.clients.find((each) => each.principal.id === id && each.keyHashes.includes(keyHash));
      return now && { principal: now.principal, expiresAtMs: now.keyExpiresAtMs };
    });
  }

  /** The client as the holder of one of its keys: each is judged apart, for one key may be revoked without the others. */
  #holderOf(client: ClientConfig, keyHash: string): Principal {
    if (client.keyHashes.length < 2) return client.principal;
    const holders = this.#holders.get(client) ?? new Map<string, Principal>();
    this.#holders.set(client, holders);
    const holder = holders.get(keyHash) ?? { ...client.principal };
    holders.set(keyHash, holder);
    return holder;
  }

  #byName(name: string | null): Principal | undefined {
    if (this.#config.clients.length === 0) {
      return this.#grant({ principal: this.#local }, () =>
        this.#config.clients.length === 0 ? { principal: this.#local } : undefined,
      );
    }
    const find = (): ClientConfig | undefined =>
      this.#config.clients.find((client) => !isAuthenticated(client) && client.principal.id === name);
    const client = find();
    if (client !== undefined) return this.#grant(client, find);
    if (!letsUnlistedIn(this.#config)) return undefined;
    return this.#grant({ principal: this.#unlisted }, () =>
      letsUnlistedIn(this.#config) ? { principal: this.#unlisted } : undefined,
    );
  }

  /** Remembers, for as long as somebody holds the principal, why it was let in. */
  #grant(standing: Standing, judge: Grant["judge"]): Principal {
    const { principal } = standing;
    if (!this.#grants.has(principal)) this.#grants.set(principal, { judge, version: this.#version, standing });
    return principal;
  }

  #isOver(expiresAtMs: number | undefined): boolean {
    return expiresAtMs !== undefined && this.#clock.now() >= expiresAtMs;
  }
}

/** The token of an Authorization header. @returns Empty when it has none, or several. @source RFC 6750 section 2.1 */
export function bearerOf(authorization: string): string {
  return /^bearer +(?<token>[A-Za-z0-9._~+/-]+=*)$/iu.exec(authorization)?.groups?.["token"] ?? "";
}

function isOneOf({ principal, token }: ClientConfig, id: string): boolean {
  return token?.principalClaim !== undefined && id.startsWith(`${principal.id}:`);
}

/** A caller with a key could else drop its limits by dropping the key. */
function letsUnlistedIn({ clients, defaultPolicy }: CallersConfig): boolean {
  return defaultPolicy === "allow" && clients.length > 0 && !clients.some(isAuthenticated);
}

function keyExpired({ principal }: ClientConfig): RunletError {
  return new RunletError(
    "UNAUTHENTICATED",
    `Cannot accept the key as it must not be over: that of ${principal.id} is.`,
    {
      hint: `Run \`runlet keys create ${principal.id}\` and put its hash and a later \`expires\` into the configuration.`,
      details: { error: "invalid_token" },
    },
  );
}

/** @param error Of RFC 6750, where something was presented. */
function unknownCaller({ clients, auth }: CallersConfig, error?: "invalid_token"): RunletError {
  const keyed = clients.some(({ keyHashes }) => keyHashes.length > 0);
  const named = !clients.every(isAuthenticated);
  const what = keyed ? "has no key" : clients.some(isAuthenticated) ? "has no access token" : "has no X-Client-ID";
  const issuers = auth?.issuers.map(({ issuer }) => issuer).join(", ");
  return new RunletError("UNAUTHENTICATED", `Cannot tell who calls: the request ${what} of a configured client`, {
    hint: [
      ...(keyed ? ["Send `Authorization: Bearer rk_…`; `runlet keys create NAME` makes a key."] : []),
      ...(issuers === undefined ? [] : [`Send \`Authorization: Bearer\` with an access token of ${issuers}.`]),
      ...(named ? ["Clients without a key send their name as `X-Client-ID`."] : []),
    ].join(" "),
    ...(error === undefined ? {} : { details: { error } }),
  });
}
