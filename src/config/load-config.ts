import { compileConfig } from "./compile.ts";
import type { Config } from "./config.ts";
import { demoOptions } from "./demo.ts";
import { loadOptions } from "./load.ts";
import type { LoadedOptions, LoadRequest } from "./load.ts";

/** The configuration a service starts with, and what there is to say about it. */
export interface LoadedConfig {
  readonly config: Config;
  readonly loaded: LoadedOptions;
  /** One sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Loads and compiles the configuration in one step. With no file at all the sample servers are there, see `demoOptions`.
 *
 * @param packageRoot Absolute folder of Runlet's package.json.
 * @throws CONFIG_INVALID: with every problem that was found.
 */
export function loadConfig(request: LoadRequest & { readonly packageRoot: string }): LoadedConfig {
  const loaded = loadOptions(request);
  const config = compileConfig(loaded.options, loaded);
  if (loaded.file !== undefined) return { config, loaded, warnings: loaded.warnings };
  const demo = demoOptions(request.packageRoot, config.dataDir);
  const options = { ...demo.options, ...loaded.options };
  return {
    config: compileConfig(options, loaded),
    loaded: { ...loaded, options },
    warnings: [...loaded.warnings, ...demo.warnings],
  };
}
