import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { ExecutorCommand } from "./executor-command.ts";

/**
 * Starts a confined process, in a process group of its own. Its program is read from standard input, descriptor 3 is a
 * pipe to us, standard error another; it gets nothing else of ours.
 *
 * @throws Error when the system refuses at once; most refusals are the event `error`.
 */
export function startConfined({ command, args, env }: ExecutorCommand): ChildProcess {
  return spawn(command, [...args], { env, cwd: "/", stdio: ["pipe", "ignore", "pipe", "pipe"], detached: true });
}

/**
 * Ends a confined process at once, and all that confines it. Safe to call twice, and when it is gone.
 *
 * By group: programs that make namespaces see to it that what is in them ends with them, but not while they make them; what
 * is killed alone then leaves a process behind that waits for ever.
 */
export function killConfined(child: ChildProcess): void {
  const { pid, exitCode, signalCode } = child;
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // It is not collected yet, so that the group is there; on a system that says otherwise, the process itself has to do.
    if (!(error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM"))) throw error;
    child.kill("SIGKILL");
  }
}
