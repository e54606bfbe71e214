import { RunletError } from "../lib/errors.ts";
import type { Principal, Scope } from "./principal.ts";

/** Whether a principal may do something. `admin` is its client's and, where it has a token, its token's too. */
export function mayDo({ admin, scopes }: Principal, scope: Scope): boolean {
  if (scope === "admin") return admin;
  if (scopes === undefined) return true;
  const { granted } = scopes;
  return granted.has(scope) || (scope === "read" && granted.size > 0);
}

/**
 * Lets go on who may do something.
 *
 * @param what Completes "Cannot …".
 * @throws FORBIDDEN, `details` being `{error: "insufficient_scope", scope}` with the scope's name, where another token of the
 *   same issuer would help.
 */
export function requireScope(principal: Principal, scope: Scope, what: string): void {
  if (mayDo(principal, scope)) return;
  const { granted, names } = principal.scopes ?? {};
  const name = names?.get(scope);
  if (granted?.has(scope) === false && name !== undefined) {
    throw new RunletError("FORBIDDEN", `Cannot ${what} as the access token must have the scope ${name}.`, {
      hint: `Get an access token with the scope ${name}.`,
      details: { error: "insufficient_scope", scope: name },
    });
  }
  throw new RunletError(
    "FORBIDDEN",
    `Cannot ${what} as only administrators may: current principal is ${principal.id}.`,
    { hint: "Use the key of a client whose configuration says `admin: true`." },
  );
}
