import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { ClientConfig } from "./config.ts";

const KEY_PREFIX = "rk_";
const KEY_BYTES = 32;

/** The hash of a client's key that configurations hold. @returns Lower-case hex SHA-256 of the whole text. */
export function clientKeyHash(key: string): string {
  return createHash("sha256").update(key, "utf8").digest("hex");
}

/** Whether a client is known by something that others do not have: a key, or access tokens. */
export function isAuthenticated({ keyHashes, token }: ClientConfig): boolean {
  return keyHashes.length > 0 || token !== undefined;
}

/** A new client key of 256 random bits, and its hash. The key cannot be found again from the hash. */
export function createClientKey(): { readonly key: string; readonly hash: string } {
  const key = `${KEY_PREFIX}${randomBytes(KEY_BYTES).toString("base64url")}`;
  return { key, hash: clientKeyHash(key) };
}

/**
 * The client that holds a key. Takes the same time whichever client it is, and whether there is one.
 *
 * @param key As the caller presented it.
 * @returns `undefined` when no client has this key.
 */
export function findClient(clients: readonly ClientConfig[], key: string): ClientConfig | undefined {
  const presented = Buffer.from(clientKeyHash(key), "hex");
  let found: ClientConfig | undefined;
  for (const client of clients) {
    for (const keyHash of client.keyHashes) {
      const expected = Buffer.from(keyHash, "hex");
      if (expected.length === presented.length && timingSafeEqual(expected, presented)) found = client;
    }
  }
  return found;
}
