import { compileConfig } from "../../config/compile.ts";
import type { Config } from "../../config/config.ts";
import { loadOptions } from "../../config/load.ts";
import { optionsJsonSchema } from "../../config/json-schema.ts";
import type { LoadedOptions } from "../../config/load.ts";
import { problemsOf } from "../../config/problem.ts";
import { listSettings } from "../../config/settings.ts";
import type { Setting } from "../../config/settings.ts";
import { RunletError } from "../../lib/errors.ts";
import { parseArguments } from "../arguments.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { CONFIG_FLAGS } from "../settings.ts";

/** What `runlet config --help` prints. */
export const CONFIG_USAGE = `Usage: runlet config check [FILE]   says whether a configuration can be used; exit code 0 or 1
       runlet config show [FILE]    shows each setting, its value and where it is from
       runlet config schema         prints the JSON Schema of configurations, for editors
FILE is runlet.yaml, .yml, .json or .jsonc here, or RUNLET_CONFIG, when it is not named.
`;

/**
 * `runlet config check [FILE]`, `show [FILE]` and `schema`; the flags that set a key count as they do for `serve`.
 *
 * @param args After `config`.
 * @returns Exit code: 0; 1 when the configuration cannot be used; 2 when the command was not understood.
 */
export async function configCommand(args: readonly string[], io: CliIo): Promise<number> {
  const parsed = parseArguments(args, CONFIG_FLAGS);
  if ("fault" in parsed) return refuse(parsed.fault, io);
  const [verb, file, ...extra] = parsed.positionals;
  if (verb === "schema" && file === undefined) {
    io.stdout(`${JSON.stringify(optionsJsonSchema(), null, 2)}\n`);
    return EXIT.ok;
  }
  if (verb !== "check" && verb !== "show")
    return refuse(verb === undefined ? "Say which: check, show or schema." : `Unknown: config ${verb}`, io);
  if (extra.length > 0) return refuse(`Too many files: ${extra.join(" ")}`, io);
  const named = file ?? parsed.values.get("config");
  try {
    const flags = Object.fromEntries(parsed.values);
    const loaded = loadOptions({
      file: typeof named === "string" ? named : undefined,
      env: io.env,
      flags,
      cwd: io.cwd,
    });
    return verb === "show" ? show(loaded, io) : check(loaded, io);
  } catch (error) {
    return reportInvalid(error, io);
  }
}

function check(loaded: LoadedOptions, io: CliIo): number {
  let config: Config | undefined;
  let code: number = EXIT.ok;
  try {
    config = compileConfig(loaded.options, loaded);
  } catch (error) {
    code = reportInvalid(error, io);
  }
  for (const warning of loaded.warnings) io.stdout(`warning: ${warning}\n`);
  if (config !== undefined) {
    const { upstreams, clients, model } = config;
    const parts = [
      count(upstreams.length, "server"),
      count(clients.length, "client"),
      model === undefined ? "no model" : "a model",
    ];
    io.stdout(`${loaded.file ?? "No configuration file; the defaults"}: valid (${parts.join(", ")})\n`);
    if (loaded.file === undefined) io.stdout("Without a file, serve, run and mcp attach the sample servers.\n");
  }
  return code;
}

function show(loaded: LoadedOptions, io: CliIo): number {
  const settings = listSettings(loaded);
  const width = (pick: (setting: Setting) => string): number =>
    Math.min(48, Math.max(0, ...settings.map((setting) => pick(setting).length)));
  const keys = width(({ key }) => key);
  const values = width(({ value }) => value);
  for (const { key, value, source } of settings) io.stdout(`${key.padEnd(keys)}  ${value.padEnd(values)}  ${source}\n`);
  for (const warning of loaded.warnings) io.stderr(`warning: ${warning}\n`);
  return EXIT.ok;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

function reportInvalid(error: unknown, io: CliIo): number {
  if (!(error instanceof RunletError) || error.code !== "CONFIG_INVALID") throw error;
  for (const { message } of problemsOf(error)) io.stdout(`error: ${message}\n`);
  return EXIT.failed;
}

function refuse(fault: string, io: CliIo): number {
  io.stderr(`${fault}\n${CONFIG_USAGE}`);
  return EXIT.usage;
}
