import { accessSync, constants, statSync } from "node:fs";
import { delimiter, resolve } from "node:path";

/** Where a program is looked for. */
export interface ProgramPlace {
  /** Separated as the system separates the folders of PATH. */
  readonly path: string;
  /** What a command with a slash in it starts from. */
  readonly cwd: string;
}

/** Finds a program as the system does when it starts one. @returns Its path; `undefined` when there is none for this user. */
export function findProgram(command: string, { path, cwd }: ProgramPlace): string | undefined {
  if (command.includes("/")) return isProgram(resolve(cwd, command)) ? resolve(cwd, command) : undefined;
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => resolve(cwd, folder, command)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    // Whatever the reason, it cannot be started.
    return !(error instanceof Error);
  }
}
