const KEPT_BYTES = 2_048;
/** Longest part of a line that is told: what the engine says of itself is short, a script's text may be long. */
const LINE_UNITS = 160;
const UNPRINTABLE = /[^\t\x20-\x7E]/gu;

/**
 * The last that a process wrote to stderr: what the engine says when it gives up. Bounded, and only what can be printed: a
 * process that was taken over writes what it likes.
 */
export class StderrTail {
  #kept = Buffer.alloc(0);

  add(bytes: Buffer): void {
    const both = Buffer.concat([this.#kept, bytes.subarray(-KEPT_BYTES)]);
    // A copy: a part of a buffer would keep the whole.
    this.#kept = Buffer.from(both.subarray(-KEPT_BYTES));
  }

  /** At most 2 KiB of printable ASCII, its lines cut. */
  text(): string {
    const lines = this.#kept.toString("latin1").split("\n");
    return lines
      .map((line) => line.slice(0, LINE_UNITS).replaceAll(UNPRINTABLE, "?").trimEnd())
      .filter((line) => line !== "")
      .join("\n");
  }
}
