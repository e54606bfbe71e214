import {
  type AuthorizationServerMetadata,
  checkResourceAllowed,
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
  LATEST_PROTOCOL_VERSION,
} from "@modelcontextprotocol/client";
import type { AuthorizationCodeConfig } from "../../config/oauth-keys.ts";
import { isSafeUrl } from "../../config/loopback.ts";
import { discoverIssuer, isSafeEndpoint, isSameIssuer, Refusal, strictFetch } from "./token-endpoint.ts";

/** Where somebody logs in to a server. */
export interface Authorization {
  readonly issuer: string;
  readonly metadata: AuthorizationServerMetadata;
  /** What tokens are to be for. */
  readonly resource: string;
  /** Separated by spaces. `undefined`: nobody says which. */
  readonly scope: string | undefined;
}

/** What a server says of itself without a token. */
interface Resource {
  readonly resource: string | undefined;
  readonly issuers: readonly string[];
  readonly scope: string | undefined;
}

const PROBE = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });

/**
 * Finds the authorization server of an MCP server: from its answer 401 (RFC 9728), else from the well-known address, else at its
 * own origin; then that server's metadata (RFC 8414, OpenID discovery). What is configured is held against what is found.
 *
 * @throws Refusal with why it is not usable; whatever the SDK throws for metadata that is broken or of another issuer.
 */
export async function findAuthorization(
  url: string,
  config: Partial<AuthorizationCodeConfig>,
  signal: AbortSignal,
): Promise<Authorization> {
  const found = await askResource(url, signal);
  const issuer = chooseIssuer(url, config.issuer, found);
  const metadata = await discoverIssuer(issuer, signal);
  checkLogin(metadata, issuer);
  const resource = config.resource ?? found.resource ?? withoutFragment(url);
  return { issuer: metadata.issuer, metadata, resource, scope: config.scope ?? withRefresh(found.scope, metadata) };
}

async function askResource(url: string, signal: AbortSignal): Promise<Resource> {
  const fetchFn = strictFetch(signal);
  const headers = {
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    "mcp-protocol-version": LATEST_PROTOCOL_VERSION,
  };
  const response = await fetchFn(url, { method: "POST", headers, body: PROBE });
  await response.body?.cancel();
  const challenge = response.status === 401 ? extractWWWAuthenticateParams(response) : {};
  const named = challenge.resourceMetadataUrl;
  if (named !== undefined && !isReachable(named.href, url))
    throw new Refusal("it names metadata that is not safe to read");
  try {
    const metadata = await discoverOAuthProtectedResourceMetadata(
      url,
      named === undefined ? {} : { resourceMetadataUrl: named },
      fetchFn,
    );
    const { resource } = metadata;
    if (!checkResourceAllowed({ requestedResource: withoutFragment(url), configuredResource: resource })) {
      throw new Refusal("its metadata is that of another resource");
    }
    const scope = challenge.scope ?? metadata.scopes_supported?.join(" ");
    return { resource, issuers: metadata.authorization_servers ?? [], scope: scope === "" ? undefined : scope };
  } catch (error) {
    if (named !== undefined || error instanceof Refusal) throw error;
    // A server older than RFC 9728 has none: its own origin is its authorization server then.
    return { resource: undefined, issuers: [], scope: challenge.scope };
  }
}

function chooseIssuer(url: string, configured: string | undefined, { issuers }: Resource): string {
  if (configured !== undefined) {
    if (issuers.length === 0 || issuers.some((issuer) => isSameIssuer(issuer, configured))) return configured;
    throw new Refusal("the server does not name the issuer that is configured");
  }
  const issuer = issuers[0] ?? new URL(url).origin;
  if (isReachable(issuer, url)) return issuer;
  throw new Refusal("the server names an authorization server that is not reached over https");
}

/** Whether a server that is elsewhere does not send us to this machine, nor anyone over a line that others can change. */
function isReachable(address: string, url: string): boolean {
  if (!isSafeUrl(address)) return false;
  return new URL(address).protocol === "https:" || new URL(url).protocol === "http:";
}

function checkLogin(metadata: AuthorizationServerMetadata, issuer: string): void {
  const {
    authorization_endpoint: page,
    registration_endpoint: register,
    code_challenge_methods_supported: methods,
  } = metadata;
  for (const endpoint of [page, register]) {
    if (endpoint !== undefined && !isSafeEndpoint(endpoint, issuer))
      throw new Refusal(`${issuer} has an endpoint that is not reached over https`);
  }
  // Without it a code that somebody else gets hold of is as good as ours.
  if (methods?.includes("S256") !== true) throw new Refusal(`${issuer} does not say that it knows PKCE with S256`);
}

/** Adds what authorization servers of OpenID want for a refresh token. */
function withRefresh(scope: string | undefined, metadata: AuthorizationServerMetadata): string | undefined {
  if (metadata.scopes_supported?.includes("offline_access") !== true) return scope;
  return [...new Set([...(scope ?? "").split(" "), "offline_access"])].join(" ").trim();
}

function withoutFragment(url: string): string {
  const resource = new URL(url);
  resource.hash = "";
  return resource.href;
}
