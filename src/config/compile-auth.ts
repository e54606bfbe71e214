import { TOKEN_ALGORITHMS } from "./auth-config.ts";
import type { AuthConfig, ClientTokenConfig, IssuerConfig } from "./auth-config.ts";
import { ISSUER_KEYS, SCOPE_KEYS } from "./auth-keys.ts";
import type { ClientAuthOptions, IssuerOptions } from "./auth-keys.ts";
import type { FaultReport } from "./fault-report.ts";
import { isSafeUrl } from "./loopback.ts";
import type { Options } from "./options.ts";
import type { KeyPath } from "./problem.ts";
import { SCOPES } from "./principal.ts";
import type { Scope } from "./principal.ts";
import { parseDuration } from "./units.ts";

const DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/u;

/** How access tokens are checked. @returns `undefined` when none are taken. */
export function compileAuth({ auth, clients }: Options, report: FaultReport): AuthConfig | undefined {
  if (auth === undefined) return undefined;
  checkResource(auth.resource, report);
  const path = ["auth", "issuers"];
  if (auth.issuers.length === 0) {
    report({ path, rule: "must name an issuer", value: [], remedy: "Write one, or remove auth." });
  }
  const users = new Set(Object.values(clients ?? {}).flatMap(({ jwt }) => jwt?.issuer ?? []));
  const names = new Set<string>();
  const issuers = auth.issuers.map((options, index): IssuerConfig => {
    const { issuer } = options;
    const at = [...path, index, "issuer"];
    if (names.has(issuer)) {
      report({ path: at, rule: "must be there once", value: issuer, remedy: "Remove one of the two." });
    }
    names.add(issuer);
    if (!users.has(issuer)) {
      const rule = "must be the issuer of a client's tokens, lest no token of it is anybody's";
      report({ path: at, rule, value: issuer, remedy: "Write clients.NAME.jwt.issuer." });
    }
    return compileIssuer(options, auth.resource, [...path, index], report);
  });
  return { resource: auth.resource, issuers };
}

function compileIssuer(options: IssuerOptions, resource: string, path: KeyPath, report: FaultReport): IssuerConfig {
  const { issuer, audience = resource, jwksUri, algorithms = TOKEN_ALGORITHMS, scopes = true } = options;
  checkSafeUrl(issuer, [...path, "issuer"], report);
  if (jwksUri !== undefined) checkSafeUrl(jwksUri, [...path, "jwksUri"], report);
  const audiences = typeof audience === "string" ? [audience] : audience;
  const lists = { audience: audiences, algorithms };
  for (const [key, list] of Object.entries(lists)) {
    const remedy = "Remove it, and the usual ones are taken.";
    if (list.length === 0) report({ path: [...path, key], rule: "must not be empty", value: list, remedy });
  }
  const names = typeof scopes === "boolean" ? {} : scopes;
  const named = SCOPES.map((scope): [Scope, string] => [scope, names[scope] ?? SCOPE_KEYS[scope].default]);
  for (const [scope, name] of named) {
    if (/^[\x21\x23-\x5b\x5d-\x7e]+$/u.test(name)) continue;
    const rule = "must be one scope: printable characters without spaces, quotes and backslashes";
    report({ path: [...path, "scopes", scope], rule, value: name, remedy: "Write it as the issuer does." });
  }
  return {
    issuer,
    audiences,
    jwksUri,
    algorithms,
    clockToleranceMs: parseDuration(options.clockTolerance ?? "") ?? ISSUER_KEYS.clockTolerance.default,
    scopes: scopes === false ? undefined : new Map(named),
  };
}

/** @source RFC 8707 section 2: an absolute URI without a fragment, and better without a query. */
function checkResource(resource: string, report: FaultReport): void {
  const url = URL.canParse(resource) ? new URL(resource) : undefined;
  const isOurs =
    url !== undefined &&
    /^https?:$/u.test(url.protocol) &&
    !/[?#]/u.test(resource) &&
    url.username + url.password === "";
  if (isOurs) return;
  const rule = "must be an http or https address without query, fragment and user";
  report({
    path: ["auth", "resource"],
    rule,
    value: resource,
    remedy: "Write the address of /mcp as callers know it.",
  });
}

/** Keys that travel in the clear could be exchanged on their way. */
function checkSafeUrl(text: string, path: KeyPath, report: FaultReport): void {
  if (isSafeUrl(text) && new URL(text).username + new URL(text).password === "") return;
  const rule = "must be an https address without a user; http is for this machine only";
  report({ path, rule, value: text, remedy: "Write it as https://host/path." });
}

/** Which tokens are a client's. @returns `undefined` when none are. */
export function compileClientToken(
  name: string,
  { jwt }: ClientAuthOptions,
  { auth }: Options,
  report: FaultReport,
): ClientTokenConfig | undefined {
  if (jwt === undefined) return undefined;
  const path = ["clients", name, "jwt"];
  const { issuer, subject, clientId, claims = {}, principalClaim } = jwt;
  const known = auth?.issuers.map((each) => each.issuer) ?? [];
  if (!known.includes(issuer)) {
    const remedy = known.length === 0 ? "Write it there." : `There are ${known.join(", ")}.`;
    report({ path: [...path, "issuer"], rule: "must be one of auth.issuers", value: issuer, remedy });
  }
  if ([subject, clientId, principalClaim, ...Object.keys(claims)].every((part) => part === undefined)) {
    const rule = "must say whose tokens are meant, lest all of the issuer's subjects are one client";
    const remedy = "Write subject, clientId or claims, or principalClaim: sub for a principal each.";
    report({ path, rule, value: "an issuer only", remedy });
  }
  const texts = Object.entries(claims).map(([claim, value]): [string, string] => [claim, String(value)]);
  return { issuer, subject, clientId, claims: new Map(texts), principalClaim };
}

/** When a client's key ends, ms since the epoch. @returns `undefined` when it does not. */
export function compileExpiry(
  name: string,
  { expires, key }: ClientAuthOptions & { readonly key?: string | readonly string[] },
  report: FaultReport,
): number | undefined {
  if (expires === undefined) return undefined;
  const path = ["clients", name, "expires"];
  if (key === undefined) {
    const rule = "must go with a key, which is what ends";
    report({ path, rule, value: expires, remedy: "Remove it." });
  }
  const ms = DATE.test(expires) ? Date.parse(expires) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  const rule = "must be a date such as 2027-01-31, or a time with its zone such as 2027-01-31T12:00:00Z";
  report({ path, rule, value: expires, remedy: "Write it so; a date alone ends at its first moment, UTC." });
  return undefined;
}
