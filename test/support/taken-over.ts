import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createFolder, startService } from "./service.ts";
import type { RunningService, StartOptions } from "./service.ts";

const PRELOAD = fileURLToPath(new URL("../fixtures/executors/one-taken-over.ts", import.meta.url));

/** What one executor process is at a time instead of an executor. */
export interface TakenOver {
  /** Path of its program. */
  readonly program: string;
  /** Its first argument; the second is how many came before it. @default "" */
  readonly argument?: string;
}

/** Starts a service of whose executor processes one at a time is an impostor; see `startService`. */
export function startTakenOver({ program, argument = "" }: TakenOver, options: StartOptions): Promise<RunningService> {
  const folder = options.folder ?? createFolder();
  const preload = pathToFileURL(PRELOAD);
  preload.search = new URLSearchParams({ lock: join(folder, "impostors"), program, argument }).toString();
  return startService({ ...options, folder, nodeFlags: [...(options.nodeFlags ?? []), "--import", preload.href] });
}

/** Ends processes at once; one that has ended meanwhile is no fault. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}
