import { hasAuthorization } from "../../config/authorization-header.ts";
import type { UpstreamConfig } from "../../config/config.ts";
import type { AccessTokens, TokenDeps } from "./access-tokens.ts";
import { ClientCredentials } from "./client-credentials.ts";
import type { GrantStore } from "./grant-store.ts";
import { StoredTokens } from "./stored-tokens.ts";

/** What the tokens of a configured server are got with. */
export interface ServerTokenDeps extends Omit<TokenDeps, "server"> {
  readonly grants: GrantStore | undefined;
  /** Is told each token before it is shown to the server. */
  readonly onToken: (server: string, token: string) => void;
}

/** Tokens for a server, for all of its sessions. One that is given an Authorization header gets no other: `undefined`. */
export function tokensFor({ name, transport }: UpstreamConfig, deps: ServerTokenDeps): AccessTokens | undefined {
  if (transport.kind !== "http") return undefined;
  const { clock, log, grants, onToken } = deps;
  const { url, oauth, headers } = transport;
  if (hasAuthorization(headers)) return undefined;
  const tokens =
    oauth?.flow === "clientCredentials"
      ? new ClientCredentials(oauth, { server: name, clock, log })
      : new StoredTokens({ url, oauth }, { server: name, clock, log, grants });
  return toldTokens(tokens, (token) => onToken(name, token));
}

/** The same tokens; each is told before it is given. */
function toldTokens(tokens: AccessTokens, tell: (token: string) => void): AccessTokens {
  return {
    async current() {
      const token = await tokens.current();
      if (token !== undefined) tell(token);
      return token;
    },
    async instead(refused) {
      const token = await tokens.instead(refused);
      tell(token);
      return token;
    },
    rejected: (token) => tokens.rejected(token),
    get needsLogin() {
      return tokens.needsLogin;
    },
    refusal: () => tokens.refusal(),
    forgive: () => tokens.forgive(),
    close: () => tokens.close(),
  };
}
