import { renameSync } from "node:fs";
import { newKeyText, readMasterKey } from "./master-key.ts";
import type { MasterKey } from "./master-key.ts";
import {
  readIfThere,
  readSecretFile,
  secretsError,
  whileLocked,
  writeOwnerFile,
  writeSecretFile,
} from "./secret-file.ts";
import type { SealedSecret, SecretFile } from "./secret-file.ts";
import type { SecretsPlace } from "./secrets-place.ts";

/** A secret without its value. Times are ISO 8601. */
export interface SecretEntry {
  readonly name: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** The store, opened. */
export interface Secrets {
  /** By name. */
  readonly list: readonly SecretEntry[];
  /** @returns `undefined` when there is none of this name. @throws CONFIG_INVALID when it was changed by another hand. */
  read(name: string): string | undefined;
}

/** What was written. */
export interface Written {
  /** The store. */
  readonly file: string;
  /** The file of the master key, where it was made or changed. */
  readonly keyFile: string | undefined;
}

interface Opened {
  readonly key: MasterKey;
  readonly content: SecretFile;
}

/** Opens the store. @returns `undefined` when there is none. @throws CONFIG_INVALID when it does not open. */
export function openSecrets(place: SecretsPlace): Secrets | undefined {
  const opened = open(place);
  if (opened === undefined) return undefined;
  const { key, content } = opened;
  const list = [...content.secrets].map(([name, { createdAt, updatedAt }]) => ({ name, createdAt, updatedAt }));
  return {
    list: list.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
    read: (name) => {
      const secret = content.secrets.get(name);
      return secret && unseal(place, { name, secret, key });
    },
  };
}

/** Keeps a secret, in place of one of the same name. The first one makes the store and, where none is given, the master key. */
export function setSecret(
  place: SecretsPlace,
  { name, value }: { readonly name: string; readonly value: string },
  nowMs: number,
): Written {
  return whileLocked(place.file, () => {
    const { key, content, keyFile } = openOrMake(place);
    const updatedAt = new Date(nowMs).toISOString();
    const createdAt = content.secrets.get(name)?.createdAt ?? updatedAt;
    const secrets = new Map(content.secrets).set(name, { sealed: key.seal(value, name), createdAt, updatedAt });
    writeSecretFile(place.file, { ...content, secrets });
    return { file: place.file, keyFile };
  });
}

/** Removes a secret. @throws CONFIG_INVALID when there is none of this name. */
export function removeSecret(place: SecretsPlace, name: string): Written {
  return whileLocked(place.file, () => {
    const opened = open(place);
    const secrets = new Map(opened?.content.secrets);
    if (opened === undefined || !secrets.delete(name)) {
      const remedy = "`runlet secrets list` shows what is there.";
      throw secretsError(`Cannot remove the secret ${name} as ${place.file} must have it: it is not there.`, remedy);
    }
    writeSecretFile(place.file, { ...opened.content, secrets });
    return { file: place.file, keyFile: undefined };
  });
}

/**
 * Encrypts every secret anew with another master key. A process that dies in between leaves stores that open: the new key
 * is beside the old one before a store changes, and takes its place after.
 *
 * @param nextKey Where the environment gives the key, the one it is to give from now on.
 * @param others More stores under the same key.
 * @throws CONFIG_INVALID when there is no store, one does not open, or the next key is needed and missing.
 */
export function rotateSecrets(
  place: SecretsPlace,
  nextKey: string | undefined,
  others: readonly string[] = [],
): Written {
  const places = [place, ...others.map((file) => ({ ...place, file }))];
  return whileAllLocked(places, () => {
    const stores = places.flatMap((each) => {
      const opened = open(each);
      return opened === undefined ? [] : [{ ...opened, place: each }];
    });
    if (stores.length === 0) {
      throw secretsError(`Cannot rotate ${place.file} as there must be one: it is not there.`, "Keep a secret first.");
    }
    if (place.keyText !== undefined && nextKey === undefined) {
      const remedy = "Make one with `openssl rand -hex 32`.";
      throw secretsError("Cannot rotate as RUNLET_SECRETS_NEW_KEY must hold the next key: it is not set.", remedy);
    }
    const text = nextKey ?? newKeyText();
    const key = readMasterKey(text, nextKey === undefined ? place.keyFile : "RUNLET_SECRETS_NEW_KEY");
    const inFile = place.keyText === undefined;
    if (inFile) writeOwnerFile(nextKeyFile(place), `${text.trim()}\n`);
    const sealed = stores.map((store) => ({ file: store.place.file, secrets: sealedAnew(store, key) }));
    for (const { file, secrets } of sealed) writeSecretFile(file, { keyId: key.id, secrets });
    if (inFile) renameSync(nextKeyFile(place), place.keyFile);
    return { file: place.file, keyFile: inFile ? place.keyFile : undefined };
  });
}

function sealedAnew(
  { key: oldKey, content, place }: Opened & { readonly place: SecretsPlace },
  key: MasterKey,
): ReadonlyMap<string, SealedSecret> {
  const secrets = new Map<string, SealedSecret>();
  for (const [name, secret] of content.secrets) {
    secrets.set(name, { ...secret, sealed: key.seal(unseal(place, { name, secret, key: oldKey }), name) });
  }
  return secrets;
}

function whileAllLocked<Result>([place, ...rest]: readonly SecretsPlace[], change: () => Result): Result {
  return place === undefined ? change() : whileLocked(place.file, () => whileAllLocked(rest, change));
}

function open(place: SecretsPlace): Opened | undefined {
  const content = readSecretFile(place.file);
  if (content === undefined) return undefined;
  const key = findKey(place, content.keyId);
  if (key !== undefined) return { key, content };
  const where = place.keyText === undefined ? place.keyFile : "RUNLET_SECRETS_KEY";
  throw secretsError(
    `Cannot open ${place.file} as the master key of ${where} must be the one it was written with (${content.keyId}): it is not.`,
    "Give that key: RUNLET_SECRETS_KEY, RUNLET_SECRETS_KEY_FILE or secrets.keyFile.",
  );
}

function openOrMake(place: SecretsPlace): Opened & { readonly keyFile: string | undefined } {
  const opened = open(place);
  if (opened !== undefined) return { ...opened, keyFile: undefined };
  const empty = (key: MasterKey): Opened => ({ key, content: { keyId: key.id, secrets: new Map() } });
  const given = place.keyText ?? readIfThere(place.keyFile);
  if (given !== undefined) return { ...empty(readMasterKey(given, keyPlace(place))), keyFile: undefined };
  const text = newKeyText();
  writeOwnerFile(place.keyFile, `${text}\n`);
  return { ...empty(readMasterKey(text, place.keyFile)), keyFile: place.keyFile };
}

/** @returns `undefined` when no key that is given has this id. */
function findKey(place: SecretsPlace, id: string): MasterKey | undefined {
  const texts = place.keyText === undefined ? [place.keyFile, nextKeyFile(place)].map(readIfThere) : [place.keyText];
  for (const text of texts) {
    const key = text === undefined ? undefined : readMasterKey(text, keyPlace(place));
    if (key?.id === id) return key;
  }
  return undefined;
}

function unseal(
  { file }: SecretsPlace,
  { name, secret, key }: { readonly name: string; readonly secret: SealedSecret; readonly key: MasterKey },
): string {
  const text = key.open(secret.sealed, name);
  if (text !== undefined) return text;
  throw secretsError(
    `Cannot open the secret ${name} of ${file} as it must be as \`runlet secrets\` wrote it: it was changed.`,
    `Set it again: runlet secrets set ${name}`,
  );
}

function nextKeyFile({ keyFile }: SecretsPlace): string {
  return `${keyFile}.next`;
}

function keyPlace({ keyFile, keyText }: SecretsPlace): string {
  return keyText === undefined ? keyFile : "RUNLET_SECRETS_KEY";
}
