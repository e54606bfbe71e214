import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isRecord } from "./lib/guards.ts";
import { parseJson } from "./lib/json.ts";

/** Absolute folder of Runlet's package.json, in a checkout and in a built package alike. */
export const PACKAGE_ROOT = findRoot(import.meta.dirname);

/** Version of Runlet, as in its package.json. */
export const VERSION = readVersion();

function findRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) throw new Error("Runlet's package.json is missing");
  }
}

function readVersion(): string {
  const manifest = parseJson(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8"))?.value;
  return isRecord(manifest) && typeof manifest["version"] === "string" ? manifest["version"] : "0.0.0";
}
