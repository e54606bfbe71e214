import { fileURLToPath, pathToFileURL } from "node:url";
import { startService } from "./service.ts";
import type { RunningService, StartOptions } from "./service.ts";

const PRELOAD = fileURLToPath(new URL("../fixtures/executors/all-but-one-taken-over.ts", import.meta.url));

/** What all executor processes but the first are instead of executors. */
export interface TakenOver {
  /** Path of its program. */
  readonly program: string;
  /** Its first argument; the second is how many came before it. @default "" */
  readonly argument?: string;
}

/** Starts a service of whose executor processes all but the first are impostors; see `startService`. */
export function startTakenOver({ program, argument = "" }: TakenOver, options: StartOptions): Promise<RunningService> {
  const preload = pathToFileURL(PRELOAD);
  preload.search = new URLSearchParams({ program, argument }).toString();
  return startService({ ...options, nodeFlags: [...(options.nodeFlags ?? []), "--import", preload.href] });
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
