import { resolve } from "node:path";
import { isRecord } from "../../lib/guards.ts";
import { expandReferences } from "../expand.ts";
import type { ExpandContext } from "../expand.ts";
import type { FlagValues } from "../overrides.ts";

/** Where the store of secrets is, and what opens it. */
export interface SecretsPlace {
  /** Absolute path of the store; it need not be there. */
  readonly file: string;
  /** Absolute path of the file that holds the master key; it need not be there. Not read where there is a `keyText`. */
  readonly keyFile: string;
  /** The master key itself, where the environment gives it. */
  readonly keyText: string | undefined;
}

/** What is known before the configuration is read as a whole. */
export interface PlaceRequest {
  /** The configuration as it is written, references and all. */
  readonly written: Readonly<Record<string, unknown>>;
  readonly expanding: ExpandContext;
  readonly flags: FlagValues;
  /** Absolute folder that paths of the file start from. */
  readonly fileDir: string;
  readonly cwd: string;
}

const DEFAULT_FOLDER = ".runlet";

/**
 * Finds the store of secrets: `secrets.file` and `secrets.keyFile`, else `secrets.json` and `secrets.key` in the data folder.
 * RUNLET_SECRETS_KEY, then RUNLET_SECRETS_KEY_FILE, count before the key file of the configuration. Where data is kept in
 * memory only, the store is in the default folder.
 *
 * The keys read here cannot themselves refer to a stored secret. Faults in them are found again, and told, with all others.
 */
export function findSecretsPlace({ written, expanding, flags, fileDir, cwd }: PlaceRequest): SecretsPlace {
  const { env } = expanding;
  const { value } = expandReferences({ dataDir: written["dataDir"], secrets: written["secrets"] }, expanding);
  const read = isRecord(value) ? value : {};
  const keys = isRecord(read["secrets"]) ? read["secrets"] : {};
  const given = textOf(flags["data-dir"]) ?? textOf(env["RUNLET_DATA_DIR"]);
  const inFile = textOf(read["dataDir"]);
  // As the data folder itself is found: one that the file names starts from the file's folder, any other from the command's.
  const folder =
    given === undefined && inFile !== undefined ? resolve(fileDir, onDisk(inFile)) : resolve(cwd, onDisk(given));
  const file = textOf(keys["file"]);
  const keyFile = textOf(keys["keyFile"]);
  const namedKeyFile = textOf(env["RUNLET_SECRETS_KEY_FILE"]);
  return {
    file: file === undefined ? resolve(folder, "secrets.json") : resolve(fileDir, file),
    keyFile:
      namedKeyFile !== undefined
        ? resolve(cwd, namedKeyFile)
        : keyFile === undefined
          ? resolve(folder, "secrets.key")
          : resolve(fileDir, keyFile),
    keyText: textOf(env["RUNLET_SECRETS_KEY"]),
  };
}

function onDisk(folder: string | undefined): string {
  return folder === undefined || folder === ":memory:" ? DEFAULT_FOLDER : folder;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
