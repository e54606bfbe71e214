import { type AuthorizationServerMetadata, discoverAuthorizationServerMetadata } from "@modelcontextprotocol/client";
import type { OAuthConfig } from "../../config/oauth-keys.ts";
import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import type { Log } from "../../lib/log.ts";
import { boundBody } from "../transports/bounded-body.ts";

/** Access tokens for one server, for all of its sessions. */
export interface AccessTokens {
  /** A token that is good as far as is known. @throws UPSTREAM_UNAVAILABLE when there is none to be had. */
  current(): Promise<string>;
  /** Another token than one that the server refused. @throws UPSTREAM_UNAVAILABLE as `current` does. */
  instead(refused: string): Promise<string>;
}

/** What tokens are got with. */
export interface TokenDeps {
  /** Of the MCP server, for messages. */
  readonly server: string;
  readonly clock: Clock;
  readonly log: Log;
}

interface Token {
  readonly text: string;
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

/** Share of a token's life after which another is got, while this one is still used. */
const RENEW_AT = 0.8;
/** Life of a token of which nothing is said. RFC 6749 section 5.1 leaves that open. */
const UNTOLD_LIFE_S = 300;
const ANSWER_MS = 10_000;
const ANSWER_BYTES = 64 * 1024;

/**
 * Access tokens by client credentials (RFC 6749 section 4.4) for one resource (RFC 8707). However many ask, one request is made;
 * a token is renewed at 80 % of its life while calls go on with it. Credentials go only to the token endpoint that the issuer's own
 * metadata names, and never along a redirect. Neither they nor tokens are in any error or log.
 */
export class ClientCredentials implements AccessTokens {
  readonly #config: OAuthConfig;
  readonly #deps: TokenDeps;
  #token: Token | undefined;
  #fetching: Promise<Token> | undefined;
  #metadata: AuthorizationServerMetadata | undefined;

  constructor(config: OAuthConfig, deps: TokenDeps) {
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

  async instead(refused: string): Promise<string> {
    // Of many calls that were refused the first has got another; the token of the others is the old one.
    if (this.#token !== undefined && this.#token.text !== refused) return this.#token.text;
    this.#token = undefined;
    return (await this.#renew()).text;
  }

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
    const abort = new AbortController();
    const timer = this.#deps.clock.after(ANSWER_MS, () => abort.abort());
    try {
      const answer = await this.#ask(abort.signal);
      const startMs = this.#deps.clock.monotonic();
      const lifeMs = lifeOf(answer) * 1_000;
      this.#token = { text: tokenOf(answer), renewAtMs: startMs + lifeMs * RENEW_AT, endsAtMs: startMs + lifeMs };
      return this.#token;
    } catch (error) {
      throw this.#failure(abort.signal.aborted ? new Refusal(`it has not answered within ${ANSWER_MS} ms`) : error);
    } finally {
      timer.cancel();
    }
  }

  async #ask(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const { clientId, clientSecret, scope, resource } = this.#config;
    const metadata = await this.#discover(signal);
    const form = new URLSearchParams({ grant_type: "client_credentials", resource });
    if (scope !== undefined) form.set("scope", scope);
    const headers = new Headers({ accept: "application/json" });
    const methods = metadata.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    if (methods.includes("client_secret_basic")) {
      headers.set("authorization", `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`)}`);
    } else {
      form.set("client_id", clientId);
      form.set("client_secret", clientSecret);
    }
    const request = { method: "POST", headers, body: form, redirect: "error", signal } as const;
    const response = bounded(await fetch(metadata.token_endpoint, request));
    const answer = parsed(await response.text());
    if (response.ok) return answer;
    const error =
      typeof answer["error"] === "string" && /^\w{1,64}$/u.test(answer["error"]) ? answer["error"] : undefined;
    throw new Refusal(`it answered HTTP ${response.status}${error === undefined ? "" : ` and ${error}`}`);
  }

  async #discover(signal: AbortSignal): Promise<AuthorizationServerMetadata> {
    if (this.#metadata !== undefined) return this.#metadata;
    const { issuer } = this.#config;
    const metadata = await discoverAuthorizationServerMetadata(issuer, {
      fetchFn: async (url, init) => bounded(await fetch(url, { ...init, redirect: "error", signal })),
    });
    if (metadata === undefined) throw new Refusal("it publishes no metadata");
    const endpoint = new URL(metadata.token_endpoint);
    // What takes our secret is to be as safe as what was configured.
    if (endpoint.protocol !== "https:" && endpoint.origin !== new URL(issuer).origin)
      throw new Refusal("its token endpoint is not reached over https");
    this.#metadata = metadata;
    return metadata;
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

/** Why the authorization server gave no token, in words of ours. */
class Refusal extends Error {}

function bounded(response: Response): Response {
  return boundBody(response, ANSWER_BYTES, () => undefined);
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch {
    // Told below: it is not what a token endpoint answers.
  }
  throw new Refusal("its answer is not that of a token endpoint");
}

function tokenOf({ access_token: token, token_type: type }: Readonly<Record<string, unknown>>): string {
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/u.test(token)) throw new Refusal("its answer has no access token");
  if (typeof type !== "string" || type.toLowerCase() !== "bearer") throw new Refusal("its token is no bearer token");
  return token;
}

/** Seconds. */
function lifeOf({ expires_in: life }: Readonly<Record<string, unknown>>): number {
  const seconds = typeof life === "string" ? Number(life) : life;
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0 ? seconds : UNTOLD_LIFE_S;
}

/** As RFC 6749 section 2.3.1 has names and secrets in a Basic header. */
function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}
