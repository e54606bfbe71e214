import type { FaultReport } from "./fault-report.ts";
import { isSafeUrl } from "./loopback.ts";
import type { KeyPath } from "./problem.ts";
import { section, text } from "./schema-nodes.ts";

/** How access tokens for one server are got: OAuth 2.1. */
export type OAuthConfig = ClientCredentialsConfig | AuthorizationCodeConfig;

/** The service asks for tokens in its own name. */
export interface ClientCredentialsConfig {
  readonly flow: "clientCredentials";
  /** Identifier of the authorization server. The credentials go to no other. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Separated by spaces. @default what the authorization server gives */
  readonly scope: string | undefined;
  /** The server as the authorization server knows it; RFC 8707. @default the server's `url` */
  readonly resource: string;
}

/** Somebody logs in once with `runlet auth login`; what is `undefined` is found from the server. */
export interface AuthorizationCodeConfig {
  readonly flow: "authorizationCode";
  /** Identifier of the only authorization server that is taken. @default the first that the server names */
  readonly issuer: string | undefined;
  /** Who we are there. @default found by `clientMetadataUrl`, else by registering */
  readonly clientId: string | undefined;
  /** @default none: we prove who we are by PKCE only */
  readonly clientSecret: string | undefined;
  /** Address of a document that says who we are. @default none */
  readonly clientMetadataUrl: string | undefined;
  /** Separated by spaces. @default what the server asks for */
  readonly scope: string | undefined;
  /** The server as the authorization server knows it; RFC 8707. @default what the server says, else its `url` */
  readonly resource: string | undefined;
}

/** `oauth` of a server as people write it. */
export interface OAuthOptions {
  readonly flow?: "clientCredentials" | "authorizationCode";
  readonly issuer?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly clientMetadataUrl?: string;
  readonly scope?: string;
  readonly resource?: string;
}

/** Keys of `oauth` of a server. */
export const OAUTH_KEYS = section(
  "Get access tokens for this server (OAuth 2.1) and renew them in time: with a client of the service's own, or for whoever runs `runlet auth login`.",
  {
    flow: text(
      "`clientCredentials`: the service asks in its own name, and needs issuer, clientId and clientSecret. `authorizationCode`: somebody logs in once with `runlet auth login SERVER`; every other key is optional then.",
      { enum: ["clientCredentials", "authorizationCode"], default: "clientCredentials" },
    ),
    issuer: text(
      "Authorization server, by its identifier; its metadata says where tokens are given. For a login the one that the server names when missing.",
      { minLength: 1 },
    ),
    clientId: text(
      "Who we are there. For a login: when missing, clientMetadataUrl where it is taken, else a client is registered.",
      {
        minLength: 1,
      },
    ),
    clientSecret: text("What proves it; write a reference, such as `${secret:NAME}`.", { minLength: 1, secret: true }),
    clientMetadataUrl: text("For a login: https address of the document that says who we are, which is our id there.", {
      minLength: 1,
    }),
    scope: text("Scopes to ask for, separated by spaces.", { minLength: 1 }),
    resource: text(
      "The server as the authorization server knows it; its `url` when missing, for a login what the server says.",
      { minLength: 1 },
    ),
  },
  { strictKeys: true },
);

/** What a server is known by, for faults in its `oauth`. */
interface OAuthPlace {
  readonly url: string;
  readonly path: KeyPath;
  readonly report: FaultReport;
}

/** @param url Of the server. */
export function compileOAuth(oauth: OAuthOptions, url: string, path: KeyPath, report: FaultReport): OAuthConfig {
  if (URL.canParse(url) && !isSafeUrl(url)) {
    const rule = "must go with a url of https, or of this machine: a token that travels in the clear is anybody's";
    report({ path, rule, value: url, remedy: "Reach the server over https." });
  }
  for (const [key, value] of [
    ["issuer", oauth.issuer],
    ["resource", oauth.resource],
  ] as const) {
    if (value === undefined || isSafe(value) || (key === "resource" && value === url)) continue;
    const rule = "must be an https address, or http of this machine, without a fragment";
    report({ path: [...path, key], rule, value, remedy: "Write it as the authorization server does." });
  }
  const place = { url, path, report };
  return oauth.flow === "authorizationCode" ? compileLogin(oauth, place) : compileCredentials(oauth, place);
}

function compileCredentials(oauth: OAuthOptions, { url, path, report }: OAuthPlace): ClientCredentialsConfig {
  const { issuer = "", clientId = "", clientSecret = "", scope, resource = url } = oauth;
  const missing = (["issuer", "clientId", "clientSecret"] as const).filter((key) => oauth[key] === undefined);
  if (missing.length > 0) {
    const rule = "must have issuer, clientId and clientSecret for client credentials";
    const remedy = "Add them, or write flow: authorizationCode and log in with `runlet auth login`.";
    report({ path, rule, value: `no ${missing.join(", no ")}`, remedy });
  }
  if (oauth.clientMetadataUrl !== undefined) {
    const rule = "must go with flow: authorizationCode";
    report({ path: [...path, "clientMetadataUrl"], rule, value: oauth.clientMetadataUrl, remedy: "Remove it." });
  }
  return { flow: "clientCredentials", issuer, clientId, clientSecret, scope, resource };
}

function compileLogin(oauth: OAuthOptions, { path, report }: OAuthPlace): AuthorizationCodeConfig {
  const { issuer, clientId, clientSecret, clientMetadataUrl, scope, resource } = oauth;
  if (clientSecret !== undefined && clientId === undefined) {
    const rule = "must go with the clientId that it belongs to";
    report({ path: [...path, "clientSecret"], rule, value: "a secret alone", remedy: "Add clientId, or remove it." });
  }
  // An id that is a secret's owner at one issuer is nobody at another: the server must not choose who is shown the secret.
  if (clientSecret !== undefined && issuer === undefined) {
    const rule = "must go with the issuer that it may be shown to";
    report({ path: [...path, "clientSecret"], rule, value: "no issuer", remedy: "Add issuer." });
  }
  if (clientMetadataUrl !== undefined && !isDocumentUrl(clientMetadataUrl)) {
    const rule = "must be an https address with a path, without a fragment, user or password";
    const remedy = "Write where the document is published.";
    report({ path: [...path, "clientMetadataUrl"], rule, value: clientMetadataUrl, remedy });
  }
  return { flow: "authorizationCode", issuer, clientId, clientSecret, clientMetadataUrl, scope, resource };
}

/** @source OAuth Client ID Metadata Document, section 3: a client identifier URL. */
function isDocumentUrl(address: string): boolean {
  if (!isSafe(address)) return false;
  const { protocol, pathname } = new URL(address);
  return protocol === "https:" && pathname !== "/";
}

function isSafe(address: string): boolean {
  return isSafeUrl(address) && new URL(address).hash === "" && new URL(address).username === "";
}
