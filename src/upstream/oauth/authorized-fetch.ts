import type { FetchLike } from "@modelcontextprotocol/client";
import { RunletError } from "../../lib/errors.ts";
import type { AccessTokens } from "./access-tokens.ts";

/**
 * A fetch that carries an access token to one origin, and to no other. A request that is refused with 401 is made once more, with
 * another token: the server did nothing for the first.
 *
 * @param url Of the server that the tokens are for.
 * @param onFailure Is told why there is no token: what is around this fetch may put it into words of its own.
 */
export function authorizedFetch(
  url: string,
  tokens: AccessTokens,
  onFailure: (failure: RunletError) => void = () => undefined,
): FetchLike {
  const { origin } = new URL(url);
  const send: FetchLike = async (address, init) => {
    const token = await tokens.current();
    const response = await fetch(address, withToken(init, token));
    if (response.status !== 401) return response;
    await response.body?.cancel();
    const other = await tokens.instead(token);
    const again = await fetch(address, withToken(init, other));
    if (again.status === 401) tokens.rejected(other);
    return again;
  };
  return async (address, init) => {
    if (new URL(address).origin !== origin) return fetch(address, init);
    try {
      return await send(address, init);
    } catch (error) {
      if (error instanceof RunletError) onFailure(error);
      throw error;
    }
  };
}

function withToken(init: RequestInit | undefined, token: string | undefined): RequestInit | undefined {
  if (token === undefined) return init;
  const headers = new Headers(init?.headers);
  headers.set("authorization", `Bearer ${token}`);
  return { ...init, headers };
}
