import { spawnSync } from "node:child_process";
import { type Clock, sleep } from "../../lib/clock.ts";

/** Groups that live: killed when our own process exits, whatever the reason it gives itself time for. */
const live = new Set<number>();
const POLL_MS = 20;

function killAll(): void {
  for (const pid of live) signalGroup(pid, "SIGKILL");
}

/**
 * Remembers a group so that it does not outlive our process. Call `forgetGroup` once it is gone.
 *
 * @param pid Its leader, which must have been started detached.
 */
export function rememberGroup(pid: number): void {
  if (live.size === 0) process.on("exit", killAll);
  live.add(pid);
}

/** Ends what `rememberGroup` began. */
export function forgetGroup(pid: number): void {
  if (live.delete(pid) && live.size === 0) process.off("exit", killAll);
}

/**
 * Sends a signal to every process of a group; `0` only asks.
 *
 * @param pid Leader of the group; our own process and the ids with a special meaning to the system are refused.
 * @returns Whether the group has a process.
 */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid) return false;
  if (process.platform === "win32") return signalTree(pid, signal);
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    return isErrno(error, "EPERM");
  }
}

/** Windows has no groups: its own tool ends a tree, and only by force. */
function signalTree(pid: number, signal: NodeJS.Signals | 0): boolean {
  if (signal !== 0) {
    return spawnSync("taskkill", ["/PID", String(pid), "/T", "/F"], { windowsHide: true }).status === 0;
  }
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return isErrno(error, "EPERM");
  }
}

/**
 * Ends what is left of a group: SIGTERM, then SIGKILL for those that stay. Resolves when none is left or all are killed.
 *
 * @param graceMs Time between the two.
 */
export async function endGroup(pid: number, clock: Clock, graceMs: number): Promise<void> {
  let alive = signalGroup(pid, "SIGTERM");
  for (let waited = 0; alive && waited < graceMs; waited += POLL_MS) {
    await sleep(clock, POLL_MS);
    alive = signalGroup(pid, 0);
  }
  if (alive) signalGroup(pid, "SIGKILL");
  forgetGroup(pid);
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
