import { readdirSync, readFileSync } from "node:fs";
import { descendants, processes } from "../support/processes.ts";

/** Computing time of a process, in µs. */
export interface ThreadTimes {
  readonly main: number;
  /** All other threads together. */
  readonly others: number;
}

/** The executor processes below a process: those that hold isolates, not the programs that confine them. Linux only. */
export function executorsBelow(pid: number): readonly number[] {
  const found = descendants(pid, "--jitless");
  const parents = new Set(processes().map(({ parent }) => parent));
  return found.filter((id) => !parents.has(id));
}

/** Computing time of the threads of a process so far, to the nanosecond as the scheduler counts it. Linux only. */
export function threadTimes(pid: number): ThreadTimes {
  let main = 0;
  let others = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const micros = Number(readOrNothing(`/proc/${pid}/task/${thread}/schedstat`).split(" ")[0]) / 1_000;
    if (thread === String(pid)) main += micros;
    else others += micros;
  }
  return { main, others };
}

/** Starts to count the computing time of processes. @returns What each used since, in µs. */
export function watchThreads(pids: readonly number[]): () => readonly ThreadTimes[] {
  const before = pids.map(threadTimes);
  return () =>
    pids.map((pid, at) => {
      const after = threadTimes(pid);
      return { main: after.main - (before[at]?.main ?? 0), others: after.others - (before[at]?.others ?? 0) };
    });
}

/** A thread may end between being listed and being read. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "0";
  }
}
