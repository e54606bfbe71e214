import type { RunLimits } from "../config/limits.ts";
import { RunletError } from "../lib/errors.ts";

/**
 * Counts the calls of one run against its limits, on the trusted side: what the isolate and its process hold already is
 * held here once more, because neither is trusted.
 */
export class CallTable {
  readonly #limits: RunLimits;
  #made = 0;
  #inFlight = 0;
  #argumentBytes = 0;

  constructor(limits: RunLimits) {
    this.#limits = limits;
  }

  /** Calls admitted so far. */
  get made(): number {
    return this.#made;
  }

  /**
   * Admits one call.
   *
   * @param argumentBytes Size of its arguments as JSON.
   * @returns Its number within the run, from 1.
   * @throws TOOL_CALL_LIMIT, CALL_CONCURRENCY_LIMIT, ARGUMENTS_TOO_LARGE.
   */
  admit(argumentBytes: number): number {
    const { toolCalls, concurrency, argumentBytes: perCall, argumentTotalBytes } = this.#limits;
    if (this.#made >= toolCalls)
      throw new RunletError("TOOL_CALL_LIMIT", `Cannot make the call as a run may make ${toolCalls}: all are made`);
    if (this.#inFlight >= concurrency) {
      throw new RunletError(
        "CALL_CONCURRENCY_LIMIT",
        `Cannot make the call as ${concurrency} may be in flight at once: so many are`,
      );
    }
    if (argumentBytes > perCall || this.#argumentBytes + argumentBytes > argumentTotalBytes) {
      throw new RunletError(
        "ARGUMENTS_TOO_LARGE",
        `Cannot make the call as arguments may have ${perCall} bytes a call and ${argumentTotalBytes} a run: these are ${argumentBytes}`,
      );
    }
    this.#inFlight++;
    this.#argumentBytes += argumentBytes;
    return ++this.#made;
  }

  /** The call settled: its place is free. */
  release(): void {
    this.#inFlight--;
  }
}
