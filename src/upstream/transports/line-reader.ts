/** Bytes kept of either end of a line that is too long. */
const EDGE_BYTES = 256;
/** A line so many times as long as the bound is no message any more. */
const MAX_TIMES = 16;

/** What is known of a line that was too long to be kept. */
export interface TooLongLine {
  /** Its first bytes, at most 256. */
  readonly head: string;
  /** Its last bytes, at most 256. */
  readonly tail: string;
}

/** Takes what a line reader finds. */
export interface LineSink {
  /** A line without `\n` or `\r\n`. */
  line(text: string): void;
  /** A line that was over the bound, at its end. */
  tooLong(line: TooLongLine): void;
}

/**
 * Cuts a byte stream into lines, each of bounded size. Copies each byte once, however many chunks a line spans; of a line that is
 * too long only the two ends are kept.
 */
export class LineReader {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** The ends of the line that is being passed over. */
  #skipped: { readonly head: Buffer; tail: Buffer } | undefined;

  /** @param maxBytes Largest line, its end excluded. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the next bytes and hands out every line they complete.
   *
   * @throws RangeError when a line is over sixteen times the bound, finished or not.
   */
  push(chunk: Buffer, sink: LineSink): void {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, end));
      from = end + 1;
      this.#finish(sink);
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  #keep(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#bytes > this.#maxBytes * MAX_TIMES) throw new RangeError(`line over ${this.#maxBytes * MAX_TIMES} bytes`);
    if (this.#bytes <= this.#maxBytes) {
      this.#pieces.push(piece);
      return;
    }
    // Copies, so that the chunks they are part of need not be kept.
    const kept = Buffer.concat([...this.#pieces, piece]);
    this.#pieces = [];
    this.#skipped ??= { head: Buffer.from(kept.subarray(0, EDGE_BYTES)), tail: Buffer.alloc(0) };
    this.#skipped.tail = Buffer.from(Buffer.concat([this.#skipped.tail, kept]).subarray(-EDGE_BYTES));
  }

  #finish(sink: LineSink): void {
    const skipped = this.#skipped;
    const [first] = this.#pieces;
    const line = this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    this.#skipped = undefined;
    if (skipped === undefined) sink.line(withoutReturn(line.toString("utf8")));
    else sink.tooLong({ head: skipped.head.toString("utf8"), tail: withoutReturn(skipped.tail.toString("utf8")) });
  }
}

function withoutReturn(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}
