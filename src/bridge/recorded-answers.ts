import type { CallRecord } from "../store/journal.ts";
import { isSettled } from "./recorded-calls.ts";

/**
 * The calls of one run as answers for those of another, whose script may be a different one: a call is answered by the next
 * one of the same tool with the same arguments.
 */
export class RecordedAnswers {
  readonly #byContent = new Map<string, CallRecord[]>();
  /** Whether calls that the other run did not make are refused. */
  readonly isAll: boolean;

  /** @param calls In the order in which they were made. */
  constructor(calls: readonly CallRecord[], { isAll }: { readonly isAll: boolean }) {
    this.isAll = isAll;
    for (const call of calls) {
      if (call.kind !== "tool" || !isSettled(call) || call.outcome === "unknown" || call.outcome === "skipped")
        continue;
      const content = contentOf(call);
      const same = this.#byContent.get(content);
      if (same === undefined) this.#byContent.set(content, [call]);
      else same.push(call);
    }
  }

  /** The answer of a call, each once. @returns `undefined` when the other run made no such call, or not as often. */
  take(call: Pick<CallRecord, "server" | "tool" | "argumentsJson">): CallRecord | undefined {
    return this.#byContent.get(contentOf(call))?.shift();
  }
}

function contentOf({ server, tool, argumentsJson }: Pick<CallRecord, "server" | "tool" | "argumentsJson">): string {
  return JSON.stringify([server, tool, argumentsJson]);
}
