import { accessSync, constants } from "node:fs";

/** Finds a program of the system by its name: its path, or `undefined` when the machine has it not. */
export type FindTool = (name: string) => string | undefined;

/** Fixed, and not the service's PATH: what confines others is not looked for where others may have put something. */
const FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/run/current-system/sw/bin"];

/** Finds a program that confines processes; elsewhere than on Linux there is none. */
export const findTool: FindTool = (name) => {
  if (process.platform !== "linux") return undefined;
  return FOLDERS.map((folder) => `${folder}/${name}`).find(isExecutable);
};

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // It is not there, or not for us: to whoever asks the two are one.
  }
}
