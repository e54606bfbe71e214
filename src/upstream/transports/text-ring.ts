import { StringDecoder } from "node:string_decoder";
import { boundText } from "../../lib/bounded-text.ts";

/** The last lines of a text stream: bounded in lines and in the size of each, whatever is written. */
export class TextRing {
  readonly #maxLines: number;
  readonly #maxLineBytes: number;
  readonly #decoder = new StringDecoder("utf8");
  readonly #lines: string[] = [];
  #open = "";
  #overflowed = false;

  /**
   * @param maxLines Lines kept.
   * @param maxLineBytes Largest line in UTF-8 bytes; the rest of it is dropped.
   */
  constructor(maxLines: number, maxLineBytes: number) {
    this.#maxLines = maxLines;
    this.#maxLineBytes = maxLineBytes;
  }

  /** The lines kept, oldest first, the unfinished last one included. */
  get lines(): readonly string[] {
    return this.#open === "" ? [...this.#lines] : [...this.#lines, this.#bounded(this.#open)];
  }

  /** Adds one whole line. */
  add(line: string): void {
    this.#lines.push(this.#bounded(line));
    if (this.#lines.length > this.#maxLines) this.#lines.shift();
  }

  /** Takes the next bytes of the stream. */
  write(chunk: Buffer): void {
    const [head = "", ...rest] = this.#decoder.write(chunk).split("\n");
    this.#grow(head);
    for (const text of rest) {
      this.add(this.#open.endsWith("\r") ? this.#open.slice(0, -1) : this.#open);
      this.#open = "";
      this.#overflowed = false;
      this.#grow(text);
    }
  }

  #grow(text: string): void {
    if (this.#overflowed) return;
    this.#open += text.slice(0, this.#maxLineBytes + 1);
    this.#overflowed = this.#open.length > this.#maxLineBytes;
  }

  #bounded(line: string): string {
    return boundText(line, this.#maxLineBytes);
  }
}
