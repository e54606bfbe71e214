import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { isRecord } from "../../lib/guards.ts";
import { configError } from "../problem.ts";

/** How secrets may be named. */
export const SECRET_NAME_RULE = /^[A-Za-z0-9][\w.-]{0,127}$/u;

/** One secret as the file holds it. */
export interface SealedSecret {
  /** As `MasterKey.seal` gave it. */
  readonly sealed: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** The file of secrets. */
export interface SecretFile {
  /** Of the key that all of them are sealed with. */
  readonly keyId: string;
  readonly secrets: ReadonlyMap<string, SealedSecret>;
}

const VERSION = 1;
const OWNER_ONLY = 0o600;
const OWNER_FOLDER = 0o700;

/** Reads the file. @returns `undefined` when there is none. @throws CONFIG_INVALID when it is not such a file. */
export function readSecretFile(file: string): SecretFile | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const parsed = parse(text);
  if (parsed !== undefined) return parsed;
  throw secretsError(
    `Cannot read ${file} as it must be a store that \`runlet secrets\` wrote: current value is something else.`,
    "Restore it from a copy, or move it away and set the secrets again.",
  );
}

/** Puts a file in the place of the one that is there, at once and for good: a reader sees the old one or the new one. */
export function writeSecretFile(file: string, { keyId, secrets }: SecretFile): void {
  const content = { version: VERSION, keyId, secrets: Object.fromEntries(secrets) };
  writeOwnerFile(file, `${JSON.stringify(content, null, 2)}\n`);
}

/** Writes a file that its owner alone may read, whole or not at all. @throws CONFIG_INVALID when it cannot. */
export function writeOwnerFile(file: string, text: string): void {
  const draft = `${file}.draft`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: OWNER_FOLDER });
    rmSync(draft, { force: true });
    const descriptor = openSync(draft, "wx", OWNER_ONLY);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, file);
  } catch (error) {
    throw secretsError(`Cannot write ${file} as its folder must be writable: current value is ${codeOf(error)}.`);
  }
}

/** @returns The text; `undefined` when there is no such file. @throws CONFIG_INVALID when it cannot be read. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw secretsError(`Cannot read ${file} as it must be a readable file: current value is ${codeOf(error)}.`);
  }
}

/**
 * Lets one process at a time change the store.
 *
 * @throws CONFIG_INVALID when another changes it now, or left its mark behind when it died.
 */
export function whileLocked<Result>(file: string, change: () => Result): Result {
  const lock = `${file}.lock`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: OWNER_FOLDER });
    closeSync(openSync(lock, "wx", OWNER_ONLY));
  } catch (error) {
    if (!existsSync(lock))
      throw secretsError(`Cannot write ${file} as its folder must be writable: current value is ${codeOf(error)}.`);
    const remedy = `Try again; if no other command runs, remove ${lock}.`;
    throw secretsError(`Cannot change ${file} as one command at a time must do so: another does.`, remedy);
  }
  try {
    return change();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** A fault of the store. */
export function secretsError(message: string, remedy = "Mend that, or name another place in secrets."): Error {
  return configError([{ message: `${message} ${remedy}`, key: "secrets" }]);
}

function parse(text: string): SecretFile | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // Told by the caller, as any other content that does not fit.
  }
  if (!isRecord(value) || value["version"] !== VERSION) return undefined;
  const { keyId, secrets } = value;
  if (typeof keyId !== "string" || !isRecord(secrets)) return undefined;
  const found = new Map<string, SealedSecret>();
  for (const [name, entry] of Object.entries(secrets)) {
    if (!isSealed(entry)) return undefined;
    found.set(name, entry);
  }
  return { keyId, secrets: found };
}

function isSealed(value: unknown): value is SealedSecret & Record<string, unknown> {
  return isRecord(value) && ["sealed", "createdAt", "updatedAt"].every((key) => typeof value[key] === "string");
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
