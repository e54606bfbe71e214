import { mkdir, open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

/** One call of a tool, without anything that it was given or gave. */
export interface AuditEntry {
  /** When it was asked for, ISO 8601. */
  readonly time: string;
  readonly run?: string | undefined;
  /** Id of the HTTP request that made it, when it was not a run's. */
  readonly request?: string | undefined;
  /** The distributed trace that it is part of, 32 hex digits. */
  readonly traceId?: string | undefined;
  readonly principal: string;
  /** As the caller named it, cut short. */
  readonly server: string;
  readonly tool: string;
  readonly outcome: string;
  /** How often the server was asked: 0 for a call that was refused, or answered from the cache. */
  readonly attempts: number;
  /** Code of the failure. */
  readonly code?: string | undefined;
  /** Why a policy refused it, and the rule's place. */
  readonly reason?: string | undefined;
  readonly rule?: string | undefined;
  readonly ms: number;
  /** Size of the answer. */
  readonly bytes?: number | undefined;
  /** Hex SHA-256 of the arguments as canonical JSON; absent when they are nested too deep to be written. */
  readonly argumentsSha256?: string | undefined;
}

/** A file that gets one JSON line for each call, in the order they ended. */
export interface Audit {
  /** Notes a call. Returns at once and never throws. @param entry Makes what is noted, soon: callers do not wait for it. */
  write(entry: () => AuditEntry): void;
  /** Writes what is noted, as far as the disk takes it, and closes the file. Safe to call twice. */
  close(): Promise<void>;
}

/** What may wait for the disk, in UTF-16 units of the lines. */
const MAX_WAITING = 8 * 1024 * 1024;
/** How long lines wait for more after a write: three errands of the disk for each line would cost more than the call. */
const GATHER_MS = 50;

/** What the audit needs. */
export interface AuditDeps {
  readonly clock: Pick<Clock, "now" | "after">;
  readonly log: Log;
  /** Told of each line that is lost, as it is. @default nobody */
  readonly onDropped?: (lines: number) => void;
  /** What may wait for the disk, in UTF-16 units of the lines. @default 8 Mi */
  readonly maxWaiting?: number;
}

/**
 * Appends to a file that only its owner may read; it is made, with its folder, when the first line is written, and again when
 * it was moved away or deleted. Lines are written behind the calls, which never wait for them: the first at once, those that follow
 * it 50 ms later at most. When the disk fails, or is so
 * slow that 8 MiB of lines wait, lines are dropped: that is logged once until the disk is well again, and then a line
 * `{"time", "dropped"}` tells how many are missing.
 */
export class AuditFile implements Audit {
  readonly #file: string;
  readonly #deps: AuditDeps;
  #handle: FileHandle | undefined;
  /** Noted in this turn of the event loop. */
  #noted: (() => AuditEntry)[] = [];
  #lines: string[] = [];
  #waiting = 0;
  #dropped = 0;
  #troubled = false;
  /** Whether a line may have been cut by a failure: the next begins on a line of its own. */
  #torn = false;
  #writing: Promise<void> | undefined;
  /** Ends the wait for more lines. */
  #goOn: (() => void) | undefined;
  #closed = false;

  constructor(file: string, deps: AuditDeps) {
    this.#file = file;
    this.#deps = deps;
  }

  write(entry: () => AuditEntry): void {
    if (this.#closed) return;
    this.#noted.push(entry);
    // When the answers of this turn are on their way.
    if (this.#noted.length === 1) setImmediate(() => this.#toLines());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#toLines();
    this.#goOn?.();
    await this.#writing;
    await this.#release();
  }

  #toLines(): void {
    const noted = this.#noted;
    this.#noted = [];
    for (const entry of noted) {
      const line = `${JSON.stringify(entry())}\n`;
      if (this.#waiting + line.length > (this.#deps.maxWaiting ?? MAX_WAITING)) {
        this.#drop(1);
        continue;
      }
      this.#lines.push(line);
      this.#waiting += line.length;
    }
    if (this.#lines.length > 0) this.#writing ??= this.#writeOut().finally(() => (this.#writing = undefined));
  }

  async #writeOut(): Promise<void> {
    while (this.#lines.length > 0) {
      const missing = this.#dropped;
      const count = this.#lines.length;
      const text = this.#takeText();
      try {
        const handle = await this.#open();
        await handle.appendFile(text);
        this.#torn = false;
        if (missing > 0)
          this.#deps.log.warn({ dropped: missing, file: this.#file }, "the audit is written again; lines are missing");
        this.#troubled = false;
      } catch (error) {
        this.#torn = this.#handle !== undefined;
        // Those that are missing already were told of when they were lost.
        this.#dropped += missing;
        this.#drop(count, error);
      }
      await this.#gather();
    }
  }

  async #gather(): Promise<void> {
    if (this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#deps.clock.after(GATHER_MS, resolve, { background: true });
    this.#goOn = resolve;
    await promise;
    timer.cancel();
    this.#goOn = undefined;
  }

  #takeText(): string {
    const missing = this.#dropped;
    const told =
      missing === 0
        ? ""
        : `${JSON.stringify({ time: new Date(this.#deps.clock.now()).toISOString(), dropped: missing })}\n`;
    const text = `${this.#torn ? "\n" : ""}${this.#lines.join("")}${told}`;
    [this.#lines, this.#waiting, this.#dropped] = [[], 0, 0];
    return text;
  }

  /** The file at its path: one that a rotation moved away is left. */
  async #open(): Promise<FileHandle> {
    if (this.#handle !== undefined && !(await isAt(this.#file, this.#handle))) await this.#release();
    if (this.#handle === undefined) {
      await mkdir(dirname(this.#file), { recursive: true });
      this.#handle = await open(this.#file, "a", 0o600);
      this.#torn = false;
    }
    return this.#handle;
  }

  async #release(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  #drop(count: number, error?: unknown): void {
    this.#dropped += count;
    this.#deps.onDropped?.(count);
    if (this.#troubled) return;
    this.#troubled = true;
    this.#deps.log.error(
      { err: error, file: this.#file },
      "lines of the audit are dropped: the disk fails or is too slow",
    );
  }
}

async function isAt(path: string, handle: FileHandle): Promise<boolean> {
  const [there, held] = await Promise.all([stat(path).catch(() => undefined), handle.stat()]);
  return there?.ino === held.ino && there.dev === held.dev;
}
