import { RunletError } from "../lib/errors.ts";
import { findClient } from "./clients.ts";
import type { Config } from "./config.ts";
import { LOCAL_PRINCIPAL, UNLISTED_PRINCIPAL } from "./principal.ts";
import type { Principal } from "./principal.ts";

/** What is read of a configuration to tell who calls. */
type Callers = Pick<Config, "clients" | "defaultPolicy">;

/**
 * Tells who calls, from a request's headers:
 *
 * 1. no clients are configured: the local principal;
 * 2. the request has an `Authorization` header and clients have keys: the client whose key it is, or nobody;
 * 3. `X-Client-ID` is the name of a client without a key: that client. This identifies and does not authenticate; the
 *    compiler takes such clients only where nobody but this machine can reach us;
 * 4. the policy lets unlisted callers in, and no client has a key: the unlisted principal.
 *
 * @throws UNAUTHENTICATED when it is none of these.
 */
export function authenticate(callers: Callers, headers: Pick<Headers, "get">): Principal {
  const { clients } = callers;
  if (clients.length === 0) return LOCAL_PRINCIPAL;
  const authorization = headers.get("authorization");
  const keyed = clients.some(({ keyHash }) => keyHash !== undefined);
  const found =
    keyed && authorization !== null
      ? findClient(clients, bearerOf(authorization))?.principal
      : (findNamed(callers, headers.get("x-client-id")) ?? (letsUnlistedIn(callers) ? UNLISTED_PRINCIPAL : undefined));
  if (found !== undefined) return found;
  const named = clients.some(({ keyHash }) => keyHash === undefined);
  const what = keyed ? "has no key" : "has no X-Client-ID";
  throw new RunletError("UNAUTHENTICATED", `Cannot tell who calls: the request ${what} of a configured client`, {
    hint: [
      ...(keyed ? ["Send `Authorization: Bearer rk_…`; `runlet keys create NAME` makes a key."] : []),
      ...(named ? ["Clients without a key send their name as `X-Client-ID`."] : []),
    ].join(" "),
  });
}

/** The principal of this id, as `authenticate` gives it. @returns `undefined` when the configuration has none. */
export function findPrincipal(callers: Callers, id: string): Principal | undefined {
  if (callers.clients.length === 0) return id === LOCAL_PRINCIPAL.id ? LOCAL_PRINCIPAL : undefined;
  if (id === UNLISTED_PRINCIPAL.id && letsUnlistedIn(callers)) return UNLISTED_PRINCIPAL;
  return callers.clients.find((client) => client.principal.id === id)?.principal;
}

function bearerOf(authorization: string): string {
  const [scheme = "", key = ""] = authorization.split(" ");
  return scheme.toLowerCase() === "bearer" ? key : "";
}

function findNamed({ clients }: Callers, name: string | null): Principal | undefined {
  return clients.find(({ keyHash, principal }) => keyHash === undefined && principal.id === name)?.principal;
}

/** A caller with a key could else drop its limits by dropping the key. */
function letsUnlistedIn({ clients, defaultPolicy }: Callers): boolean {
  return defaultPolicy === "allow" && clients.every(({ keyHash }) => keyHash === undefined);
}
