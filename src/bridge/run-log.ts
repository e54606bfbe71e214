import type { RunLimits } from "../config/limits.ts";
import { boundText, byteLength } from "../lib/bounded-text.ts";
import type { LogLevel } from "./protocol.ts";

/** One line of log output. */
export interface LogLine {
  readonly level: LogLevel;
  /** Milliseconds since the script started. */
  readonly atMs: number;
  readonly text: string;
}

/** Bytes kept for notices of our own after a run's budget is used up. */
const NOTICE_BYTES = 4_096;
const NOTICE_LINES = 16;

/** The log lines of one run, bounded whatever the executor process sends. */
export class RunLog {
  readonly lines: LogLine[] = [];
  readonly #limits: RunLimits;
  #bytes = 0;

  constructor(limits: RunLimits) {
    this.#limits = limits;
  }

  /** Keeps a line. @returns The line as kept, or `undefined` when the budget is used up. */
  add(level: LogLevel, atMs: number, text: string): LogLine | undefined {
    const { logBytes, logLines, logLineBytes } = this.#limits;
    const bounded = boundText(text, logLineBytes + 40);
    const bytes = byteLength(bounded);
    if (this.lines.length >= logLines + NOTICE_LINES || this.#bytes + bytes > logBytes + NOTICE_BYTES) return undefined;
    this.#bytes += bytes;
    const line: LogLine = { level, atMs: Math.round(atMs), text: bounded };
    this.lines.push(line);
    return line;
  }
}
