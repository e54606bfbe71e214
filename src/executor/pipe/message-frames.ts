import { MAX_RESULT_BYTES } from "../../config/limits.ts";
import { parseJson } from "../../lib/json.ts";
import { hasTooManyParts } from "./count-parts.ts";

/** What comes out of the bytes of a pipe. */
export interface FrameListener {
  /**
   * Told of each message, parsed and not checked in any other way.
   *
   * @param body Bytes that came with it, in memory that threads can share; not checked to be text.
   */
  readonly onMessage: (data: unknown, body: Uint8Array | undefined) => void;
  /** Told of bytes that are no message: nothing after them is read. */
  readonly onFault: (reason: Error) => void;
  /** Whether the other end may be lying: then a line that would be much larger when it is parsed is none. */
  readonly isSuspicious: boolean;
}

/** Longest result that goes inside its message, in UTF-16 units; a longer one goes beside it as a body. */
export const INLINE_UNITS = 64 * 1024;

/** A message whose head has come and whose body has not, or not all of it. */
interface Incoming {
  readonly data: unknown;
  readonly body: Uint8Array;
  filled: number;
}

/** Longest line taken. @source the largest value a run may emit (16 MiB of JSON), every character of it escaped */
const MAX_LINE_BYTES = 40 * 1024 * 1024;
const NEWLINE = 10;
/** A line that a body follows begins with its length: `#12 {…}`. */
const HEAD = /^#(\d{1,9}) /u;

/** A message as the lines and bytes that go over a pipe: its text, and its body where it has one. */
export function frameText(message: object, body: Uint8Array | undefined): string {
  const json = JSON.stringify(message);
  return body === undefined ? `${json}\n` : `#${body.byteLength} ${json}\n`;
}

/**
 * Cuts what comes through a pipe into messages: JSON texts, one a line, in order. A large text goes beside its message as a
 * body: bytes that are neither escaped nor decoded on the way.
 */
export class FrameReader {
  readonly #listener: FrameListener;
  /** The line that has not ended yet. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  #incoming: Incoming | undefined;
  #closed = false;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** Reads what came. @param borrowed Whether the chunk's memory is written again after this: then what is kept is copied. */
  take(chunk: Buffer, borrowed: boolean): void {
    let from = 0;
    while (from < chunk.length && !this.#closed) {
      from =
        this.#incoming === undefined
          ? this.#takeLine(chunk, from, borrowed)
          : this.#takeBody(chunk, from, this.#incoming);
    }
  }

  /** Forgets what it has and takes nothing more. */
  close(): void {
    this.#closed = true;
    this.#parts = [];
    this.#incoming = undefined;
  }

  /** @returns Where the next line or body begins. */
  #takeLine(chunk: Buffer, from: number, borrowed: boolean): number {
    const end = chunk.indexOf(NEWLINE, from);
    const stop = end === -1 ? chunk.length : end;
    if (this.#partBytes + stop - from > MAX_LINE_BYTES) {
      this.#fault("a message is longer than any may be");
      return chunk.length;
    }
    if (end !== -1 && this.#parts.length === 0) {
      this.#parse(chunk.toString("utf8", from, end));
      return end + 1;
    }
    const part = chunk.subarray(from, stop);
    this.#parts.push(borrowed ? Buffer.from(part) : part);
    this.#partBytes += part.length;
    if (end === -1) return chunk.length;
    const line = Buffer.concat(this.#parts, this.#partBytes).toString("utf8");
    this.#parts = [];
    this.#partBytes = 0;
    this.#parse(line);
    return end + 1;
  }

  #takeBody(chunk: Buffer, from: number, incoming: Incoming): number {
    const { data, body, filled } = incoming;
    const part = chunk.subarray(from, from + body.length - filled);
    body.set(part, filled);
    incoming.filled += part.length;
    if (incoming.filled === body.length) {
      this.#incoming = undefined;
      this.#listener.onMessage(data, body);
    }
    return from + part.length;
  }

  #parse(line: string): void {
    const head = line.startsWith("#") ? HEAD.exec(line) : null;
    const json = head === null ? line : line.slice(head[0].length);
    // What is long because of one text is as long when it is parsed; of other lines a process may make a hundred times as much.
    const isBomb = this.#listener.isSuspicious && json.length > INLINE_UNITS && hasTooManyParts(json);
    const parsed = isBomb ? undefined : parseJson(json);
    const bodyBytes = head === null ? 0 : Number(head[1]);
    if (parsed === undefined) this.#fault("a message is not JSON");
    else if (bodyBytes > MAX_RESULT_BYTES) this.#fault("a message's body is larger than any may be");
    else if (bodyBytes === 0) this.#listener.onMessage(parsed.value, undefined);
    else this.#incoming = { data: parsed.value, body: new Uint8Array(new SharedArrayBuffer(bodyBytes)), filled: 0 };
  }

  #fault(reason: string): void {
    this.close();
    this.#listener.onFault(new Error(reason));
  }
}
