import type { AuthorizationServerMetadata } from "@modelcontextprotocol/client";
import type { Clock } from "../../lib/clock.ts";
import type { Grant } from "./grant-store.ts";
import { askForToken, discoverIssuer, withinAnswerTime } from "./token-endpoint.ts";

/** Exchanges refresh tokens at the issuer that gave them; its metadata is read once. */
export class Refresher {
  readonly #clock: Clock;
  #metadata: { readonly issuer: string; readonly found: AuthorizationServerMetadata } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param clientSecret Of the grant's client. `undefined`: it is a public one.
   * @returns The grant with what was given, the refresh token too where there is another.
   * @throws Refusal, or what the SDK throws for metadata that is broken or of another issuer.
   */
  async exchange(grant: Grant, refreshToken: string, clientSecret: string | undefined): Promise<Grant> {
    const { issuer, clientId, resource } = grant;
    const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: refreshToken, resource });
    const answer = await withinAnswerTime(this.#clock, async (signal) => {
      if (this.#metadata?.issuer !== issuer) this.#metadata = { issuer, found: await discoverIssuer(issuer, signal) };
      return askForToken(this.#metadata.found, { clientId, clientSecret }, form, signal);
    });
    const nowMs = this.#clock.now();
    return {
      ...grant,
      accessToken: answer.accessToken,
      refreshToken: answer.refreshToken ?? refreshToken,
      scope: answer.scope ?? grant.scope,
      obtainedAtMs: nowMs,
      expiresAtMs: answer.lifeMs === undefined ? undefined : nowMs + answer.lifeMs,
    };
  }
}
