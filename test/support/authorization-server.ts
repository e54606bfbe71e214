import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import type { CryptoKey, JWK } from "jose";
import Provider from "oidc-provider";

/** A real authorization server on loopback, and the key it signs with. */
export interface AuthorizationServer {
  readonly issuer: string;
  readonly privateKey: CryptoKey;
  /** As the server publishes it. */
  readonly publicJwk: JWK;
  /** Paths that were asked of it. */
  readonly asked: readonly string[];
  /** An access token for a client, as the server itself gives it. */
  token(client: string, resource: string, scope: string): Promise<string>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

const SCOPES = "runlet:run runlet:invoke runlet:read runlet:admin";

/** Starts an authorization server that gives each of `clients` what it asks for. */
export async function startAuthorizationServer(clients: readonly string[]): Promise<AuthorizationServer> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const privateJwk = { ...(await exportJWK(privateKey)), kid: "first", use: "sig", alg: "RS256" };
  const asked: string[] = [];
  let answer: ReturnType<Provider["callback"]> | undefined;
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    void answer?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  answer = new Provider(issuer, configuration(clients, privateJwk)).callback();
  const { kty, n, e } = privateJwk;
  if (kty === undefined || n === undefined || e === undefined) throw new Error("the key is no RSA key");
  return {
    issuer,
    privateKey,
    publicJwk: { kty, n, e, kid: "first", use: "sig", alg: "RS256" },
    asked,
    async token(client, resource, scope) {
      const response = await fetch(`${issuer}/token`, {
        method: "POST",
        headers: { authorization: `Basic ${btoa(`${client}:secret`)}` },
        body: new URLSearchParams({ grant_type: "client_credentials", scope, resource }),
      });
      const { access_token: token } = (await response.json()) as { readonly access_token: string };
      return token;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function configuration(clients: readonly string[], key: object): object {
  return {
    jwks: { keys: [key] },
    clients: clients.map((id) => ({
      client_id: id,
      client_secret: "secret",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    })),
    scopes: SCOPES.split(" "),
    ttl: { ClientCredentials: 60 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_: unknown, resource: string) => ({
          scope: SCOPES,
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: 60,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  };
}
