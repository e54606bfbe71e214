import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from "jose";
import type { JWK } from "jose";
import Provider from "oidc-provider";
import { forwardTo } from "./forward.ts";
import { startModernServer, type ModernServer } from "./mcp-http-server.ts";

/** How an authorization server of people is. */
export interface LoginServerOptions {
  /** Clients that it knows: id and, of confidential ones, secret. @default none */
  readonly clients?: Readonly<Record<string, string | undefined>>;
  /** Whether it registers clients. @default false */
  readonly registers?: boolean;
  /** The document that it reads at an address of https. @default it reads none */
  readonly document?: { readonly url: string; readonly content: object };
  /** Seconds. @default 3600 */
  readonly accessTokenLife?: number;
  /** Whether it gives refresh tokens. @default true */
  readonly refreshes?: boolean;
  /** Takes an answer into its own hands, returning whether it did. */
  readonly odd?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A real authorization server on loopback, at which anybody who comes is logged in. */
export interface LoginServer {
  readonly issuer: string;
  readonly publicJwk: JWK;
  /** Paths that were asked of it. */
  readonly asked: readonly string[];
  /** How often its token endpoint was asked. */
  exchanges(): number;
  /** Forgets every refresh token that it gave. */
  forget(): void;
  close(): Promise<void>;
}

const SCOPES = "tools:use";

/** Starts an authorization server that knows PKCE, rotates refresh tokens, and revokes a login whose refresh token comes twice. */
export async function startLoginServer(options: LoginServerOptions = {}): Promise<LoginServer> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const privateJwk = { ...(await exportJWK(privateKey)), kid: "first", use: "sig", alg: "RS256" };
  const asked: string[] = [];
  let answer: ReturnType<Provider["callback"]> | undefined;
  const server = createServer((request, response) => {
    asked.push(new URL(request.url ?? "", "http://any").pathname);
    if (options.odd?.(request, response) === true) return;
    void answer?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const memory = { epoch: 0 };
  answer = new Provider(issuer, configuration(options, privateJwk, memory)).callback();
  const { kty, n, e } = privateJwk;
  if (kty === undefined || n === undefined || e === undefined) throw new Error("the key is no RSA key");
  return {
    issuer,
    publicJwk: { kty, n, e, kid: "first", use: "sig", alg: "RS256" },
    asked,
    exchanges: () => asked.filter((path) => path === "/token").length,
    forget: () => void (memory.epoch += 1),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function configuration(options: LoginServerOptions, key: object, memory: { readonly epoch: number }): object {
  const { clients = {}, registers = false, document, accessTokenLife = 3_600, refreshes = true } = options;
  return {
    jwks: { keys: [key] },
    cookies: { keys: ["for tests"] },
    clients: Object.entries(clients).map(([id, secret]) => ({
      client_id: id,
      application_type: "native",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      redirect_uris: ["http://127.0.0.1/callback"],
      ...(secret === undefined
        ? { token_endpoint_auth_method: "none" }
        : { client_secret: secret, token_endpoint_auth_method: "client_secret_basic" }),
    })),
    scopes: ["openid", "offline_access", SCOPES],
    ttl: { AccessToken: accessTokenLife, Grant: 86_400, Session: 86_400, Interaction: 600, RefreshToken: 86_400 },
    findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    issueRefreshToken: () => refreshes,
    rotateRefreshToken: true,
    adapter: forgetful(memory),
    fetch: (url: string | URL, init: RequestInit) =>
      document !== undefined && String(url) === document.url
        ? Promise.resolve(Response.json(document.content))
        : fetch(url, init),
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: registers },
      clientIdMetadataDocument: { enabled: document !== undefined, ack: "draft-02" },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_: unknown, resource: string) => ({
          scope: SCOPES,
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: accessTokenLife,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  };
}

/** Keeps in memory what the provider gives it, until it is to forget refresh tokens. */
function forgetful(memory: { readonly epoch: number }) {
  const kept = new Map<string, Map<string, { readonly payload: Record<string, unknown>; readonly epoch: number }>>();
  return class {
    readonly #name: string;

    constructor(name: string) {
      this.#name = name;
      if (!kept.has(name)) kept.set(name, new Map());
    }

    get #entries() {
      return kept.get(this.#name) ?? new Map();
    }

    async upsert(id: string, payload: Record<string, unknown>): Promise<void> {
      this.#entries.set(id, { payload, epoch: memory.epoch });
    }

    async find(id: string): Promise<unknown> {
      const entry = this.#entries.get(id);
      if (this.#name === "RefreshToken" && entry?.epoch !== memory.epoch) return undefined;
      return entry?.payload;
    }

    async findByUid(uid: string): Promise<unknown> {
      return [...this.#entries.values()].find(({ payload }) => payload["uid"] === uid)?.payload;
    }

    async consume(id: string): Promise<void> {
      const entry = this.#entries.get(id);
      if (entry !== undefined) entry.payload["consumed"] = Math.floor(Date.now() / 1_000);
    }

    async destroy(id: string): Promise<void> {
      this.#entries.delete(id);
    }

    async revokeByGrantId(grantId: string): Promise<void> {
      for (const [id, { payload }] of this.#entries) if (payload["grantId"] === grantId) this.#entries.delete(id);
    }
  };
}

/**
 * Plays the browser of somebody who logs in and agrees: follows redirects, keeps cookies and sends the forms.
 *
 * @param stop Address before which it stops. @default the answer of the redirect is fetched too
 * @returns The last answer, or the address it stopped before.
 */
export async function browse(
  address: string,
  stop: (url: URL) => boolean = () => false,
): Promise<{ readonly status: number; readonly text: string; readonly url: URL }> {
  const cookies = new Map<string, string>();
  let url = new URL(address);
  let form: URLSearchParams | undefined;
  for (let step = 0; step < 20; step++) {
    if (stop(url)) return { status: 0, text: "", url };
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      method: form === undefined ? "GET" : "POST",
      redirect: "manual",
      headers: { cookie },
      ...(form && { body: form }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/u.exec(line) ?? [];
      if (name !== undefined && value !== undefined) cookies.set(name, value);
    }
    const location = response.headers.get("location");
    const text = await response.text();
    form = undefined;
    if (location !== null) url = new URL(location, url);
    else {
      const prompt = /name="prompt" value="(\w+)"/u.exec(text)?.[1];
      if (prompt === undefined) return { status: response.status, text, url };
      form = new URLSearchParams({ prompt, login: "ada", password: "any" });
    }
  }
  throw new Error(`the browser is led in circles at ${url.href}`);
}

/** An MCP server that takes only tokens of its authorization server that are for it. */
export interface GuardedServer {
  readonly url: string;
  /** The server behind. */
  readonly behind: ModernServer;
  /** Tokens that were shown to it, in order; `undefined`: none was. */
  readonly shown: (string | undefined)[];
  /** Takes no token any more that it has seen. */
  forget(): void;
  close(): Promise<void>;
}

/** How a guarded server tells of its authorization server. */
export interface GuardOptions {
  /** Whether the answer 401 says where its metadata is. @default true */
  readonly challenges?: boolean;
  /** Changes the metadata that it publishes. @default as it is */
  readonly metadata?: (metadata: Record<string, unknown>) => object | undefined;
}

const METADATA = "/.well-known/oauth-protected-resource/mcp";

/** Starts an MCP server with one tool, `look`, behind a guard that asks for tokens (RFC 9728). */
export async function startGuardedServer(issuer: LoginServer, options: GuardOptions = {}): Promise<GuardedServer> {
  const { challenges = true, metadata = (it) => it } = options;
  const behind = await startModernServer(() => [{ name: "look", inputSchema: { type: "object" } }]);
  const keys = createLocalJWKSet({ keys: [issuer.publicJwk] });
  const shown: (string | undefined)[] = [];
  let refused = new Set<string>();
  const isGood = async (token: string): Promise<boolean> => {
    if (refused.has(token)) return false;
    try {
      await jwtVerify(token, keys, { issuer: issuer.issuer, audience: url });
      return true;
    } catch {
      return false;
    }
  };
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    if (incoming.url === METADATA) {
      const told = metadata({ resource: url, authorization_servers: [issuer.issuer], scopes_supported: [SCOPES] });
      outgoing.writeHead(told === undefined ? 404 : 200, { "content-type": "application/json" });
      outgoing.end(JSON.stringify(told ?? {}));
      return;
    }
    const token = /^Bearer (.+)$/u.exec(incoming.headers.authorization ?? "")?.[1];
    shown.push(token);
    if (token === undefined || !(await isGood(token))) {
      const where = challenges ? ` resource_metadata="${new URL(METADATA, url).href}"` : ' realm="tools"';
      outgoing.writeHead(401, { "www-authenticate": `Bearer${where}` }).end();
      return;
    }
    forwardTo(behind.url, incoming, outgoing);
  };
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  return {
    url,
    behind,
    shown,
    forget() {
      refused = new Set(shown.filter((token) => token !== undefined));
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await behind.close();
    },
  };
}
