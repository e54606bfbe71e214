import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/** Memory and computing time of a process, as the kernel counts them. */
export interface Figures {
  /** Memory in RAM. */
  readonly rssMiB: number;
  /** Computing time so far, of all its threads. */
  readonly cpuMs: number;
}

const MIB = 1024 * 1024;
/** @source proc_pid_stat(5): times are in units of 1/100 s on every architecture Node runs on */
const TICK_MS = 10;
/** Wrappers an executor process may have around it; more is a loop. */
const MAX_WRAPPERS = 8;
const TEXT_BYTES = 1_024;
/** Fields of `stat` after the process's name, which may itself hold spaces. */
const USER_TIME = 11;
const SYSTEM_TIME = 12;

/**
 * Reads the figures of one process from `/proc`, again and again: its files stay open, so that one reading takes some
 * microseconds and never speaks of another process that got the same number.
 */
export class ProcessFigures {
  readonly #statm: number;
  readonly #stat: number;
  readonly #buffer = Buffer.allocUnsafe(TEXT_BYTES);
  #closed = false;

  private constructor(statm: number, stat: number) {
    this.#statm = statm;
    this.#stat = stat;
  }

  /**
   * @param pid The process, or a wrapper that started it.
   * @returns `undefined` where the system does not tell: not Linux, no `/proc`, or the process is gone.
   */
  static open(pid: number): ProcessFigures | undefined {
    if (process.platform !== "linux") return undefined;
    const folder = `/proc/${innermost(pid)}`;
    let statm: number | undefined;
    try {
      statm = openSync(`${folder}/statm`, "r");
      return new ProcessFigures(statm, openSync(`${folder}/stat`, "r"));
    } catch {
      // Gone, or not to be read: then nothing is known, which callers must bear anyway.
      if (statm !== undefined) closeSync(statm);
      return undefined;
    }
  }

  /** Memory in RAM, in MiB. @returns `undefined` when the process is gone. */
  rssMiB(): number | undefined {
    const pages = this.#read(this.#statm)?.split(" ")[1];
    return pages === undefined ? undefined : (Number(pages) * pageBytes()) / MIB;
  }

  /** Memory and computing time. @returns `undefined` when the process is gone. */
  read(): Figures | undefined {
    const rssMiB = this.rssMiB();
    const stat = this.#read(this.#stat);
    if (rssMiB === undefined || stat === undefined) return undefined;
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { rssMiB, cpuMs: (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) * TICK_MS };
  }

  /** Reads no more. Safe to call twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#statm);
    closeSync(this.#stat);
  }

  #read(file: number): string | undefined {
    if (this.#closed) return undefined;
    try {
      const text = this.#buffer.toString("latin1", 0, readSync(file, this.#buffer, 0, TEXT_BYTES, 0));
      return text === "" ? undefined : text;
    } catch {
      return undefined; // The process ended: reading says so with ESRCH.
    }
  }
}

let knownPageBytes: number | undefined;

/** Size of a page: what this process's own memory is in bytes, by what it is in pages; always a power of two. */
function pageBytes(): number {
  if (knownPageBytes === undefined) {
    const pages = Number(readFileSync("/proc/self/statm", "latin1").split(" ")[1]);
    knownPageBytes = 2 ** Math.round(Math.log2(process.memoryUsage.rss() / pages));
  }
  return knownPageBytes;
}

/**
 * The process at the end of a chain of wrappers, each of which started one other: `bwrap` and `unshare` stay while what they
 * started runs, `prlimit` and `nice` become it. Asked before a script runs, it cannot be led astray by one.
 */
export function innermost(pid: number): number {
  let current = pid;
  for (let depth = 0; depth < MAX_WRAPPERS; depth++) {
    const children = childrenOf(current);
    const [only] = children;
    if (only === undefined || children.length > 1) return current;
    current = only;
  }
  return current;
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return []; // Gone, or a kernel that does not list children: the process itself is the best that is known.
  }
}
