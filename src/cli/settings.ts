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

/** The flags of `CONFIG_FLAGS` as text for people, one a line. */
export const CONFIG_FLAGS_TEXT = [
  "  --config FILE".padEnd(24) + "Configuration file: YAML, JSON or JSON with comments.",
  ...FLAGS.map(({ name, boolean, description }) => `  --${name}${boolean ? "" : " VALUE"}`.padEnd(24) + description),
]
  .map((line) => `${line}\n`)
  .join("");

/** What is changed of a configuration for a service that keeps nothing and shares nothing. */
export const BY_ITSELF = { dataDir: ":memory:", redis: undefined, role: "all" } as const satisfies Partial<Config>;

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
 * @param options `logLevel`: what is logged when nobody says, for commands whose own output is what matters.
 * @throws CONFIG_INVALID.
 */
export function loadSettings(
  values: ReadonlyMap<string, string | boolean>,
  io: CliIo,
  options: { readonly logLevel?: Config["log"]["level"] } = {},
): Settings {
  const named = values.get("config");
  const loaded = loadOptions({
    file: typeof named === "string" ? named : undefined,
    env: io.env,
    flags: Object.fromEntries(values),
    cwd: io.cwd,
  });
  const checked = compileConfig(loaded.options, loaded);
  const withLevel = (config: Config): Config => {
    const { logLevel } = options;
    return logLevel === undefined || loaded.sources.has("log.level")
      ? config
      : { ...config, log: { ...config.log, level: logLevel } };
  };
  if (loaded.file !== undefined) return { config: withLevel(checked), file: loaded.file, warnings: loaded.warnings };
  const demo = demoOptions(PACKAGE_ROOT, checked.dataDir);
  return {
    config: withLevel(compileConfig({ ...demo.options, ...loaded.options }, loaded)),
    file: undefined,
    warnings: [...loaded.warnings, ...demo.warnings],
  };
}

/** Says, for a command that keeps nothing, that it cannot hold servers to what was approved. */
export function tellUnpinned({ upstreams }: Pick<Config, "upstreams">, io: CliIo): void {
  const names = upstreams.filter(({ pinning }) => pinning === "block").map(({ name }) => name);
  if (names.length > 0)
    io.stderr(`warning: this command keeps no pins: it trusts what ${names.join(", ")} lists now\n`);
}
