import { realpathSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { applyEdits, modify } from "jsonc-parser";
import { isMap, parseDocument } from "yaml";
import { chooseFile } from "../config/load.ts";
import type { ConfigProblem, KeyPath } from "../config/problem.ts";
import { configError } from "../config/problem.ts";
import { parseConfigText } from "../config/parse-file.ts";
import type { ParsedFile } from "../config/parse-file.ts";
import { isRecord } from "../lib/guards.ts";
import type { CliIo } from "./io.ts";

const NEW_FILE = "runlet.yaml";

/** One change of a configuration file: a value to put at a path, or `undefined` to remove what is there. */
export interface ConfigEdit {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** A configuration file that is there, or is to be. */
export interface ConfigFile extends ParsedFile {
  /** As it is named to people. */
  readonly name: string;
  readonly path: string;
  readonly text: string;
  readonly exists: boolean;
}

/**
 * Reads a configuration file; one that is not there counts as empty where it may be made.
 *
 * @throws CONFIG_INVALID when it cannot be read or parsed.
 */
export function readConfigFile(name: string, cwd: string, options: { readonly create: boolean }): ConfigFile {
  const path = resolve(cwd, name);
  let text = "";
  let exists = true;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    if (code !== "ENOENT" || !options.create) {
      const message = `Cannot read ${name} as it must be a readable file: current value is ${code}. Name another.`;
      throw configError([{ message, key: "", file: name }]);
    }
    exists = false;
  }
  return { name, path, text, exists, ...parsed(text, name) };
}

/**
 * The configuration file that a command changes: `--into` or `--config`, else the one that is there, else a new one.
 *
 * @throws CONFIG_INVALID as `readConfigFile` does.
 */
export function targetFile(
  values: ReadonlyMap<string, string | boolean>,
  io: Pick<CliIo, "env" | "cwd">,
  options: { readonly create: boolean },
): ConfigFile {
  const named = values.get("into") ?? values.get("config");
  const file = chooseFile({ file: typeof named === "string" ? named : undefined, env: io.env, cwd: io.cwd });
  return readConfigFile(file ?? NEW_FILE, io.cwd, options);
}

/**
 * Changes the text of a configuration file and nothing else of it: comments, order and layout stay.
 *
 * @param name Its ending decides the format, as for `parseConfigText`.
 * @throws CONFIG_INVALID when the text cannot be changed so.
 */
export function editConfigText(text: string, name: string, edits: readonly ConfigEdit[]): string {
  const edited = /\.jsonc?$/iu.test(name) ? editJson(text, edits) : editYaml(text, name, edits);
  const { value } = parsed(edited, name);
  for (const edit of edits) {
    const found = edit.path.reduce<unknown>((tree, step) => (isRecord(tree) ? tree[step] : undefined), value);
    if ((found === undefined) !== (edit.value === undefined)) throw cannotEdit(name, edit.path);
  }
  return edited;
}

/** Puts a text in the place of a file's in one step: whoever reads it sees the old one or the new one. */
export function writeConfigFile({ path, exists }: Pick<ConfigFile, "path" | "exists">, text: string): void {
  const target = exists ? realpathSync(path) : path;
  const draft = `${target}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text, { flag: "wx", ...(exists ? { mode: statSync(target).mode } : { mode: 0o600 }) });
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function parsed(text: string, name: string): ParsedFile {
  const result = parseConfigText(text, name);
  if ("problems" in result) throw configError(result.problems);
  return result;
}

function editJson(text: string, edits: readonly ConfigEdit[]): string {
  const formattingOptions = { insertSpaces: true, tabSize: 2, eol: text.includes("\r\n") ? "\r\n" : "\n" };
  let edited = text.trim() === "" ? "{}\n" : text;
  for (const { path, value } of edits)
    edited = applyEdits(edited, modify(edited, [...path], value, { formattingOptions }));
  return edited;
}

function editYaml(text: string, name: string, edits: readonly ConfigEdit[]): string {
  const document = parseDocument(text);
  for (const { path, value } of edits) {
    const [section] = path;
    // `mcpServers:` with nothing under it, and an empty file.
    if (document.contents === null || !isMap(document.contents)) document.contents = document.createNode({}) as never;
    if (path.length > 1 && value !== undefined && !isMap(document.get(section, true))) {
      document.set(section, document.createNode({}));
    }
    try {
      if (value === undefined) document.deleteIn(path);
      else document.setIn(path, document.createNode(value));
    } catch (error) {
      throw cannotEdit(name, path, error);
    }
  }
  return document.toString({ lineWidth: 0 });
}

function cannotEdit(name: string, path: KeyPath, cause?: unknown): Error {
  const problem: ConfigProblem = {
    message: `Cannot change ${path.join(".")} in ${name} as it is not written there as a plain key: current value is an alias or a merge. Change it by hand.`,
    key: path.join("."),
    file: name,
  };
  return Object.assign(configError([problem]), cause === undefined ? {} : { cause });
}
