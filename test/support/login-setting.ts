import { join } from "node:path";
import type { UpstreamConfig } from "../../src/config/config.ts";
import type { AuthorizationCodeConfig } from "../../src/config/oauth-keys.ts";
import { newKeyText } from "../../src/config/secrets/master-key.ts";
import type { SecretsPlace } from "../../src/config/secrets/secrets-place.ts";
import { tokensPlaceOf } from "../../src/config/secrets/tokens-place.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createGrantStore, type Grant, type GrantStore } from "../../src/upstream/oauth/grant-store.ts";
import { login, type LoginPage } from "../../src/upstream/oauth/login.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  browse,
  type GuardedServer,
  type GuardOptions,
  type LoginServer,
  type LoginServerOptions,
  startGuardedServer,
  startLoginServer,
} from "./login-server.ts";
import { createBench, httpConfig, type UpstreamBench } from "./upstreams.ts";

/** A server that wants tokens, its authorization server, and what one machine keeps of logins. */
export interface LoginSetting {
  readonly authorization: LoginServer;
  readonly guard: GuardedServer;
  readonly bench: UpstreamBench;
  readonly grants: GrantStore;
  /** Of the tokens. */
  readonly place: SecretsPlace;
  /** @param oauth `undefined`: nothing is configured. */
  readonly upstream: (oauth?: Partial<AuthorizationCodeConfig>) => Upstream;
  /** @param visit What the browser does. @default whoever sits there logs in and agrees */
  readonly logIn: (oauth?: Partial<AuthorizationCodeConfig>, visit?: (page: LoginPage) => unknown) => Promise<Grant>;
  close(): Promise<void>;
}

/** A login of which everything is found from the server. */
export const EVERYTHING_FOUND: AuthorizationCodeConfig = {
  flow: "authorizationCode",
  issuer: undefined,
  clientId: undefined,
  clientSecret: undefined,
  clientMetadataUrl: undefined,
  scope: undefined,
  resource: undefined,
};

/** Starts the servers; the authorization server registers clients unless it is told not to. */
export async function createLoginSetting(
  options: LoginServerOptions = {},
  guarding: GuardOptions = {},
): Promise<LoginSetting> {
  const bench = createBench();
  const authorization = await startLoginServer({ registers: true, ...options });
  const guard = await startGuardedServer(authorization, guarding);
  const place = tokensPlaceOf({ file: join(bench.folder, "secrets.json"), keyFile: "/none", keyText: newKeyText() });
  const grants = createGrantStore(place, systemClock);
  return {
    authorization,
    guard,
    bench,
    grants,
    place,
    upstream: (oauth) => bench.upstream(configOf(guard.url, oauth), { grants }),
    logIn(oauth, visit = ({ address }) => browse(address)) {
      const { signal } = new AbortController();
      const show = (page: LoginPage): void => void visit(page);
      const config = oauth && { ...EVERYTHING_FOUND, ...oauth };
      return login(
        { server: "server", url: guard.url, oauth: config, port: 0, show, signal },
        { clock: systemClock, grants },
      );
    },
    async close() {
      await bench.close();
      await guard.close();
      await authorization.close();
    },
  };
}

function configOf(url: string, oauth: Partial<AuthorizationCodeConfig> | undefined): UpstreamConfig {
  const transport = { kind: "http" as const, url, headers: {} };
  const login = oauth && { ...EVERYTHING_FOUND, ...oauth };
  return { ...httpConfig(url), transport: login === undefined ? transport : { ...transport, oauth: login } };
}
