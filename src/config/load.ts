import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isRecord } from "../lib/guards.ts";
import { adviseOn } from "./advise.ts";
import { translateDockerShape } from "./docker/docker-shape.ts";
import type { DockerShape } from "./docker/docker-shape.ts";
import { expandReferences } from "./expand.ts";
import { applyOverrides } from "./overrides.ts";
import type { FlagValues } from "./overrides.ts";
import type { Options } from "./options.ts";
import { parseConfigText } from "./parse-file.ts";
import type { ParsedFile } from "./parse-file.ts";
import { configError, pathText, problemOf, sourceText } from "./problem.ts";
import type { ConfigProblem, KeyPath, Source } from "./problem.ts";
import { secretReader } from "./secrets/secret-reader.ts";
import { findSecretsPlace } from "./secrets/secrets-place.ts";
import type { SecretsPlace } from "./secrets/secrets-place.ts";
import { isSecretPath, passwordsOf, secretsOf } from "./secret-names.ts";
import { nearestSource } from "./shown-value.ts";

/** Names that are looked for, in this order, when no file is named. */
export const DEFAULT_FILES = ["runlet.yaml", "runlet.yml", "runlet.json", "runlet.jsonc"] as const;

/** Where settings come from. */
export interface LoadRequest {
  /** File named by the caller; else `RUNLET_CONFIG`; else the first of `DEFAULT_FILES` in `cwd`. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Command-line flags by name, without the dashes; unknown ones are ignored. */
  readonly flags?: FlagValues;
  readonly cwd: string;
}

/** Settings as they were found, merged, with references resolved; not checked yet, see `compileConfig`. */
export interface LoadedOptions {
  /** Of this shape only once `compileConfig` has taken it. */
  readonly options: Options;
  /** Where each value is from that is not a default, by key path. */
  readonly sources: ReadonlyMap<string, Source>;
  /** One sentence each. */
  readonly warnings: readonly string[];
  /** The file as it was named; `undefined` when there was none. */
  readonly file: string | undefined;
  /** Absolute folder that relative paths of the file start from. */
  readonly fileDir: string;
  readonly cwd: string;
  /** Secret values that were found: never show them. */
  readonly secrets: readonly string[];
  /** Where `${secret:NAME}` references are looked up. */
  readonly secretsPlace: SecretsPlace;
  /** The text as written of each value that held a reference, by key path. */
  readonly references: ReadonlyMap<string, string>;
  /** Absolute paths of the files that references were resolved from. */
  readonly referencedFiles: readonly string[];
  /** Faults so far; `compileConfig` reports them with its own. */
  readonly problems: readonly ConfigProblem[];
}

/**
 * Gathers the settings: flags over environment over file over defaults.
 *
 * @throws CONFIG_INVALID: the file cannot be read or parsed. All other faults are kept for `compileConfig`.
 */
export function loadOptions(request: LoadRequest): LoadedOptions {
  const { env, flags = {}, cwd } = request;
  const warnings: string[] = [];
  const file = chooseFile(request, warnings);
  const path = file === undefined ? undefined : resolve(cwd, file);
  const fileDir = path === undefined ? cwd : dirname(path);
  const parsed: ParsedFile = file === undefined || path === undefined ? NO_FILE : readFile(file, path);
  const sources = new Map<string, Source>();
  const shape = translateDockerShape(withoutEmptySections(parsed.value), parsed.lines);
  if (file !== undefined) for (const [key, line] of shape.lines) sources.set(key, { kind: "file", name: file, line });
  const fileSource: Source | undefined = file === undefined ? undefined : { kind: "file", name: file, line: undefined };
  const sourceOf = (at: KeyPath): Source | undefined => nearestSource(sources, at) ?? fileSource;

  const written = shape.tree;
  const referencedFiles = new Set<string>();
  const expanding = {
    env,
    sourceOf,
    readFile(name: string) {
      const text = readFileSync(resolve(fileDir, name), "utf8");
      referencedFiles.add(resolve(fileDir, name));
      return text;
    },
    skip: (at: KeyPath) => isUnused(written, at),
  };
  const secretsPlace = findSecretsPlace({ written, expanding, flags, fileDir, cwd });
  const expanded = expandReferences(written, { ...expanding, readSecret: secretReader(secretsPlace) });
  const secrets = new Set([...expanded.secrets, ...secretsOf(secretsPlace.keyText ?? "")]);
  const tree = isRecord(expanded.value) ? expanded.value : {};
  const references = new Map(expanded.references);
  const options = applyOverrides(tree, { env, flags, sources, warnings, references });
  collectSecrets(options, [], secrets);
  for (const path of shape.secretPaths)
    for (const secret of secretsOf(String(valueAt(options, path)))) secrets.add(secret);
  const advice = adviseOn(options, sourceOf);
  return {
    options,
    sources,
    warnings: [...warnings, ...notesOf(shape, sourceOf), ...advice.warnings],
    file,
    fileDir,
    cwd,
    secrets: [...secrets],
    secretsPlace,
    references,
    referencedFiles: [...referencedFiles],
    problems: [
      ...shape.faults.map((fault) => problemOf(fault, sourceOf(fault.path))),
      ...expanded.problems,
      ...advice.problems,
    ],
  };
}

const NO_FILE: ParsedFile = { value: {}, lines: new Map() };

/**
 * The configuration file of a command as it is named to people. @returns `undefined` when there is none.
 *
 * @param warnings Gets one for each file that is not read as another is.
 */
export function chooseFile(
  { file, env, cwd }: Pick<LoadRequest, "file" | "env" | "cwd">,
  warnings: string[] = [],
): string | undefined {
  const named = file ?? env["RUNLET_CONFIG"];
  if (named !== undefined && named !== "") return named;
  const found = DEFAULT_FILES.filter((name) => existsSync(resolve(cwd, name)));
  const [first, ...others] = found;
  if (others.length > 0)
    warnings.push(`${others.join(", ")} is not read as ${first} is there too. Keep one, or name it with --config.`);
  return first;
}

function readFile(file: string, path: string): ParsedFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    const message = `Cannot read ${file} as a configuration must be a readable file: current value is ${code}. Name another with --config.`;
    throw configError([{ message, key: "", file }]);
  }
  const parsed = parseConfigText(text, file);
  if ("problems" in parsed) throw configError(parsed.problems);
  return parsed;
}

/** A section with nothing under it (`model:`) counts as missing; `clients:` does not, lest a slip opens the service. */
function withoutEmptySections(tree: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(tree).filter(([key, value]) => value !== null || key === "clients"));
}

function notesOf({ notes }: DockerShape, sourceOf: (path: KeyPath) => Source | undefined): string[] {
  return notes.map(
    ({ path, text }) => `${pathText(path)} (${sourceText(sourceOf(path) ?? { kind: "default" })}) ${text}`,
  );
}

function valueAt(tree: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, step) => (isRecord(value) ? value[String(step)] : undefined), tree);
}

/** Nothing reads extension keys, inputs and disabled servers, so their references need not resolve. */
function isUnused(tree: Readonly<Record<string, unknown>>, [section, name, ...rest]: KeyPath): boolean {
  if (typeof section !== "string") return false;
  if (section.startsWith("x-") || section === "inputs") return true;
  if ((section !== "mcpServers" && section !== "servers") || typeof name !== "string" || rest.length > 0) return false;
  const servers = tree[section];
  const server = isRecord(servers) && Object.hasOwn(servers, name) ? servers[name] : undefined;
  return isRecord(server) && server["disabled"] === true;
}

/** Secrets that are written out in the file: values of secret keys, and passwords in any address. */
function collectSecrets(value: unknown, path: KeyPath, secrets: Set<string>): void {
  if (typeof value === "string") {
    for (const secret of isSecretPath(path) ? secretsOf(value) : passwordsOf(value)) secrets.add(secret);
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) collectSecrets(item, [...path, index], secrets);
  } else if (isRecord(value)) {
    for (const [key, item] of Object.entries(value)) collectSecrets(item, [...path, key], secrets);
  }
}
