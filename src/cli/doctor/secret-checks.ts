import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { LoadedOptions } from "../../config/load.ts";
import { pathText } from "../../config/problem.ts";
import type { KeyPath } from "../../config/problem.ts";
import { isSecretPath, passwordsOf, secretsOf } from "../../config/secret-names.ts";
import { openSecrets } from "../../config/secrets/secret-store.ts";
import type { SecretsPlace } from "../../config/secrets/secrets-place.ts";
import { tokensPlaceOf } from "../../config/secrets/tokens-place.ts";
import { RunletError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import { checksOf } from "./health-check.ts";
import type { CheckWriter, HealthCheck } from "./health-check.ts";

const { ok, warn, fail } = checksOf("configuration");
/** Read or write, for the group or for all others. */
const OTHERS = 0o066;
const ALL_MODES = 0o777;

/** Whether secrets are where nobody else reads them, and whether the store of secrets opens. */
export function secretChecks(loaded: LoadedOptions): readonly HealthCheck[] {
  return [...fileChecks(loaded), ...plainChecks(loaded), ...storeChecks(loaded)];
}

/** Whatever a reference reads from a file is taken for a secret. */
function* fileChecks({ referencedFiles, secretsPlace: { keyFile, keyText } }: LoadedOptions): Generator<HealthCheck> {
  const files = [...referencedFiles, ...(keyText === undefined && existsSync(keyFile) ? [keyFile] : [])];
  const open = files.filter((file) => openMode(file) !== undefined);
  for (const file of open) {
    const detail = `${file} is open to others than its owner (mode ${openMode(file)})`;
    yield warn("secret-file", detail, `chmod 600 ${file}`);
  }
  if (files.length > 0 && open.length === 0) yield ok("secret-files", `${files.length}, each open to its owner only`);
}

/** Secrets that are written out are as hidden as the file is. */
function plainChecks({ options, references, file, cwd }: LoadedOptions): readonly HealthCheck[] {
  const mode = file === undefined ? undefined : openMode(resolve(cwd, file));
  if (file === undefined || mode === undefined) return [];
  const keys = [...secretTexts(options, [])].filter((key) => !references.has(key));
  if (keys.length === 0) return [];
  const detail = `${file} is open to others than its owner (mode ${mode}) and has ${keys.join(", ")} written out`;
  return [warn("plain-secret", detail, `runlet secrets set NAME, and write \${secret:NAME}; or chmod 600 ${file}`)];
}

/** Keys whose values are secrets. Keys of clients are none: the configuration has their hashes. */
function* secretTexts(value: unknown, path: KeyPath): Generator<string> {
  if (path[0] === "clients") return;
  if (typeof value === "string") {
    if ((isSecretPath(path) ? secretsOf(value) : passwordsOf(value)).length > 0) yield pathText(path);
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* secretTexts(item, [...path, index]);
  } else if (isRecord(value)) {
    for (const [key, item] of Object.entries(value)) yield* secretTexts(item, [...path, key]);
  }
}

function storeChecks({ references, secretsPlace }: LoadedOptions): readonly HealthCheck[] {
  const isUsed = [...references.values()].some((text) => text.includes("${secret:"));
  return [
    ...storeCheck("secrets", secretsPlace, isUsed ? fail : warn),
    ...storeCheck("tokens", tokensPlaceOf(secretsPlace), warn),
  ];
}

/** That there is none where one is needed is told of each reference. @param tell Says that it does not open. */
function storeCheck(name: string, place: SecretsPlace, tell: CheckWriter["warn"]): readonly HealthCheck[] {
  const key = place.keyText === undefined ? place.keyFile : "RUNLET_SECRETS_KEY";
  try {
    const store = openSecrets(place);
    return store === undefined
      ? []
      : [ok(name, `${place.file} opens with the key of ${key}; ${store.list.length} in it`)];
  } catch (error) {
    if (!(error instanceof RunletError)) throw error;
    const remedy = "Give the key it was written with: RUNLET_SECRETS_KEY, RUNLET_SECRETS_KEY_FILE or secrets.keyFile.";
    return [tell(name, error.message, remedy)];
  }
}

/** The mode of a file that others can read or write, as `chmod` takes it. Windows has no such modes. */
function openMode(file: string): string | undefined {
  if (process.platform === "win32") return undefined;
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
  return (mode & OTHERS) === 0 ? undefined : (mode & ALL_MODES).toString(8).padStart(3, "0");
}
