import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { isRecord } from "../../lib/guards.ts";
import type { CompilerCommand } from "./typecheck-command.ts";

/** Answers what the compiler asks of files. @returns JSON; `null` for what there is not. */
export type AnswerFileRequest = (method: string, path: string) => Promise<unknown>;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: Error) => void;
}

/** A script of 256 KiB can be made to have a fault in every word; what is larger than this is not read. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const MAX_HEADER_BYTES = 1_024;
const MAX_STDERR = 2_048;
const HEADER_END = Buffer.from("\r\n\r\n");
const CONTENT_LENGTH = /^Content-Length: (?<length>\d{1,9})$/imu;

/**
 * One process of the compiler: JSON-RPC over its pipes, messages framed as the Language Server Protocol frames them.
 * Once it has died or was killed, every question is refused.
 *
 * @source typescript 7.0.2, dist/api/async/client.js
 */
export class CompilerProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #answer: AnswerFileRequest;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #read: Buffer = Buffer.alloc(0);
  #asked = 0;
  #death: Error | undefined;
  #stderr = "";

  constructor(command: CompilerCommand, answer: AnswerFileRequest) {
    this.#answer = answer;
    const child = spawn(command.command, [...command.args], {
      cwd: "/",
      env: { ...command.env },
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once("close", () => resolve());
      child.once("error", () => resolve());
    });
    child.once("error", (error) => this.#die(error));
    child.once("close", (code, signal) =>
      this.#die(new Error(`the compiler ended with ${signal ?? code}: ${this.#stderr}`)),
    );
    // The end of the process tells what a broken pipe means.
    child.stdin.on("error", () => undefined);
    child.stdout.on("data", (chunk: Buffer) => this.#receive(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(0, MAX_STDERR);
    });
  }

  /** For tests of what holds it; `undefined` when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether it may still be asked. */
  get alive(): boolean {
    return this.#death === undefined;
  }

  /** Asks one thing. @throws Error when the compiler refuses, or ends before it has answered. */
  ask(method: string, params: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#death !== undefined) {
        reject(this.#death);
        return;
      }
      const id = ++this.#asked;
      this.#waiting.set(id, { resolve, reject });
      this.#send({ id, method, params });
    });
  }

  /** Ends the process at once; what it was asked is refused with `reason`. @returns When it is gone. */
  async kill(reason: Error): Promise<void> {
    this.#die(reason);
    await this.#ended;
  }

  #die(reason: Error): void {
    if (this.#death !== undefined) return;
    this.#death = reason;
    this.#read = Buffer.alloc(0);
    this.#child.kill("SIGKILL");
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }

  #send(message: Record<string, unknown>): void {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  #receive(chunk: Buffer): void {
    if (this.#death !== undefined) return;
    this.#read = this.#read.length === 0 ? chunk : Buffer.concat([this.#read, chunk]);
    for (let next = this.#takeMessage(); next !== undefined; next = this.#takeMessage()) this.#dispatch(next);
  }

  /** @returns The body of the next message, once it is complete. */
  #takeMessage(): string | undefined {
    const headerEnd = this.#read.indexOf(HEADER_END);
    if (headerEnd === -1) {
      if (this.#read.length > MAX_HEADER_BYTES) this.#die(new Error("the compiler does not speak its protocol"));
      return undefined;
    }
    const header = this.#read.subarray(0, headerEnd).toString("latin1");
    const length = Number(CONTENT_LENGTH.exec(header)?.groups?.["length"] ?? Infinity);
    if (length > MAX_MESSAGE_BYTES) {
      this.#die(new Error("the compiler has more to say than is read"));
      return undefined;
    }
    const start = headerEnd + HEADER_END.length;
    if (this.#read.length < start + length) return undefined;
    const body = this.#read.subarray(start, start + length).toString();
    this.#read = this.#read.subarray(start + length);
    return body;
  }

  #dispatch(body: string): void {
    let message: unknown;
    try {
      message = JSON.parse(body);
    } catch (error) {
      this.#die(new Error("the compiler does not speak its protocol", { cause: error }));
      return;
    }
    if (!isRecord(message)) return;
    const { id, method, params, result, error } = message;
    if (typeof method === "string") {
      const path = Array.isArray(params) ? params[0] : params;
      void this.#answerRequest(id, method, typeof path === "string" ? path : "");
      return;
    }
    const waiting = typeof id === "number" ? this.#waiting.get(id) : undefined;
    if (waiting === undefined || typeof id !== "number") return;
    this.#waiting.delete(id);
    if (isRecord(error)) waiting.reject(new Error(`the compiler refused: ${String(error["message"])}`));
    else waiting.resolve(result);
  }

  async #answerRequest(id: unknown, method: string, path: string): Promise<void> {
    try {
      const result = await this.#answer(method, path);
      if (this.#death === undefined) this.#send({ id, result });
    } catch (error) {
      this.#die(error instanceof Error ? error : new Error("a file could not be given", { cause: error }));
    }
  }
}
