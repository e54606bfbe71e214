import { MAX_NESTING } from "../bridge/protocol.ts";
import type { ResultJson } from "../executor/executor.ts";
import type { Clock } from "../lib/clock.ts";
import { cutJson } from "../lib/cut-json.ts";
import { errorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import type { JsonValue } from "../lib/guards.ts";
import { scanJson } from "../lib/json-scan.ts";
import { Thread, threadModule } from "../lib/thread.ts";
import type { Asker } from "../lib/thread.ts";

/** A result that was read. */
export interface ReadResult {
  /** What an answer carries: the result, or as much of it as fits. */
  readonly value: JsonValue;
  /** Size of the whole as JSON. */
  readonly bytes: number;
  /** The whole as JSON in UTF-8, where `value` is a part of it. */
  readonly whole: Uint8Array | undefined;
}

/** What the thread is asked. */
export interface ResultQuestion {
  /** In shared memory, so that nothing is copied and nothing is lost with the thread. */
  readonly bytes: Uint8Array;
  readonly replyBytes: number;
}

/** `json`: the result as JSON text, cut to what fits. */
export type ResultText =
  | { readonly kind: "fault"; readonly fault: "syntax" | "depth" }
  | { readonly kind: "text"; readonly json: string; readonly cut: boolean };

const FAULTS = {
  syntax: "The script's result is not JSON",
  depth: `Cannot return the result as it may be nested ${MAX_NESTING} deep: it is deeper`,
} as const;

/** Largest result that is read without a thread, in bytes. @source measured: scanning 512 KiB takes 3 to 10 ms */
const IN_PLACE_BYTES = 512 * 1024;
/** For one result. @source measured: 64 MiB of the worst form take 3 s on a machine with nothing to spare */
const READ_WITHIN_MS = 20_000;
const IDLE_MS = 10_000;
/** Far more than the offsets of a text of 64 MiB and a part of 16 MiB take. */
const THREAD_HEAP_MIB = 512;

/**
 * Reads what scripts return: finds out whether it is JSON and cuts it to what an answer carries. Large ones are read in a
 * thread; what is parsed here is at most what an answer carries.
 */
export class ResultReader {
  readonly #thread: Thread<ResultQuestion, ResultText>;

  constructor(clock: Clock) {
    this.#thread = new Thread({
      entry: threadModule("./result-worker", import.meta.url),
      name: "runlet-results",
      idleMs: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MIB },
      clock,
    });
  }

  /**
   * Reads a result. Owners take turns.
   *
   * @returns RESULT_INVALID when it is no JSON or nested too deep; INTERNAL when it cannot be read.
   * @throws The signal's reason when it aborts before a large result had its turn.
   */
  async read(result: ResultJson, replyBytes: number, asker: Required<Asker>): Promise<ReadResult | ErrorInfo> {
    const bytes = toBytes(result);
    const text =
      bytes.byteLength <= IN_PLACE_BYTES
        ? readResultText(bytes, replyBytes)
        : await this.#thread.ask({ bytes, replyBytes }, READ_WITHIN_MS, asker);
    if (text === undefined)
      return errorInfo("INTERNAL", `The script's result could not be read in ${READ_WITHIN_MS} ms`);
    if (text.kind === "fault") return errorInfo("RESULT_INVALID", FAULTS[text.fault]);
    const value = JSON.parse(text.json) as JsonValue;
    return { value, bytes: bytes.byteLength, whole: text.cut ? bytes : undefined };
  }

  /** Ends the thread. Safe to call twice. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}

/** Reads the text of a result, here or in the thread. */
export function readResultText(bytes: Uint8Array, replyBytes: number): ResultText {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const index = scanJson(text, MAX_NESTING);
  if (typeof index === "string") return { kind: "fault", fault: index };
  const cut = bytes.byteLength > replyBytes;
  return { kind: "text", json: cut ? cutJson(text, replyBytes, index) : text.toString("utf8"), cut };
}

/** A result as bytes; large ones in memory that threads share. */
export function toBytes(result: ResultJson): Uint8Array {
  if (typeof result !== "string") return result;
  const bytes = Buffer.from(result);
  if (bytes.byteLength <= IN_PLACE_BYTES) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  shared.set(bytes);
  return shared;
}
