import { randomBytes } from "node:crypto";
import { startAuthorization, validateAuthorizationResponseIssuer } from "@modelcontextprotocol/client";
import type { AuthorizationCodeConfig } from "../../config/oauth-keys.ts";
import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { chooseClient, type LoginClient } from "./choose-client.ts";
import { type Authorization, findAuthorization } from "./find-authorization.ts";
import type { Grant, GrantStore } from "./grant-store.ts";
import { openRedirect } from "./loopback-redirect.ts";
import { askForToken, oauthCode, Refusal, type TokenAnswer, withinAnswerTime } from "./token-endpoint.ts";

/** Somebody wants to log in to a server. */
export interface LoginRequest {
  readonly server: string;
  readonly url: string;
  /** @default everything is found from the server */
  readonly oauth: AuthorizationCodeConfig | undefined;
  /** Of the redirect. 0: any that is free. */
  readonly port: number;
  /** Is given the address to open in a browser. Must not throw. */
  readonly show: (page: LoginPage) => void;
  readonly signal: AbortSignal;
}

/** What whoever logs in opens. */
export interface LoginPage {
  readonly address: string;
  readonly issuer: string;
  readonly resource: string;
}

/** What logging in needs. */
export interface LoginDeps {
  readonly clock: Clock;
  readonly grants: GrantStore;
}

const WAIT_MS = 300_000;

/**
 * Logs in by authorization code with PKCE (OAuth 2.1) and keeps what it gives. The browser comes back to this machine; an answer
 * with another `state` or of another issuer is refused, and the code is then not used.
 *
 * @throws UPSTREAM_UNAVAILABLE with why nobody is logged in; CONFIG_INVALID when tokens cannot be kept; the signal's reason.
 */
export async function login(request: LoginRequest, deps: LoginDeps): Promise<Grant> {
  const { server, url, oauth = {}, signal } = request;
  const { clock, grants } = deps;
  try {
    const found = await withinAnswerTime(clock, (within) =>
      findAuthorization(url, oauth, AbortSignal.any([within, signal])),
    );
    const { client, answer } = await askInBrowser(request, found, clock);
    const nowMs = clock.now();
    const { lifeMs, ...tokens } = answer;
    const grant: Grant = {
      server,
      url,
      issuer: found.issuer,
      resource: found.resource,
      clientId: client.clientId,
      clientSecret: client.kind === "registered" ? client.clientSecret : undefined,
      ...tokens,
      obtainedAtMs: nowMs,
      expiresAtMs: lifeMs === undefined ? undefined : nowMs + lifeMs,
    };
    // After a renewal of the login before it, which would else be kept in its place.
    await grants.exclusively(grant, () => grants.save(grant));
    return grant;
  } catch (error) {
    if (signal.aborted || error instanceof RunletError) throw error;
    throw failure(server, error);
  }
}

async function askInBrowser(
  request: LoginRequest,
  found: Authorization,
  clock: Clock,
): Promise<{ readonly client: LoginClient; readonly answer: TokenAnswer }> {
  const { oauth = {}, port, signal, show } = request;
  const { issuer, metadata, resource, scope } = found;
  const state = randomBytes(32).toString("base64url");
  const isGood = (answer: URLSearchParams): boolean => answer.get("state") === state && answer.get("code") !== null;
  const redirect = await openRedirect({ port, waitMs: WAIT_MS, signal, isGood }, clock);
  try {
    const client = await withinAnswerTime(clock, (within) => chooseClient(metadata, oauth, redirect.url, within));
    const { authorizationUrl, codeVerifier } = await startAuthorization(issuer, {
      metadata,
      clientInformation: { client_id: client.clientId },
      redirectUrl: redirect.url,
      state,
      resource,
      ...(scope !== undefined && { scope }),
    });
    show({ address: authorizationUrl.href, issuer, resource });
    const code = codeOf(await redirect.answer, state, found);
    const form = new URLSearchParams({
      grant_type: "authorization_code",
      code,
      code_verifier: codeVerifier,
      redirect_uri: redirect.url,
      resource,
    });
    const answer = await withinAnswerTime(clock, (within) => askForToken(metadata, client, form, within));
    return { client, answer };
  } finally {
    redirect.close();
  }
}

function codeOf(answer: URLSearchParams, state: string, { issuer, metadata }: Authorization): string {
  // First of all: what another page sent the browser here with says nothing.
  if (answer.get("state") !== state || answer.getAll("state").length !== 1)
    throw new Refusal("the browser came back with an answer to another login");
  const iss = answer.get("iss") ?? undefined;
  try {
    const issParameterSupported = metadata.authorization_response_iss_parameter_supported === true;
    validateAuthorizationResponseIssuer({ iss, expectedIssuer: issuer, issParameterSupported });
  } catch {
    throw new Refusal(`the browser came back with an answer that is not of ${issuer}`);
  }
  if (answer.has("error")) throw new Refusal(`${issuer} answered ${oauthCode(answer.get("error")) ?? "with an error"}`);
  const code = answer.get("code");
  if (code === null || code === "") throw new Refusal("the browser came back without a code");
  return code;
}

function failure(server: string, cause: unknown): RunletError {
  const why = cause instanceof Refusal ? cause.message : "it cannot be reached, or its metadata is not as it must be";
  const port = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
  const message = `Cannot log in to server "${server}" as its authorization server must give a token: ${port ? "the port of the redirect is taken" : why}.`;
  const hint = port ? "Give another with --port, or none." : `Check mcpServers.${server} and try again.`;
  return new RunletError("UPSTREAM_UNAVAILABLE", message, { server, hint, details: { sent: false }, cause });
}
