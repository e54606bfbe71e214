import type { AuthConfig } from "../../config/auth-config.ts";
import { SCOPES } from "../../config/principal.ts";
import type { ErrorInfo } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";

/** Path of the metadata of the service as a whole; that of `/mcp` is below it. */
export const METADATA_PATH = "/.well-known/oauth-protected-resource";

/**
 * What authorization clients must know of us: whose tokens are taken, and what scopes there are.
 *
 * @source RFC 9728 section 2
 */
export function protectedResource({ resource, issuers }: AuthConfig): Readonly<Record<string, unknown>> {
  return {
    resource,
    authorization_servers: issuers.map(({ issuer }) => issuer),
    scopes_supported: [
      ...new Set(SCOPES.flatMap((scope) => issuers.flatMap(({ scopes }) => scopes?.get(scope) ?? []))),
    ],
    bearer_methods_supported: ["header"],
    resource_name: "Runlet",
  };
}

/**
 * What `WWW-Authenticate` says of a refusal.
 *
 * @param auth Absent where no tokens are taken.
 * @returns `undefined` when a credential would not help.
 * @source RFC 6750 section 3, RFC 9728 section 5.1
 */
export function challengeOf({ code, details }: ErrorInfo, auth: AuthConfig | undefined): string | undefined {
  const { error, scope } = isRecord(details) ? details : {};
  if (code !== "UNAUTHENTICATED" && error !== "insufficient_scope") return undefined;
  const parts = [
    'realm="runlet"',
    ...(typeof error === "string" ? [`error="${error}"`] : []),
    ...(typeof scope === "string" ? [`scope="${scope}"`] : []),
    ...(auth === undefined ? [] : [`resource_metadata="${metadataUrl(auth.resource)}"`]),
  ];
  return `Bearer ${parts.join(", ")}`;
}

/** Behind a proxy with a path of its own, the metadata is below that path: where the challenge points, it is found. */
function metadataUrl(resource: string): string {
  const { origin, pathname } = new URL(resource);
  const path = pathname.replace(/\/$/u, "");
  return path.endsWith("/mcp")
    ? `${origin}${path.slice(0, -"/mcp".length)}${METADATA_PATH}/mcp`
    : `${origin}${path}${METADATA_PATH}`;
}
