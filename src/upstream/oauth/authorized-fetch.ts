import type { FetchLike } from "@modelcontextprotocol/client";
import type { AccessTokens } from "./client-credentials.ts";

/**
 * A fetch that carries an access token to one origin, and to no other. A request that is refused with 401 is made once more, with
 * another token: the server did nothing for the first.
 *
 * @param url Of the server that the tokens are for.
 */
export function authorizedFetch(url: string, tokens: AccessTokens): FetchLike {
  const { origin } = new URL(url);
  return async (address, init) => {
    if (new URL(address).origin !== origin) return fetch(address, init);
    const token = await tokens.current();
    const response = await fetch(address, withToken(init, token));
    if (response.status !== 401) return response;
    await response.body?.cancel();
    return fetch(address, withToken(init, await tokens.instead(token)));
  };
}

function withToken(init: RequestInit | undefined, token: string): RequestInit {
  const headers = new Headers(init?.headers);
  headers.set("authorization", `Bearer ${token}`);
  return { ...init, headers };
}
