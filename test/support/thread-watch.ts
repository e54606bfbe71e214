import { readdirSync, readFileSync } from "node:fs";

/** A thread that computes, and since when at the latest. */
export interface BusyThread {
  readonly pid: number;
  readonly thread: number;
  /** Of `performance.now()`: the last look at which it did not. */
  readonly sinceMs: number;
}

interface Seen {
  readonly cpuMs: number;
  readonly atMs: number;
  readonly idleAtMs: number;
  readonly busy: boolean;
}

const MS_PER_TICK = 10;
/** Part of the time between two looks; half of what a spinning thread may be said to use, as a busy machine gives it less. */
const BUSY_FROM = 0.25;

/** Looks at the threads of processes now and then, and tells which of them computed for more than a quarter of the time in between. */
export class ThreadWatch {
  #seen = new Map<string, Seen>();

  /** Looks. A thread that is seen for the first time counts as idle until now. */
  look(pids: readonly number[]): void {
    const atMs = performance.now();
    const seen = new Map<string, Seen>();
    for (const pid of pids) {
      for (const [thread, cpuMs] of threadTimes(pid)) {
        const key = `${pid}/${thread}`;
        const before = this.#seen.get(key);
        const busy = before !== undefined && cpuMs - before.cpuMs > (atMs - before.atMs) * BUSY_FROM;
        seen.set(key, { cpuMs, atMs, busy, idleAtMs: busy ? before.idleAtMs : atMs });
      }
    }
    this.#seen = seen;
  }

  /** Those that computed between the last two looks. */
  busy(): readonly BusyThread[] {
    return [...this.#seen].flatMap(([key, { busy, idleAtMs }]) => {
      const [pid, thread] = key.split("/").map(Number);
      return busy ? [{ pid: pid ?? 0, thread: thread ?? 0, sinceMs: idleAtMs }] : [];
    });
  }
}

/** Computing time of each living thread of a process, in ms. Reads `/proc`: Linux only. */
function threadTimes(pid: number): readonly (readonly [thread: number, cpuMs: number])[] {
  const folder = `/proc/${pid}/task`;
  const threads = orNothing(() => readdirSync(folder)) ?? [];
  return threads.flatMap((thread) => {
    const stat = orNothing(() => readFileSync(`${folder}/${thread}/stat`, "latin1"));
    if (stat === undefined) return [];
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [[Number(thread), (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK] as const];
  });
}

/** A process or a thread may end between being listed and being read. */
function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
