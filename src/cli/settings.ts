import { compileConfig } from "../config/compile.ts";
import type { Config } from "../config/config.ts";
import { demoOptions } from "../config/demo.ts";
import { loadOptions } from "../config/load.ts";
import { FLAGS } from "../config/overrides.ts";
import { PACKAGE_ROOT } from "../version.ts";
import type { CliIo } from "./io.ts";
import type { ParseArgsOptionsConfig } from "node:util";

/** Flags that every command with a configuration takes. */
export const CONFIG_FLAGS: ParseArgsOptionsConfig = {
  config: { type: "string" },
  ...Object.fromEntries(FLAGS.map(({ name, boolean }) => [name, { type: boolean ? "boolean" : "string" }])),
};

/** A configuration to run with, and what to tell about it. */
export interface Settings {
  readonly config: Config;
  /** `undefined`: nobody configured anything, the sample servers are attached. */
  readonly file: string | undefined;
  readonly warnings: readonly string[];
}

/**
 * The configuration of a command: file, environment and flags; without a file, the sample servers.
 *
 * @param values The command's parsed flags.
 * @throws CONFIG_INVALID.
 */
export function loadSettings(values: ReadonlyMap<string, string | boolean>, io: CliIo): Settings {
  const named = values.get("config");
  const loaded = loadOptions({
    file: typeof named === "string" ? named : undefined,
    env: io.env,
    flags: Object.fromEntries(values),
    cwd: io.cwd,
  });
  const config = compileConfig(loaded.options, loaded);
  if (loaded.file !== undefined) return { config, file: loaded.file, warnings: loaded.warnings };
  const demo = demoOptions(PACKAGE_ROOT, config.dataDir);
  return {
    config: compileConfig({ ...demo.options, ...loaded.options }, loaded),
    file: undefined,
    warnings: [...loaded.warnings, ...demo.warnings],
  };
}
