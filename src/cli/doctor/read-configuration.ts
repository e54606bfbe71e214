import { compileConfig } from "../../config/compile.ts";
import type { Config } from "../../config/config.ts";
import { loadOptions } from "../../config/load.ts";
import type { LoadedOptions } from "../../config/load.ts";
import { pathText, problemsOf } from "../../config/problem.ts";
import type { ConfigProblem } from "../../config/problem.ts";
import { RunletError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import type { CliIo } from "../io.ts";
import { loadSettings } from "../settings.ts";

/** A configuration as far as it can be used. */
export interface FoundConfiguration {
  /** What can be used of it: each server, client or section that is at fault is left out. */
  readonly config: Config;
  /** `undefined` when the file cannot be read at all. */
  readonly loaded: LoadedOptions | undefined;
  readonly warnings: readonly string[];
  readonly problems: readonly ConfigProblem[];
  /** Names of the servers that are left out. */
  readonly leftOut: readonly string[];
}

/** Faults may come to light once others are out of the way. */
const MAX_ROUNDS = 5;
const SECTIONS_OF_NAMES: ReadonlySet<string> = new Set(["mcpServers", "servers", "clients"]);

/** Finds the configuration that `runlet serve` would use. One with faults is taken without the parts that have them. */
export function readConfiguration(values: ReadonlyMap<string, string | boolean>, io: CliIo): FoundConfiguration {
  const named = values.get("config");
  const file = typeof named === "string" ? named : undefined;
  let loaded: LoadedOptions | undefined;
  try {
    loaded = loadOptions({ file, env: io.env, flags: Object.fromEntries(values), cwd: io.cwd });
    const { config, warnings } = loadSettings(values, io);
    return { config, loaded, warnings, problems: [], leftOut: [] };
  } catch (error) {
    if (!(error instanceof RunletError) || error.code !== "CONFIG_INVALID") throw error;
    const problems = problemsOf(error);
    const usable = loaded === undefined ? { config: defaults(io), leftOut: [] } : usablePart(loaded, problems, io);
    return { ...usable, loaded, warnings: loaded?.warnings ?? [], problems };
  }
}

function usablePart(
  loaded: LoadedOptions,
  first: readonly ConfigProblem[],
  io: CliIo,
): Pick<FoundConfiguration, "config" | "leftOut"> {
  const leftOut = new Set<string>();
  let options: Readonly<Record<string, unknown>> = { ...loaded.options };
  let problems = first;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    for (const { key } of problems) options = without(options, key, leftOut);
    try {
      return { config: compileConfig(options, { ...loaded, problems: [] }), leftOut: [...leftOut] };
    } catch (error) {
      if (!(error instanceof RunletError) || error.code !== "CONFIG_INVALID") throw error;
      problems = problemsOf(error);
    }
  }
  return { config: defaults(io), leftOut: Object.keys({ ...loaded.options.mcpServers, ...loaded.options.servers }) };
}

/** Options without the server or client that a key is of, or else without its section. */
function without(
  options: Readonly<Record<string, unknown>>,
  key: string,
  leftOut: Set<string>,
): Readonly<Record<string, unknown>> {
  const isIn = (...path: readonly string[]): boolean => {
    const text = pathText(path);
    return key === text || key.startsWith(`${text}.`) || key.startsWith(`${text}[`);
  };
  const section = Object.keys(options).find((name) => isIn(name));
  if (section === undefined) return options;
  const members = options[section];
  const name =
    SECTIONS_OF_NAMES.has(section) && isRecord(members)
      ? Object.keys(members).find((member) => isIn(section, member))
      : undefined;
  if (name === undefined || !isRecord(members)) return omit(options, section);
  if (section !== "clients") leftOut.add(name);
  return { ...options, [section]: omit(members, name) };
}

function omit(record: Readonly<Record<string, unknown>>, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}

function defaults({ cwd }: CliIo): Config {
  return compileConfig({}, { cwd });
}
