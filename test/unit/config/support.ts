import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach } from "vitest";
import { compileConfig } from "../../../src/config/compile.ts";
import type { Config } from "../../../src/config/config.ts";
import { loadOptions } from "../../../src/config/load.ts";
import type { LoadedOptions, LoadRequest } from "../../../src/config/load.ts";
import { RunletError } from "../../../src/lib/errors.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder with these files, gone after the test. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "runlet-config-"));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Loads a `runlet.yaml` of this text. */
export function loadYaml(text: string, more: Partial<LoadRequest> = {}): LoadedOptions {
  return loadOptions({ cwd: folderWith({ "runlet.yaml": text }), env: {}, ...more });
}

/** Loads and compiles a `runlet.yaml` of this text. */
export function compileYaml(text: string, more: Partial<LoadRequest> = {}): Config {
  const loaded = loadYaml(text, more);
  return compileConfig(loaded.options, { ...loaded, cores: 4 });
}

/** The messages of the CONFIG_INVALID that this throws. */
export function problemsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (!(error instanceof RunletError) || error.code !== "CONFIG_INVALID") throw error;
    const { problems } = error.context.details as { problems: { message: string }[] };
    return problems.map(({ message }) => message);
  }
  return [];
}

/** A hash that no key has. */
export const HASH = "0123456789abcdef".repeat(4);
