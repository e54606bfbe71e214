import { bearerOf } from "../../config/callers.ts";
import type { Callers } from "../../config/callers.ts";
import type { Principal } from "../../config/principal.ts";
import { createTokenVerifier } from "./token-verifier.ts";
import type { IssuerKeysParts } from "./issuer-keys.ts";

/** Three parts of base64url, the last of which may be missing: no client's key looks like that. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]*$/u;

/**
 * Tells who calls, from a request's headers: by an access token where such are taken and it is one, else as the callers'
 * own rules say.
 *
 * @returns A function that throws UNAUTHENTICATED, FORBIDDEN or ISSUER_UNAVAILABLE.
 */
export function createAuthenticator(
  callers: Callers,
  parts: IssuerKeysParts,
): (headers: Headers) => Principal | Promise<Principal> {
  const verify = createTokenVerifier(parts);
  return (headers) => {
    const { auth } = callers;
    const token = auth === undefined ? "" : bearerOf(headers.get("authorization") ?? "");
    if (auth === undefined || !TOKEN.test(token)) return callers.authenticate(headers);
    return verify(token, auth).then((verified) => callers.admit(verified));
  };
}
