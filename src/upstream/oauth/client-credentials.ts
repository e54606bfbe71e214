import type { AuthorizationServerMetadata } from "@modelcontextprotocol/client";
import type { ClientCredentialsConfig } from "../../config/oauth-keys.ts";
import { RunletError } from "../../lib/errors.ts";
import type { AccessTokens, TokenDeps } from "./access-tokens.ts";
import { askForToken, discoverIssuer, Refusal, type TokenAnswer, withinAnswerTime } from "./token-endpoint.ts";

interface Token {
  readonly text: string;
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

/** Share of a token's life after which another is got, while this one is still used. */
const RENEW_AT = 0.8;
/** Life of a token of which nothing is said. RFC 6749 section 5.1 leaves that open. */
const UNTOLD_LIFE_MS = 300_000;

/**
 * Access tokens by client credentials (RFC 6749 section 4.4) for one resource (RFC 8707). However many ask, one request is made;
 * a token is renewed at 80 % of its life while calls go on with it. Credentials go only to the token endpoint that the issuer's own
 * metadata names, and never along a redirect. Neither they nor tokens are in any error or log.
 */
export class ClientCredentials implements AccessTokens {
  readonly needsLogin = false;
  readonly #config: ClientCredentialsConfig;
  readonly #deps: TokenDeps;
  #token: Token | undefined;
  #fetching: Promise<Token> | undefined;
  #metadata: AuthorizationServerMetadata | undefined;

  constructor(config: ClientCredentialsConfig, deps: TokenDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  async current(): Promise<string> {
    const token = this.#token;
    const nowMs = this.#deps.clock.monotonic();
    if (token === undefined || nowMs >= token.endsAtMs) return (await this.#renew()).text;
    if (nowMs >= token.renewAtMs) void this.#renewAhead();
    return token.text;
  }

  async instead(refused: string | undefined): Promise<string> {
    // Of many calls that were refused the first has got another; the token of the others is the old one.
    if (this.#token !== undefined && this.#token.text !== refused) return this.#token.text;
    this.#token = undefined;
    return (await this.#renew()).text;
  }

  /** Nobody's login would mend it: the server's answer is told as it is. */
  rejected(): void {}

  refusal(): undefined {
    return undefined;
  }

  forgive(): void {}

  /** Tokens are kept nowhere. */
  async close(): Promise<void> {}

  async #renewAhead(): Promise<void> {
    try {
      await this.#renew();
    } catch (error) {
      this.#deps.log.warn(
        { server: this.#deps.server, err: error },
        "access token is not renewed: the old one is used",
      );
    }
  }

  #renew(): Promise<Token> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<Token> {
    const { clock } = this.#deps;
    try {
      const { accessToken, lifeMs = UNTOLD_LIFE_MS } = await withinAnswerTime(clock, (signal) => this.#ask(signal));
      const startMs = clock.monotonic();
      this.#token = { text: accessToken, renewAtMs: startMs + lifeMs * RENEW_AT, endsAtMs: startMs + lifeMs };
      return this.#token;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async #ask(signal: AbortSignal): Promise<TokenAnswer> {
    const { issuer, clientId, clientSecret, scope, resource } = this.#config;
    this.#metadata ??= await discoverIssuer(issuer, signal);
    const form = new URLSearchParams({ grant_type: "client_credentials", resource });
    if (scope !== undefined) form.set("scope", scope);
    return askForToken(this.#metadata, { clientId, clientSecret }, form, signal);
  }

  #failure(cause: unknown): RunletError {
    const { server } = this.#deps;
    const { issuer } = this.#config;
    const why = cause instanceof Refusal ? cause.message : "it cannot be reached, or its metadata is not its own";
    const message = `Cannot get an access token for server "${server}" as ${issuer} must give one: ${why}.`;
    const hint = `Check mcpServers.${server}.oauth, and that this client may use the grant client_credentials there.`;
    return new RunletError("UPSTREAM_UNAVAILABLE", message, { server, hint, details: { sent: false }, cause });
  }
}
