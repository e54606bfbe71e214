import type { Socket } from "node:net";
import { MAX_RESULT_BYTES } from "../config/limits.ts";
import { parseJson } from "../lib/json.ts";

/** How a pipe is read and written. */
export interface MessagePipeOptions {
  /**
   * Told of each message, parsed and not checked in any other way.
   *
   * @param body Bytes that came with it, in memory that threads can share; not checked to be text.
   */
  readonly onMessage: (data: unknown, body: Uint8Array | undefined) => void;
  /** Told once when the pipe can be used no more: what was wrong with it, never a text from the other end. */
  readonly onBroken: (reason: Error) => void;
  /**
   * Bytes waiting to be written above which nothing more is read, so that an end that asks without taking its answers
   * cannot fill this one's memory. Only one end may set it: two that wait for each other would wait for ever.
   *
   * @default none
   */
  readonly pauseAboveBytes?: number;
  /** Bytes waiting to be written at which the other end is given up. @default 256 MiB */
  readonly maxUnsentBytes?: number;
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
const MAX_UNSENT_BYTES = 256 * 1024 * 1024;
const NEWLINE = 10;
/** A line that a body follows begins with its length: `#12 {…}`. */
const HEAD = /^#(\d{1,9}) /u;

/**
 * One end of the pipe between the service and an executor process: JSON texts, one a line, in order. A large text goes
 * beside its message as a body: bytes that are neither escaped nor decoded on the way.
 *
 * Not Node's own channel: that throws in its owner's process on a line that is no JSON or names one of its internal
 * commands, and takes lines of any length.
 */
export class MessagePipe {
  readonly #socket: Socket;
  readonly #options: MessagePipeOptions;
  /** The line that has not ended yet. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  #incoming: Incoming | undefined;
  #broken = false;

  constructor(socket: Socket, options: MessagePipeOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("drain", () => socket.resume());
    socket.on("error", (error) => this.#break(error));
  }

  /** Writes a message; one that cannot be written is told to `onBroken`. @param body Goes with it, and is not copied. */
  send(message: object, body?: Uint8Array): void {
    if (this.#broken || !this.#socket.writable) return;
    const json = JSON.stringify(message);
    if (body === undefined) this.#socket.write(`${json}\n`);
    else {
      this.#socket.write(`#${body.byteLength} ${json}\n`);
      this.#socket.write(body);
    }
    const { pauseAboveBytes = Infinity, maxUnsentBytes = MAX_UNSENT_BYTES } = this.#options;
    const { writableLength } = this.#socket;
    if (writableLength > maxUnsentBytes) this.#break(new Error("the other end does not take its messages"));
    else if (writableLength > pauseAboveBytes) this.#socket.pause();
  }

  /** Reads on, whatever waits to be written: for what is left in the pipe of an end that is gone. */
  readOn(): void {
    this.#socket.resume();
  }

  /** Reads and writes no more. Safe to call twice. */
  close(): void {
    this.#broken = true;
    this.#parts = [];
    this.#incoming = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    let from = 0;
    while (from < chunk.length && !this.#broken) {
      from = this.#incoming === undefined ? this.#takeLine(chunk, from) : this.#takeBody(chunk, from, this.#incoming);
    }
  }

  /** @returns Where the next line or body begins. */
  #takeLine(chunk: Buffer, from: number): number {
    const end = chunk.indexOf(NEWLINE, from);
    const part = chunk.subarray(from, end === -1 ? chunk.length : end);
    this.#parts.push(part);
    this.#partBytes += part.length;
    if (this.#partBytes > MAX_LINE_BYTES) {
      this.#break(new Error("a message is longer than any may be"));
      return chunk.length;
    }
    if (end === -1) return chunk.length;
    const line = this.#parts.length === 1 ? part : Buffer.concat(this.#parts, this.#partBytes);
    this.#parts = [];
    this.#partBytes = 0;
    this.#parse(line.toString("utf8"));
    return end + 1;
  }

  #takeBody(chunk: Buffer, from: number, incoming: Incoming): number {
    const { data, body, filled } = incoming;
    const part = chunk.subarray(from, from + body.length - filled);
    body.set(part, filled);
    incoming.filled += part.length;
    if (incoming.filled === body.length) {
      this.#incoming = undefined;
      this.#options.onMessage(data, body);
    }
    return from + part.length;
  }

  #parse(line: string): void {
    const head = HEAD.exec(line);
    const parsed = parseJson(head === null ? line : line.slice(head[0].length));
    const bodyBytes = head === null ? 0 : Number(head[1]);
    if (parsed === undefined) this.#break(new Error("a message is not JSON"));
    else if (bodyBytes > MAX_RESULT_BYTES) this.#break(new Error("a message's body is larger than any may be"));
    else if (bodyBytes === 0) this.#options.onMessage(parsed.value, undefined);
    else this.#incoming = { data: parsed.value, body: new Uint8Array(new SharedArrayBuffer(bodyBytes)), filled: 0 };
  }

  #break(reason: Error): void {
    if (this.#broken) return;
    this.close();
    this.#options.onBroken(reason);
  }
}
