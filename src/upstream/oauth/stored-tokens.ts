import type { AuthorizationCodeConfig } from "../../config/oauth-keys.ts";
import { RunletError } from "../../lib/errors.ts";
import type { AccessTokens, TokenDeps } from "./access-tokens.ts";
import type { Grant, GrantStore } from "./grant-store.ts";
import { doesNotOpen, needsLogin } from "./needs-login.ts";
import { Refresher } from "./refresher.ts";
import { isSameIssuer, Refusal } from "./token-endpoint.ts";

/** What stored tokens are got with. */
export interface StoredTokenDeps extends TokenDeps {
  /** Where logins are kept. @default nowhere: nobody can log in */
  readonly grants: GrantStore | undefined;
}

/** A server whose tokens somebody's login gives. */
export interface StoredTokenTarget {
  readonly url: string;
  /** `undefined`: nothing is configured, and whether the server wants a token is for it to say. */
  readonly oauth: AuthorizationCodeConfig | undefined;
}

interface Block {
  readonly error: RunletError;
  /** The store as it was: a login changes it. */
  readonly stamp: string;
  readonly untilMs: number;
}

const RENEW_AT = 0.8;
/** What was refused or failed is tried again after so long: the other side, or the operator, may have mended it. */
const AGAIN_MS = 30_000;
/** Answers by which an authorization server says that only another login helps. @source RFC 6749, section 5.2 */
const OVER: ReadonlySet<unknown> = new Set(["invalid_grant", "invalid_client", "unauthorized_client"]);

/**
 * Access tokens of `runlet auth login`, from a store that other processes use too.
 *
 *     no grant ──login──► in use ──80 % of life, or 401──► renewed ──► in use
 *        ▲                  └──── renewal refused, or no renewal to be had ────► needs login
 *        └── nothing configured: asked without a token until the server answers 401 ──► needs login
 *
 * Only a grant of this server's name and url, and of the issuer, resource and client that are configured, is used. One renewal is
 * made at a time, by one process at a time; what it gives is kept before it is used. After a login it goes on by itself: the
 * file is looked at before each attempt.
 */
export class StoredTokens implements AccessTokens {
  readonly #target: StoredTokenTarget;
  readonly #deps: StoredTokenDeps;
  readonly #refresher: Refresher;
  #grant: Grant | undefined;
  /** The store when it was read last; `undefined`: it was not. */
  #stamp: string | undefined;
  #block: Block | undefined;
  #renewing: Promise<Grant> | undefined;
  #asking: Promise<unknown> | undefined;
  /** On the monotonic clock: no renewal ahead of need before. */
  #aheadAtMs = 0;
  #opens = true;
  /** A refresh token that the authorization server takes no more. */
  #spent: string | undefined;
  #closed = false;

  constructor(target: StoredTokenTarget, deps: StoredTokenDeps) {
    this.#target = target;
    this.#deps = deps;
    this.#refresher = new Refresher(deps.clock);
  }

  get needsLogin(): boolean {
    return this.#block !== undefined;
  }

  refusal(): RunletError | undefined {
    const block = this.#block;
    if (block === undefined || block.untilMs <= this.#deps.clock.monotonic()) return undefined;
    return block.stamp === this.#stampNow() ? block.error : undefined;
  }

  forgive(): void {
    this.#block = undefined;
    this.#spent = undefined;
    this.#stamp = undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#asking;
  }

  async current(): Promise<string | undefined> {
    const refusal = this.refusal();
    if (refusal !== undefined) throw refusal;
    if (this.#block !== undefined) this.#stamp = undefined;
    this.#block = undefined;
    const isAsked = this.#target.oauth !== undefined || this.#grant !== undefined;
    // A server that was never seen to want a token costs no look at the file with each request.
    const grant = isAsked || this.#stamp === undefined ? this.#load() : undefined;
    if (grant === undefined) {
      if (this.#target.oauth === undefined) return undefined;
      throw this.#needsLogin("nobody has logged in");
    }
    const nowMs = this.#deps.clock.now();
    const { obtainedAtMs, expiresAtMs, refreshToken, accessToken } = grant;
    if (expiresAtMs === undefined) return accessToken;
    if (nowMs >= expiresAtMs) return (await this.#renew(grant)).accessToken;
    const isDue = nowMs >= obtainedAtMs + (expiresAtMs - obtainedAtMs) * RENEW_AT;
    const isOpen = refreshToken !== undefined && refreshToken !== this.#spent;
    if (isDue && isOpen && this.#deps.clock.monotonic() >= this.#aheadAtMs) void this.#renewAhead(grant);
    return accessToken;
  }

  async instead(refused: string | undefined): Promise<string> {
    const grant = this.#load();
    if (grant === undefined) throw this.#needsLogin("it asks for an access token, and nobody has logged in");
    // Of many calls that were refused the first has got another; so has another process.
    const isOver = grant.expiresAtMs !== undefined && this.#deps.clock.now() >= grant.expiresAtMs;
    if (grant.accessToken !== refused && !isOver) return grant.accessToken;
    return (await this.#renew(grant)).accessToken;
  }

  rejected(token: string): void {
    // Another process may have exchanged it meanwhile.
    if (this.#load()?.accessToken !== token) return;
    throw this.#needsLogin("it refuses the access token that the login gave", AGAIN_MS);
  }

  async #renewAhead(grant: Grant): Promise<void> {
    try {
      await this.#shared(grant);
    } catch (error) {
      const { log, server, clock } = this.#deps;
      this.#aheadAtMs = clock.monotonic() + AGAIN_MS;
      log.warn({ server, err: error }, "access token is not renewed: the old one is used");
    }
  }

  async #renew(grant: Grant): Promise<Grant> {
    try {
      return await this.#shared(grant);
    } catch (error) {
      if (error instanceof Refusal && OVER.has(error.code)) throw this.#needsLogin(error.message);
      throw error instanceof RunletError ? error : this.#failure(grant, error);
    }
  }

  #shared(grant: Grant): Promise<Grant> {
    this.#renewing ??= this.#exchange(grant).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Exchanges the refresh token, unless another process did so meanwhile. */
  async #exchange(old: Grant): Promise<Grant> {
    const { grants } = this.#deps;
    if (grants === undefined) throw over("its access token is over, and no other is to be had");
    return grants.exclusively(old, async () => {
      const grant = this.#load();
      if (grant === undefined) throw over("its login was removed");
      if (grant.accessToken !== old.accessToken) return grant;
      const { refreshToken } = grant;
      if (refreshToken === undefined) throw over("its access token is over, and no other comes without a login");
      if (refreshToken === this.#spent) throw over("its login is over");
      if (this.#closed) throw new Refusal("the server is closed");
      // The one in the file may be good for one exchange: it is made only where what it gives can be kept.
      await grants.save(grant);
      const asking = this.#askAndKeep(grant, refreshToken, grants);
      this.#asking = asking.catch(() => undefined);
      return asking;
    });
  }

  async #askAndKeep(grant: Grant, refreshToken: string, grants: GrantStore): Promise<Grant> {
    try {
      const { oauth } = this.#target;
      const clientSecret = oauth?.clientId === undefined ? grant.clientSecret : oauth.clientSecret;
      const next = await this.#refresher.exchange(grant, refreshToken, clientSecret);
      await this.#keep(next, grants);
      return next;
    } catch (error) {
      return this.#takenMeanwhile(grant, error);
    }
  }

  /** Somebody may have logged in while we asked, or a process that was thought dead may have been first. */
  #takenMeanwhile(grant: Grant, error: unknown): Grant {
    if (!(error instanceof Refusal) || !OVER.has(error.code)) throw error;
    const stored = this.#load();
    if (stored !== undefined && stored.accessToken !== grant.accessToken) return stored;
    this.#spent = grant.refreshToken;
    throw new Refusal(`its login is over: ${grant.issuer} answered ${String(error.code)}`, error.code);
  }

  async #keep(next: Grant, grants: GrantStore): Promise<void> {
    try {
      await grants.save(next);
      this.#stamp = undefined;
    } catch (error) {
      // It could be kept a moment ago. What this process has is all there is: it goes on with it.
      const { log, server } = this.#deps;
      log.error({ server, err: error }, "access token is renewed and not kept: after a restart somebody must log in");
      this.#stamp = this.#stampNow();
    }
    this.#grant = next;
  }

  /** The grant that is for this server as it is configured now; read again when the file has changed. */
  #load(): Grant | undefined {
    const { grants, log, server } = this.#deps;
    const stamp = this.#stampNow();
    if (grants === undefined || stamp === this.#stamp) return this.#grant;
    this.#stamp = stamp;
    try {
      this.#grant = grants.list().findLast((grant) => isFor(this.#target, server, grant));
      this.#opens = true;
    } catch (error) {
      if (!(error instanceof RunletError)) throw error;
      log.warn({ server, err: error }, "tokens of logins do not open");
      this.#grant = undefined;
      this.#opens = false;
    }
    return this.#grant;
  }

  #stampNow(): string {
    return this.#deps.grants?.stamp() ?? "";
  }

  #needsLogin(why: string, forMs?: number): RunletError {
    const { server, clock } = this.#deps;
    const isOpen = this.#target.oauth === undefined && this.#grant === undefined;
    const error = this.#opens ? needsLogin(server, why, isOpen) : doesNotOpen(server);
    // A server of which nothing is configured may do without a token one day; what opens the store may be given.
    const mayChange = !this.#opens || isOpen;
    const waitMs = forMs ?? (mayChange ? AGAIN_MS : Number.POSITIVE_INFINITY);
    this.#block = { error, stamp: this.#stampNow(), untilMs: clock.monotonic() + waitMs };
    return error;
  }

  #failure({ issuer }: Grant, cause: unknown): RunletError {
    const { server } = this.#deps;
    const why = cause instanceof Refusal ? cause.message : "it cannot be reached, or its metadata is not its own";
    const message = `Cannot renew the access token for server "${server}" as ${issuer} must give one: ${why}.`;
    const hint = `It is tried again with the next call; where it stays so, run \`runlet auth login ${server}\`.`;
    return new RunletError("UPSTREAM_UNAVAILABLE", message, { server, hint, details: { sent: false }, cause });
  }
}

function over(why: string): Refusal {
  return new Refusal(why, "invalid_grant");
}

/** A token is for one server at one address, of one issuer, resource and client where those are configured. */
function isFor({ url, oauth }: StoredTokenTarget, server: string, grant: Grant): boolean {
  if (grant.server !== server || grant.url !== url) return false;
  if (oauth?.issuer !== undefined && !isSameIssuer(oauth.issuer, grant.issuer)) return false;
  if (oauth?.resource !== undefined && oauth.resource !== grant.resource) return false;
  return oauth?.clientId === undefined || oauth.clientId === grant.clientId;
}
