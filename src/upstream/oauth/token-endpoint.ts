import { type AuthorizationServerMetadata, discoverAuthorizationServerMetadata } from "@modelcontextprotocol/client";
import type { Clock } from "../../lib/clock.ts";
import { isRecord } from "../../lib/guards.ts";
import { boundBody } from "../transports/bounded-body.ts";

/** Who asks for tokens. */
export interface TokenClient {
  readonly clientId: string;
  /** @default none: a public client */
  readonly clientSecret: string | undefined;
}

/** What a token endpoint gave. */
export interface TokenAnswer {
  readonly accessToken: string;
  /** `undefined` when nothing is said of it. */
  readonly lifeMs: number | undefined;
  readonly refreshToken: string | undefined;
  readonly scope: string | undefined;
}

const ANSWER_MS = 10_000;
const ANSWER_BYTES = 64 * 1024;
/** What the characters of tokens are. @source RFC 6749, appendix A.12 and A.17: %x20-7E, and no space in a header's token. */
const TOKEN = /^[\x21-\x7e]+$/u;

/** Why an authorization server gave nothing, in words of ours. */
export class Refusal extends Error {
  /** The error code of OAuth that it answered, such as `invalid_grant`. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** Gives work that asks an authorization server ten seconds in all. @throws Refusal when they are over; what `work` throws. */
export async function withinAnswerTime<Result>(
  clock: Clock,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const abort = new AbortController();
  const timer = clock.after(ANSWER_MS, () => abort.abort());
  try {
    return await work(abort.signal);
  } catch (error) {
    throw abort.signal.aborted ? new Refusal(`it has not answered within ${ANSWER_MS} ms`) : error;
  } finally {
    timer.cancel();
  }
}

/** A fetch for metadata and for forms: bounded in size, never redirected. */
export function strictFetch(signal: AbortSignal): (url: string | URL, init?: RequestInit) => Promise<Response> {
  return async (url, init) => bounded(await fetch(url, { ...init, redirect: "error", signal }));
}

/**
 * Metadata of an authorization server, as it publishes it itself.
 *
 * @throws Refusal when there is none or its token endpoint is not safe; whatever the SDK throws when it names another issuer.
 */
export async function discoverIssuer(issuer: string, signal: AbortSignal): Promise<AuthorizationServerMetadata> {
  const metadata = await discoverAuthorizationServerMetadata(issuer, { fetchFn: strictFetch(signal) });
  if (metadata === undefined) throw new Refusal("it publishes no metadata");
  if (!isSafeEndpoint(metadata.token_endpoint, issuer))
    throw new Refusal("its token endpoint is not reached over https");
  return metadata;
}

/** Whether two identifiers are of one issuer: a slash at the end is written by some and left out by others. */
export function isSameIssuer(one: string, other: string): boolean {
  return one.replace(/\/$/u, "") === other.replace(/\/$/u, "");
}

/** Whether an endpoint is as safe as the issuer that was trusted. */
export function isSafeEndpoint(endpoint: string, issuer: string): boolean {
  return (
    URL.canParse(endpoint) &&
    (new URL(endpoint).protocol === "https:" || new URL(endpoint).origin === new URL(issuer).origin)
  );
}

/**
 * Asks a token endpoint. Credentials go nowhere else, and never along a redirect.
 *
 * @param form The grant, without the client.
 * @throws Refusal with what it answered, as far as that is a code of OAuth.
 */
export async function askForToken(
  metadata: AuthorizationServerMetadata,
  { clientId, clientSecret }: TokenClient,
  form: URLSearchParams,
  signal: AbortSignal,
): Promise<TokenAnswer> {
  const body = new URLSearchParams(form);
  const headers = new Headers({ accept: "application/json" });
  const methods = metadata.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  if (clientSecret !== undefined && methods.includes("client_secret_basic")) {
    headers.set("authorization", `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`)}`);
  } else {
    body.set("client_id", clientId);
    if (clientSecret !== undefined) body.set("client_secret", clientSecret);
  }
  const response = await strictFetch(signal)(metadata.token_endpoint, { method: "POST", headers, body });
  const answer = parsed(await response.text());
  if (response.ok) return toTokenAnswer(answer);
  const code = oauthCode(answer["error"]);
  throw new Refusal(`it answered HTTP ${response.status}${code === undefined ? "" : ` and ${code}`}`, code);
}

/** A code of OAuth as an authorization server wrote it. @returns `undefined` when it is none that could be shown. */
export function oauthCode(text: unknown): string | undefined {
  return typeof text === "string" && /^\w{1,64}$/u.test(text) ? text : undefined;
}

function bounded(response: Response): Response {
  return boundBody(response, ANSWER_BYTES, () => undefined);
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch {
    // Told below: it is not what a token endpoint answers.
  }
  throw new Refusal("its answer is not that of a token endpoint");
}

function toTokenAnswer(answer: Readonly<Record<string, unknown>>): TokenAnswer {
  const { access_token: token, token_type: type, refresh_token: refresh, scope } = answer;
  if (typeof token !== "string" || !TOKEN.test(token)) throw new Refusal("its answer has no access token");
  if (typeof type !== "string" || type.toLowerCase() !== "bearer") throw new Refusal("its token is no bearer token");
  const seconds = typeof answer["expires_in"] === "string" ? Number(answer["expires_in"]) : answer["expires_in"];
  const isLife = typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0;
  return {
    accessToken: token,
    lifeMs: isLife ? seconds * 1_000 : undefined,
    refreshToken: typeof refresh === "string" && refresh !== "" ? refresh : undefined,
    scope: typeof scope === "string" ? scope : undefined,
  };
}

/** As RFC 6749 section 2.3.1 has names and secrets in a Basic header. */
function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}
