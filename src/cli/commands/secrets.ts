import { loadOptions } from "../../config/load.ts";
import { MIN_SECRET_CHARS } from "../../config/secret-names.ts";
import { SECRET_NAME_RULE } from "../../config/secrets/secret-file.ts";
import { openSecrets, removeSecret, rotateSecrets, setSecret } from "../../config/secrets/secret-store.ts";
import type { SecretsPlace } from "../../config/secrets/secrets-place.ts";
import { tokensPlaceOf } from "../../config/secrets/tokens-place.ts";
import { systemClock } from "../../lib/clock.ts";
import { parseArguments } from "../arguments.ts";
import { MAX_SECRET_BYTES, readSecret } from "../hidden-input.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { CONFIG_FLAGS } from "../settings.ts";
import { findVerb } from "../verbs.ts";
import type { VerbRequest } from "../verbs.ts";

/** What `runlet secrets --help` prints. */
export const SECRETS_USAGE = `Usage: runlet secrets set NAME [--value V]   keeps a secret, encrypted; asks for it, or reads it from stdin
       runlet secrets list [--json]           names and dates, never values
       runlet secrets rm NAME                 removes one
       runlet secrets rotate                  makes a new master key and encrypts every secret anew
The configuration refers to one as \${secret:NAME}. --value is seen by other programs of this machine and kept in the shell's
history. --config FILE and --data-dir DIR say whose secrets. The master key is RUNLET_SECRETS_KEY, or in
RUNLET_SECRETS_KEY_FILE or secrets.keyFile; where none is given, secrets.key is made in the data folder. Where
RUNLET_SECRETS_KEY holds it, rotate takes the new one from RUNLET_SECRETS_NEW_KEY.
`;

/** A verb with the store it works on. @returns Exit code, or what was not understood. */
type SecretsVerb = (request: VerbRequest, place: SecretsPlace) => Promise<number | string>;

const VERBS: ReadonlyMap<string, SecretsVerb> = new Map<string, SecretsVerb>([
  ["set", set],
  ["list", list],
  ["rm", remove],
  ["rotate", rotate],
]);

/**
 * `runlet secrets set|list|rm|rotate`: the store that `${secret:NAME}` references are looked up in.
 *
 * @param args After `secrets`.
 * @returns Exit code: 0; 1 when it could not be done; 2 when the command was not understood.
 * @throws CONFIG_INVALID when the store cannot be opened or written.
 */
export async function secretsCommand(args: readonly string[], io: CliIo, stopped: AbortSignal): Promise<number> {
  const flags = { ...CONFIG_FLAGS, value: { type: "string" }, json: { type: "boolean" } } as const;
  const parsed = parseArguments(args, flags);
  if ("fault" in parsed) return refuse(parsed.fault, io);
  const found = findVerb("secrets", VERBS, parsed.positionals);
  if ("fault" in found) return refuse(found.fault, io);
  const { verb, rest } = found;
  const named = parsed.values.get("config");
  const { secretsPlace } = loadOptions({
    file: typeof named === "string" ? named : undefined,
    env: io.env,
    flags: Object.fromEntries(parsed.values),
    cwd: io.cwd,
  });
  const result = await verb({ ...parsed, rest, io, stopped }, secretsPlace);
  return typeof result === "number" ? result : refuse(result, io);
}

async function set({ values, rest, io, stopped }: VerbRequest, place: SecretsPlace): Promise<number | string> {
  const [name, ...extra] = rest;
  if (name === undefined || extra.length > 0) return "One name is needed; the secret comes from stdin or --value.";
  if (!SECRET_NAME_RULE.test(name)) {
    const rule = "a name is 1 to 128 letters, digits, dots, dashes and underscores, and starts with a letter or digit";
    return `Cannot name a secret ${JSON.stringify(name)} as ${rule}.`;
  }
  const given = values.get("value");
  const value = typeof given === "string" ? given : await readSecret(io.stdin ?? process.stdin, io.stderr, stopped);
  if (value === undefined || Buffer.byteLength(value) > MAX_SECRET_BYTES) {
    io.stderr(`Nothing was kept: the secret was not given, or has more than ${MAX_SECRET_BYTES} bytes.\n`);
    return EXIT.failed;
  }
  if (value.trim().length < MIN_SECRET_CHARS) {
    const rule = `a secret has at least ${MIN_SECRET_CHARS} characters: shorter ones could not be hidden from logs`;
    io.stderr(`Cannot keep ${name} as ${rule}. Use an environment variable for it.\n`);
    return EXIT.failed;
  }
  const { file, keyFile } = setSecret(place, { name, value }, systemClock.now());
  if (keyFile !== undefined) {
    io.stdout(`Made the master key ${keyFile}, readable by you only. Keep a copy apart: without it no secret opens.\n`);
  }
  io.stdout(`${name} is kept in ${file}, encrypted. Refer to it as \${secret:${name}}.\n`);
  return EXIT.ok;
}

async function list({ values, rest, io }: VerbRequest, place: SecretsPlace): Promise<number | string> {
  if (rest.length > 0) return `Unknown: ${rest.join(" ")}`;
  const secrets = openSecrets(place)?.list ?? [];
  if (values.get("json") === true) io.stdout(`${JSON.stringify(secrets, null, 2)}\n`);
  else if (secrets.length === 0) io.stderr("No secrets. Keep one: runlet secrets set NAME\n");
  else for (const { name, updatedAt } of secrets) io.stdout(`${name.padEnd(24)}  set ${updatedAt}\n`);
  return EXIT.ok;
}

async function remove({ rest, io }: VerbRequest, place: SecretsPlace): Promise<number | string> {
  const [name, ...extra] = rest;
  if (name === undefined || extra.length > 0) return "One name is needed.";
  const { file } = removeSecret(place, name);
  io.stdout(`${name} is removed from ${file}\n`);
  return EXIT.ok;
}

async function rotate({ rest, io }: VerbRequest, place: SecretsPlace): Promise<number | string> {
  if (rest.length > 0) return `Unknown: ${rest.join(" ")}`;
  const given = io.env["RUNLET_SECRETS_NEW_KEY"];
  const { file, keyFile } = rotateSecrets(place, given === "" ? undefined : given, [tokensPlaceOf(place).file]);
  io.stdout(`Every secret of ${file} is encrypted anew.\n`);
  if (keyFile === undefined)
    io.stdout("Now set RUNLET_SECRETS_KEY to the new key: the old one opens nothing any more.\n");
  else io.stdout(`The new master key is in ${keyFile}. Running services go on with what they have read.\n`);
  return EXIT.ok;
}

function refuse(fault: string, io: CliIo): number {
  io.stderr(`${fault}\n${SECRETS_USAGE}`);
  return EXIT.usage;
}
