import { createHash } from "node:crypto";
import { boundText } from "../lib/bounded-text.ts";
import { RunletError } from "../lib/errors.ts";
import type { CallRecord } from "../store/journal.ts";
import type { GivenAnswer } from "./reply-order.ts";

const MAX_SHOWN_BYTES = 200;

/** Digest of what a script asked for: the same call made again has the same. */
export function keyOf(pathText: string, argsText: string): string {
  return createHash("sha256").update(pathText).update("\n").update(argsText).digest("base64url").slice(0, 22);
}

/** Whether the script was told how the call ended. */
export function isSettled(
  call: CallRecord,
): call is CallRecord & { readonly order: number; readonly settledAtMs: number } {
  return call.order !== undefined && call.settledAtMs !== undefined;
}

/**
 * The calls that earlier attempts of a run journaled. A script that is run again makes the same calls in the same order, as it
 * is told the same in the same order: the number of a call says which it is, and its key proves it.
 */
export class RecordedCalls {
  readonly #calls: ReadonlyMap<number, CallRecord>;

  constructor(calls: readonly CallRecord[]) {
    this.#calls = new Map(calls.map((call) => [call.seq, call]));
  }

  /** All of them. */
  all(): Iterable<CallRecord> {
    return this.#calls.values();
  }

  /** The answers that were given. */
  given(): readonly GivenAnswer[] {
    return [...this.#calls.values()].filter(isSettled).map(({ order, settledAtMs }) => ({ order, atMs: settledAtMs }));
  }

  /**
   * The call of a number.
   *
   * @param made What the script asks for now.
   * @returns `undefined` when it was not journaled.
   * @throws RUN_DIVERGED when it was another one.
   */
  find(seq: number, made: { readonly key: string; readonly pathText: string }): CallRecord | undefined {
    const call = this.#calls.get(seq);
    if (call === undefined || call.key === made.key) return call;
    const before = call.kind === "tool" ? `${call.server}.${call.tool}` : call.tool;
    const now = boundText(made.pathText, MAX_SHOWN_BYTES);
    throw new RunletError(
      "RUN_DIVERGED",
      `Cannot go on with the run as its script must make the same calls as before: call ${seq} was ${before}, and is now ${now}${before === now ? " with other arguments" : ""}`,
      {
        hint: "GET /runs/{id}/calls shows what was done. Post the run again once you have seen to it.",
        details: { seq, made: now, journaled: before },
      },
    );
  }
}
