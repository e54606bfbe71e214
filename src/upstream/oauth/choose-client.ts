import { type AuthorizationServerMetadata, registerClient } from "@modelcontextprotocol/client";
import type { AuthorizationCodeConfig } from "../../config/oauth-keys.ts";
import { Refusal, strictFetch, type TokenClient } from "./token-endpoint.ts";

/** Who we are for one login. */
export interface LoginClient extends TokenClient {
  /** How it came about that we are. */
  readonly kind: "configured" | "document" | "registered";
}

/**
 * Who we are at an authorization server: the client that is configured, else the document that says it, where the server reads such,
 * else one that is registered now (RFC 7591).
 *
 * @throws Refusal when there is no way.
 */
export async function chooseClient(
  metadata: AuthorizationServerMetadata,
  config: Partial<AuthorizationCodeConfig>,
  redirectUrl: string,
  signal: AbortSignal,
): Promise<LoginClient> {
  const { clientId, clientSecret, clientMetadataUrl } = config;
  if (clientId !== undefined) return { kind: "configured", clientId, clientSecret };
  if (clientMetadataUrl !== undefined && metadata.client_id_metadata_document_supported === true) {
    return { kind: "document", clientId: clientMetadataUrl, clientSecret: undefined };
  }
  if (metadata.registration_endpoint === undefined) {
    throw new Refusal(
      "it registers no clients: configure oauth.clientId, or oauth.clientMetadataUrl where it reads such documents",
    );
  }
  return register(metadata, config.scope, redirectUrl, signal);
}

async function register(
  metadata: AuthorizationServerMetadata,
  scope: string | undefined,
  redirectUrl: string,
  signal: AbortSignal,
): Promise<LoginClient> {
  const methods = metadata.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  const method = ["none", "client_secret_basic", "client_secret_post"].find((each) => methods.includes(each));
  try {
    const { client_id: clientId, client_secret: clientSecret } = await registerClient(metadata.issuer, {
      metadata,
      clientMetadata: {
        client_name: "Runlet",
        redirect_uris: [redirectUrl],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        application_type: "native",
        token_endpoint_auth_method: method ?? "none",
        ...(scope !== undefined && { scope }),
      },
      fetchFn: strictFetch(signal),
    });
    return { kind: "registered", clientId, clientSecret };
  } catch {
    // What it answered is kept nowhere: it may hold what only a client may know.
    throw new Refusal("it does not register this client: configure oauth.clientId");
  }
}
