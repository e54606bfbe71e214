import { existsSync } from "node:fs";
import { readIfThere, secretsError } from "./secret-file.ts";
import { openSecrets } from "./secret-store.ts";
import type { SecretsPlace } from "./secrets-place.ts";

/** Where tokens of logins are kept: in a file of their own beside the store of secrets, under the same master key. */
export function tokensPlaceOf(secrets: SecretsPlace): SecretsPlace {
  return { ...secrets, file: `${secrets.file.replace(/\.json$/u, "")}.tokens.json` };
}

/**
 * Makes sure that tokens can be kept and read again.
 *
 * @param secrets The store of secrets: what opens it is to open tokens too.
 * @throws CONFIG_INVALID when there is no master key, or another than the one that the secrets or the tokens are kept with.
 */
export function checkMasterKey(secrets: SecretsPlace): void {
  requireMasterKey(secrets);
  for (const place of [secrets, tokensPlaceOf(secrets)]) openSecrets(place);
}

/** @throws CONFIG_INVALID when no master key is given: none is made for tokens. */
export function requireMasterKey({ keyFile, keyText }: SecretsPlace): void {
  if (keyText !== undefined || (existsSync(keyFile) && readIfThere(keyFile) !== "")) return;
  throw secretsError(
    `Cannot keep tokens as there must be a master key to encrypt them with: RUNLET_SECRETS_KEY is not set, and there is no ${keyFile}.`,
    "Make one with `openssl rand -hex 32` and give it as RUNLET_SECRETS_KEY, or in that file.",
  );
}
