import { readdirSync, readFileSync } from "node:fs";

/** One entry of the process table. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
}

/** Every living process; what ended and was not collected yet is not among them. Reads `/proc`: Linux only. */
export function processes(): readonly ProcessEntry[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name))
    .flatMap((name) => {
      const stat = readOrEmpty(`/proc/${name}/stat`);
      const [state, parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === undefined || state === "" || state === "Z" || state === "X") return [];
      return [{ pid: Number(name), parent: Number(parent), group: Number(group) }];
    });
}

/**
 * Ids of the living children of a process, and of theirs.
 *
 * @param word Only those whose command line has this argument.
 */
export function descendants(pid: number, word?: string): readonly number[] {
  const table = processes();
  const found: number[] = [];
  for (let next: readonly number[] = [pid]; next.length > 0;) {
    const parents = new Set(next);
    next = table.filter((entry) => parents.has(entry.parent)).map((entry) => entry.pid);
    found.push(...next);
  }
  return word === undefined ? found : found.filter((id) => argumentsOf(id).includes(word));
}

/** Ids of the living processes of a group. */
export function aliveInGroup(group: number): readonly number[] {
  return processes()
    .filter((entry) => entry.group === group)
    .map((entry) => entry.pid);
}

/** Ids of the living processes that inherited a mark in their environment: finds those whose parent is gone, too. */
export function processesWithMark(mark: string): readonly number[] {
  return processes()
    .filter(({ pid }) => pid !== process.pid && readOrEmpty(`/proc/${pid}/environ`).includes(mark))
    .map((entry) => entry.pid);
}

/** Path of the program of a process as it was started; empty when it is gone. */
export function programOf(pid: number): string {
  return argumentsOf(pid)[0] ?? "";
}

function argumentsOf(pid: number): readonly string[] {
  return readOrEmpty(`/proc/${pid}/cmdline`).split("\0");
}

const TICKS_PER_SECOND = 100;
const PAGES_PER_MIB = 256;

/** Computing time of a process so far, all its threads together; 0 when it is gone. */
export function cpuSeconds(pid: number): number {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
}

/** Memory of a process that is in RAM; 0 when it is gone. */
export function residentMiB(pid: number): number {
  const [, pages = "0"] = readOrEmpty(`/proc/${pid}/statm`).split(" ");
  return Number(pages) / PAGES_PER_MIB;
}

/** Whether a process lives. */
export function isAlive(pid: number): boolean {
  return processes().some((entry) => entry.pid === pid);
}

/** A process may end between being listed and being read. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
