import type { FaultReport } from "./fault-report.ts";
import { isSafeUrl } from "./loopback.ts";
import type { KeyPath } from "./problem.ts";
import { section, text } from "./schema-nodes.ts";

/** How access tokens for one server are got: OAuth 2.1, client credentials. */
export interface OAuthConfig {
  /** Identifier of the authorization server. The credentials go to no other. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Separated by spaces. @default what the authorization server gives */
  readonly scope: string | undefined;
  /** The server as the authorization server knows it; RFC 8707. @default the server's `url` */
  readonly resource: string;
}

/** `oauth` of a server as people write it. */
export interface OAuthOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string;
  readonly resource?: string;
}

/** Keys of `oauth` of a server. */
export const OAUTH_KEYS = section(
  "Get access tokens for this server by client credentials (OAuth 2.1), and renew them in time.",
  {
    issuer: text("Authorization server, by its identifier; its metadata says where tokens are given.", {
      minLength: 1,
    }),
    clientId: text("Who we are there.", { minLength: 1 }),
    clientSecret: text("What proves it; write a reference, such as `${secret:NAME}`.", { minLength: 1, secret: true }),
    scope: text("Scopes to ask for, separated by spaces.", { minLength: 1 }),
    resource: text("The server as the authorization server knows it; its `url` when missing.", { minLength: 1 }),
  },
  { strictKeys: true, required: ["issuer", "clientId", "clientSecret"] },
);

/** @param url Of the server. */
export function compileOAuth(oauth: OAuthOptions, url: string, path: KeyPath, report: FaultReport): OAuthConfig {
  const { issuer, clientId, clientSecret, scope, resource = url } = oauth;
  if (URL.canParse(url) && !isSafeUrl(url)) {
    const rule = "must go with a url of https, or of this machine: a token that travels in the clear is anybody's";
    report({ path, rule, value: url, remedy: "Reach the server over https." });
  }
  for (const [key, value] of [
    ["issuer", issuer],
    ["resource", resource],
  ] as const) {
    if (isSafe(value) || (key === "resource" && value === url)) continue;
    const rule = "must be an https address, or http of this machine, without a fragment";
    report({ path: [...path, key], rule, value, remedy: "Write it as the authorization server does." });
  }
  return { issuer, clientId, clientSecret, scope, resource };
}

function isSafe(address: string): boolean {
  return isSafeUrl(address) && new URL(address).hash === "" && new URL(address).username === "";
}
