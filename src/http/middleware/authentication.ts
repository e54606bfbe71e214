import { requireScope } from "../../config/scopes.ts";
import type { Scope } from "../../config/principal.ts";
import { RunletError } from "../../lib/errors.ts";
import type { AppMiddleware } from "../context.ts";
import type { HttpDeps } from "../deps.ts";

/**
 * Tells who calls, keeps it for the request, and lets go on who may.
 *
 * @throws REQUEST_INVALID when a token is in the address, where it would end up in logs; UNAUTHENTICATED, FORBIDDEN,
 *   ISSUER_UNAVAILABLE.
 * @source RFC 6750 section 2.3, RFC 9700 section 4.3.2: no tokens in addresses.
 */
export function authentication(deps: Pick<HttpDeps, "authenticate">, scope: Scope): AppMiddleware {
  return async (c, next) => {
    if (new URL(c.req.url).searchParams.has("access_token")) throw tokenInAddress();
    const principal = await deps.authenticate(c.req.raw.headers);
    c.set("principal", principal);
    requireScope(principal, scope, `${c.req.method} ${c.get("route") ?? "this route"}`);
    await next();
  };
}

function tokenInAddress(): RunletError {
  return new RunletError("REQUEST_INVALID", "Cannot take an access token from the address as logs would hold it.", {
    hint: "Send it as `Authorization: Bearer …`, and get another one in place of this.",
  });
}
