import type { Socket } from "node:net";
import { parseJson } from "../lib/json.ts";

/** How a pipe is read and written. */
export interface MessagePipeOptions {
  /** Told of each message, parsed and not checked in any other way. */
  readonly onMessage: (data: unknown) => void;
  /** Told once when the pipe can be used no more: what was wrong with it, never a text from the other end. */
  readonly onBroken: (reason: Error) => void;
  /**
   * Bytes waiting to be written above which nothing more is read, so that an end that asks without taking its answers
   * cannot fill this one's memory. Only one end may set it: two that wait for each other would wait for ever.
   *
   * @default none
   */
  readonly pauseAboveBytes?: number;
}

/** Longest line taken. @source the largest result a run may ask for (16 MiB of JSON), every character of it escaped */
const MAX_LINE_UNITS = 40 * 1024 * 1024;
/** Bytes waiting to be written at which the other end is given up. */
const MAX_UNSENT_BYTES = 256 * 1024 * 1024;

/**
 * One end of the pipe between the service and an executor process: JSON texts, one a line, in order.
 *
 * Not Node's own channel: that throws in its owner's process on a line that is no JSON or names one of its internal
 * commands, and takes lines of any length.
 */
export class MessagePipe {
  readonly #socket: Socket;
  readonly #options: MessagePipeOptions;
  #partial = "";
  #broken = false;

  constructor(socket: Socket, options: MessagePipeOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => this.#take(chunk));
    socket.on("drain", () => socket.resume());
    socket.on("error", (error) => this.#break(error));
  }

  /** Writes a message; one that cannot be written is told to `onBroken`. */
  send(message: object): void {
    if (this.#broken || !this.#socket.writable) return;
    this.#socket.write(`${JSON.stringify(message)}\n`);
    const { writableLength } = this.#socket;
    if (writableLength > MAX_UNSENT_BYTES) this.#break(new Error("the other end does not take its messages"));
    else if (writableLength > (this.#options.pauseAboveBytes ?? Infinity)) this.#socket.pause();
  }

  /** Reads on, whatever waits to be written: for what is left in the pipe of an end that is gone. */
  readOn(): void {
    this.#socket.resume();
  }

  /** Reads and writes no more. Safe to call twice. */
  close(): void {
    this.#broken = true;
    this.#partial = "";
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    let from = 0;
    for (let end = chunk.indexOf("\n"); end !== -1 && !this.#broken; end = chunk.indexOf("\n", from)) {
      const line = this.#partial + chunk.slice(from, end);
      this.#partial = "";
      from = end + 1;
      this.#parse(line);
    }
    if (this.#broken) return;
    this.#partial += chunk.slice(from);
    if (this.#partial.length > MAX_LINE_UNITS) this.#break(new Error("a message is longer than any may be"));
  }

  #parse(line: string): void {
    const parsed = parseJson(line);
    if (parsed === undefined) this.#break(new Error("a message is not JSON"));
    else this.#options.onMessage(parsed.value);
  }

  #break(reason: Error): void {
    if (this.#broken) return;
    this.close();
    this.#options.onBroken(reason);
  }
}
