import type { ClientTokenConfig, IssuerConfig, VerifiedToken } from "./auth-config.ts";
import type { Config } from "./config.ts";
import type { GrantedScopes, Principal } from "./principal.ts";

/** What names of principals are made of: they are shown, logged and compared. */
const PRINCIPAL_VALUE = /^[^\p{C}\p{Z}]{1,255}$/u;

/**
 * Whose a verified token is: the first client that it fits, with what its scopes let it do.
 *
 * @returns `undefined` when it is nobody's.
 */
export function judgeToken(
  { clients, auth }: Pick<Config, "clients" | "auth">,
  { issuer, claims }: VerifiedToken,
): { readonly principal: Principal } | undefined {
  const known = auth?.issuers.find((each) => each.issuer === issuer);
  if (known === undefined) return undefined;
  const client = clients.find(({ token }) => token?.issuer === issuer && fits(token, claims));
  if (client?.token === undefined) return undefined;
  const { access, admin, id, approve } = client.principal;
  const decides = approve === undefined ? {} : { approve };
  const scopes = scopesOf(known, claims);
  const { principalClaim } = client.token;
  const name = principalClaim === undefined ? id : `${id}:${String(claims[principalClaim])}`;
  if (scopes === undefined) return { principal: { id: name, access, admin, ...decides } };
  return { principal: { id: name, access, admin: admin && scopes.granted.has("admin"), scopes, ...decides } };
}

function fits(token: ClientTokenConfig, claims: VerifiedToken["claims"]): boolean {
  const { subject, clientId, principalClaim } = token;
  if (subject !== undefined && claims["sub"] !== subject) return false;
  if (clientId !== undefined && (claims["client_id"] ?? claims["azp"]) !== clientId) return false;
  if (principalClaim !== undefined) {
    const value = Object.hasOwn(claims, principalClaim) ? claims[principalClaim] : undefined;
    if (typeof value !== "string" || !PRINCIPAL_VALUE.test(value)) return false;
  }
  return [...token.claims].every(([name, wanted]) => Object.hasOwn(claims, name) && holds(claims[name], wanted));
}

function holds(claim: unknown, wanted: string): boolean {
  return (Array.isArray(claim) ? (claim as unknown[]) : [claim]).some(
    (value) => ["string", "number", "boolean"].includes(typeof value) && String(value) === wanted,
  );
}

/** @source RFC 9068 section 2.2.3: `scope`, parted by spaces; other issuers write `scp`, also as a list. */
function scopesOf({ scopes }: IssuerConfig, claims: VerifiedToken["claims"]): GrantedScopes | undefined {
  if (scopes === undefined) return undefined;
  const given = new Set(
    [claims["scope"], claims["scp"]].flatMap((value) =>
      typeof value === "string" ? value.split(" ") : Array.isArray(value) ? (value as unknown[]) : [],
    ),
  );
  const granted = new Set([...scopes].flatMap(([scope, name]) => (given.has(name) ? [scope] : [])));
  return { granted, names: scopes };
}
