import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Programs that are a Redis server, the first found is used. */
export const REDIS_PROGRAMS = ["redis-server", "valkey-server"] as const;

/** Absolute path of the first of `names` that is on the PATH. @returns `undefined` when none is. */
export function findProgram(names: readonly string[]): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
