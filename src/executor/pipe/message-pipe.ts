import type { Socket } from "node:net";
import { FrameReader, frameText } from "./message-frames.ts";
import type { FrameListener } from "./message-frames.ts";

/** How a pipe is read and written. */
export interface MessagePipeOptions {
  readonly onMessage: FrameListener["onMessage"];
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

const MAX_UNSENT_BYTES = 256 * 1024 * 1024;

/**
 * The service's end of the pipe to an executor process; what goes over it is `FrameReader`'s.
 *
 * Not Node's own channel: that throws in its owner's process on a line that is no JSON or names one of its internal
 * commands, and takes lines of any length.
 */
export class MessagePipe {
  readonly #socket: Socket;
  readonly #options: MessagePipeOptions;
  readonly #reader: FrameReader;
  #corked = false;
  #broken = false;

  constructor(socket: Socket, options: MessagePipeOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#reader = new FrameReader({
      onMessage: options.onMessage,
      onFault: (reason) => this.#break(reason),
      isSuspicious: true,
    });
    socket.on("data", (chunk: Buffer) => this.#reader.take(chunk, false));
    socket.on("drain", () => socket.resume());
    socket.on("error", (error) => this.#break(error));
  }

  /**
   * Writes a message; one that cannot be written is told to `onBroken`. Messages of one turn go out together.
   *
   * @param body Goes with it, and is not copied.
   */
  send(message: object, body?: Uint8Array): void {
    if (this.#broken || !this.#socket.writable) return;
    this.#cork();
    this.#socket.write(frameText(message, body));
    if (body !== undefined) this.#socket.write(body);
    const { pauseAboveBytes = Infinity, maxUnsentBytes = MAX_UNSENT_BYTES } = this.#options;
    const { writableLength } = this.#socket;
    if (writableLength > maxUnsentBytes) this.#break(new Error("the other end does not take its messages"));
    else if (writableLength > pauseAboveBytes) this.#socket.pause();
  }

  /**
   * Bytes that wait to be written, and those that were: while some wait, more are written only as fast as the other end
   * reads.
   */
  get progress(): { readonly waitingBytes: number; readonly writtenBytes: number } {
    const { bytesWritten, writableLength } = this.#socket;
    return { waitingBytes: writableLength, writtenBytes: bytesWritten - writableLength };
  }

  /** Reads on, whatever waits to be written: for what is left in the pipe of an end that is gone. */
  readOn(): void {
    this.#socket.resume();
  }

  /** Reads and writes no more. Safe to call twice. */
  close(): void {
    this.#broken = true;
    this.#reader.close();
    this.#socket.destroy();
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
    });
  }

  #break(reason: Error): void {
    if (this.#broken) return;
    this.close();
    this.#options.onBroken(reason);
  }
}
