import { writeSync } from "node:fs";
import { Socket } from "node:net";
import { FrameReader, frameText } from "./message-frames.ts";
import type { FrameListener } from "./message-frames.ts";

/** How an executor process reads and writes its pipe. */
export interface DirectPipeOptions {
  /** Descriptor of the pipe. */
  readonly fd: number;
  readonly onMessage: FrameListener["onMessage"];
  /** Told when all messages that came together were told. */
  readonly onTurn: () => void;
  /** Told when the pipe can be used no more, or its other end is gone. May be told twice. */
  readonly onBroken: (reason: Error) => void;
}

const READ_BYTES = 64 * 1024;
/** All runs of this process may end at once with a large result; its memory is bounded from outside. */
const MAX_UNSENT_BYTES = 1024 * 1024 * 1024;

/**
 * The executor process' end of its pipe, made for a process without a JIT, where each line of Node's streams costs: what
 * comes is read into one buffer, what goes is written to the descriptor at once. The stream is there for what the
 * descriptor does not take at once.
 */
export class DirectPipe {
  readonly #options: DirectPipeOptions;
  readonly #reader: FrameReader;
  readonly #socket: Socket;

  constructor(options: DirectPipeOptions) {
    this.#options = options;
    const { fd, onMessage, onTurn, onBroken } = options;
    this.#reader = new FrameReader({ onMessage, onFault: onBroken, isSuspicious: false });
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    this.#socket = new Socket({
      fd,
      readable: true,
      writable: true,
      onread: {
        buffer,
        callback: (bytes) => {
          this.#reader.take(buffer.subarray(0, bytes), true);
          onTurn();
          return true;
        },
      },
    });
    this.#socket.on("error", onBroken);
    this.#socket.on("close", () => onBroken(new Error("the other end is gone")));
  }

  /** Writes a message. @param body Goes with it, and is not copied. */
  send(message: object, body?: Uint8Array): void {
    this.#write(frameText(message, body));
    if (body !== undefined) this.#socket.write(body);
  }

  #write(text: string): void {
    if (this.#socket.writableLength > 0) {
      this.#socket.write(text);
      if (this.#socket.writableLength > MAX_UNSENT_BYTES)
        this.#options.onBroken(new Error("the other end does not take its messages"));
      return;
    }
    const written = writeNow(this.#options.fd, text);
    // A text of one-byte characters is as long as its bytes; only another is worth being counted.
    if (written < text.length || written < Buffer.byteLength(text))
      this.#socket.write(Buffer.from(text).subarray(written));
  }
}

/** @returns How many bytes the descriptor took: none when it is full. */
function writeNow(fd: number, text: string): number {
  try {
    return writeSync(fd, text);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return 0;
    throw error;
  }
}
