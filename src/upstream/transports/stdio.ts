import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { Readable, Writable } from "node:stream";
import { type JSONRPCMessage, serializeMessage, type Transport } from "@modelcontextprotocol/client";
import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import { parseJson } from "../../lib/json.ts";
import { LineReader, type LineSink, type TooLongLine } from "./line-reader.ts";
import { idOfTooLong, lostAnswer, MAX_MESSAGE_BYTES, STREAM_TOO_LARGE } from "./lost-answers.ts";
import { endGroup, rememberGroup, signalGroup } from "./process-group.ts";
import { setRawAside } from "./raw-results.ts";
import { TextRing } from "./text-ring.ts";

const STDERR_LINES = 100;
const STDERR_LINE_BYTES = 8 * 1024;
/** A process that takes no more input has ended, or is about to. */
const LAST_WORDS_MS = 1_000;
/** After the leader's end: what is still in its pipe is read this long, processes it left behind get this long. */
const DRAIN_MS = 200;
const ORPHAN_GRACE_MS = 1_000;

/** A server to start, with every value resolved. */
export interface StdioTransportOptions {
  /** Name of the server in messages. */
  readonly server: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  /** The key that says what is started, for errors. @default "command" */
  readonly commandKey?: "command" | "runtime";
  /** Removes what the process may have left behind that is in no process group of ours; must not reject. @default nothing */
  readonly afterEnd?: () => Promise<void>;
  readonly clock: Clock;
  /** @default 16 MiB */
  readonly maxMessageBytes?: number;
  /** Wait after stdin was closed, then after SIGTERM, in ms. @default 2000 and 5000 */
  readonly grace?: { readonly stdinMs: number; readonly termMs: number };
}

/**
 * A message as one line, whatever the reader takes for the end of one: some readers split at U+2028 and U+2029, too.
 * Both stand only inside strings, where an escape means the same.
 */
function toLine(message: JSONRPCMessage): string {
  return serializeMessage(message).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * An MCP server as a child process in a process group of its own: messages are lines of JSON on stdin and stdout.
 *
 *     new ──► started ──► closed      (close() was called, the process ended, or it broke the protocol)
 *
 * `onclose` comes once, when no further message can arrive; `close()` resolves when the whole group is gone. A process
 * that ends takes its group along, so that wrappers such as `npx` leave nothing behind. Lines that are not JSON-RPC are
 * kept with stderr and otherwise passed over: many servers greet on stdout.
 */
export class StdioTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport["onmessage"];
  readonly #options: StdioTransportOptions;
  readonly #reader: LineReader;
  readonly #lines: LineSink = {
    line: (text) => this.#take(text),
    tooLong: (line) => this.#passOver(line),
  };
  readonly #ring = new TextRing(STDERR_LINES, STDERR_LINE_BYTES);
  #child: Child | undefined;
  #pid: number | undefined;
  /** Resolves when the leader has ended. */
  #exited: Promise<void> | undefined;
  /** Resolves when the group has. */
  #gone: Promise<void> = Promise.resolve();
  #exit: string | undefined;
  /** Set once the process did not take a message. */
  #deaf = false;
  readonly #over = Promise.withResolvers<void>();
  #fatal: RunletError | undefined;
  #finished = false;
  #noisy = false;
  #closing: Promise<void> | undefined;

  constructor(options: StdioTransportOptions) {
    this.#options = options;
    this.#reader = new LineReader(options.maxMessageBytes ?? MAX_MESSAGE_BYTES);
  }

  /** The leader's process id; `undefined` before the start, after the end, and when it could not be started. */
  get pid(): number | undefined {
    return this.#exit === undefined ? this.#pid : undefined;
  }

  /** Last lines of stderr, and of stdout where they were not the protocol. */
  get stderr(): readonly string[] {
    return this.#ring.lines;
  }

  /** Whether the server wrote lines to stdout that are not the protocol. */
  get noisy(): boolean {
    return this.#noisy;
  }

  /** How the process ended, such as `exited with code 1`; `undefined` while it has not. */
  get exit(): string | undefined {
    return this.#exit;
  }

  /** Waits, a moment at most, until it is known how a process ended that takes no more input, and what it said last. */
  async lastWords(): Promise<void> {
    if (this.#deaf && !this.#finished) await this.#within(LAST_WORDS_MS, this.#over.promise);
  }

  /** Why we ended the session, when the server broke the protocol. */
  get fatal(): RunletError | undefined {
    return this.#fatal;
  }

  /** @throws UPSTREAM_UNAVAILABLE when the process cannot be started. */
  start(): Promise<void> {
    if (this.#child !== undefined || this.#closing !== undefined) {
      return Promise.reject(new Error("a stdio transport starts once"));
    }
    return new Promise((resolve, reject) => {
      const { command, args, env, cwd } = this.#options;
      const child = spawn(command, [...args], {
        ...(cwd !== undefined && { cwd }),
        env: { ...env },
        stdio: ["pipe", "pipe", "pipe"],
        detached: process.platform !== "win32",
        windowsHide: true,
      });
      this.#child = child;
      if (child.pid !== undefined) this.#adopt(child, child.pid);
      child.once("spawn", resolve);
      child.on("error", (error) => {
        if (this.#pid === undefined) this.#finish();
        reject(this.#startError(error));
      });
    });
  }

  /** @throws UPSTREAM_UNAVAILABLE with `details.sent` false when the process did not take the whole message. */
  send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || this.#finished || this.#closing !== undefined) return Promise.reject(this.#notSent());
    return new Promise((resolve, reject) => {
      stdin.write(toLine(message), (error) => {
        if (!error) return resolve();
        this.#deaf = true;
        reject(this.#notSent(error));
      });
    });
  }

  /** Ends the process: closes its stdin, then SIGTERM, then SIGKILL to its group. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  #adopt(child: Child, pid: number): void {
    this.#pid = pid;
    rememberGroup(pid);
    child.stdin.on("error", (error) => this.onerror?.(error));
    child.stdout.on("data", (chunk: Buffer) => this.#read(chunk));
    child.stdout.on("error", (error) => this.onerror?.(error));
    child.stderr.on("data", (chunk: Buffer) => this.#ring.write(chunk));
    child.stderr.on("error", (error) => this.onerror?.(error));
    const drained = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const exited = new Promise<void>((resolve) => {
      child.once("exit", (code, signal) => {
        this.#exit = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
        resolve();
      });
    });
    this.#exited = exited;
    this.#gone = this.#afterExit(pid, exited, drained);
  }

  async #afterExit(pid: number, exited: Promise<void>, drained: Promise<void>): Promise<void> {
    await exited;
    const groupEnded = endGroup(pid, this.#options.clock, ORPHAN_GRACE_MS);
    await this.#within(DRAIN_MS, drained);
    this.#finish();
    await groupEnded;
    await this.#options.afterEnd?.();
  }

  async #end(): Promise<void> {
    const child = this.#child;
    const pid = this.#pid;
    const exited = this.#exited;
    if (child !== undefined && pid !== undefined && exited !== undefined) {
      const { stdinMs, termMs } = this.#options.grace ?? { stdinMs: 2_000, termMs: 5_000 };
      child.stdin.end();
      if (!(await this.#within(stdinMs, exited))) signalGroup(pid, "SIGTERM");
      if (!(await this.#within(termMs, exited))) signalGroup(pid, "SIGKILL");
      await this.#gone;
    }
    this.#finish();
  }

  /** Whether `event` comes within the time. */
  #within(delayMs: number, event: Promise<void>): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = this.#options.clock.after(delayMs, () => resolve(false));
    const wait = async (): Promise<void> => {
      await event;
      timer.cancel();
      resolve(true);
    };
    void wait();
    return promise;
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#over.resolve();
    this.#child?.stdout.destroy();
    this.#child?.stderr.destroy();
    this.onclose?.();
  }

  #read(chunk: Buffer): void {
    if (this.#finished) return;
    try {
      this.#reader.push(chunk, this.#lines);
    } catch (error) {
      const server = this.#options.server;
      const limit = this.#options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
      this.#fatal = new RunletError(
        "UPSTREAM_PROTOCOL",
        `Cannot read from server "${server}" as a message must be at most ${limit} bytes: it sends one without end.`,
        { server, hint: "Ask the tool for less at a time.", cause: error },
      );
      this.onerror?.(this.#fatal);
      this.#finish();
      void this.close();
    }
  }

  /** Who asked for it is told; all others go on. */
  #passOver(line: TooLongLine): void {
    if (this.#finished) return;
    const limit = this.#options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
    this.onerror?.(new Error(`a message over ${limit} bytes was passed over`));
    const id = idOfTooLong(line);
    if (id !== undefined) this.#deliver(lostAnswer(id, STREAM_TOO_LARGE));
  }

  #take(line: string): void {
    if (this.#finished || line.trim() === "") return;
    const parsed = parseJson(line)?.value;
    const messages: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    if (!messages.every((message) => isRecord(message) && message["jsonrpc"] === "2.0")) {
      this.#noisy = true;
      this.#ring.add(`[stdout] ${line}`);
      this.onerror?.(new Error("a line on stdout is not JSON-RPC"));
      return;
    }
    for (const message of messages) this.#deliver(message as JSONRPCMessage);
  }

  #deliver(message: JSONRPCMessage): void {
    try {
      this.onmessage?.(setRawAside(message));
    } catch (error) {
      this.onerror?.(error instanceof Error ? error : new Error("a message could not be handled", { cause: error }));
    }
  }

  #notSent(cause?: Error): RunletError {
    const { server } = this.#options;
    return new RunletError(
      "UPSTREAM_UNAVAILABLE",
      `Cannot send to server "${server}" as its process must be running: it ${this.#exit ?? "takes no more input"}.`,
      { server, details: { sent: false }, ...(cause && { cause }) },
    );
  }

  /** The failure in words that hold no path of this machine. */
  #startError(cause: Error): RunletError {
    const { server, command, cwd } = this.#options;
    const code = "code" in cause && typeof cause.code === "string" ? cause.code : "unknown error";
    const folderMissing = code === "ENOENT" && cwd !== undefined && !existsSync(cwd);
    const rule = folderMissing ? "its working folder must exist" : "its command must be an executable file on the PATH";
    const value = folderMissing ? `"${basename(cwd)}"` : `"${basename(command)}" (${code})`;
    return new RunletError(
      "UPSTREAM_UNAVAILABLE",
      `Cannot start server "${server}" as ${rule}: current value is ${value}.`,
      {
        server,
        hint: `Install it, or correct ${folderMissing ? "cwd" : (this.#options.commandKey ?? "command")} of mcpServers.${server}.`,
        details: { sent: false },
        cause,
      },
    );
  }
}
