import type { CallRecord, CallSettlement, CallStart, Journal, JournalQuery } from "../journal.ts";
import { callExists, callNotPending, callWithoutRun, storeClosed } from "../refusals.ts";
import { callSize, takeBySize } from "../run-size.ts";

/** Journal in this process's memory. */
export class MemoryJournal implements Journal {
  readonly #calls = new Map<string, Map<number, CallRecord>>();
  readonly #isStored: (runId: string) => boolean;
  #closed = false;

  /** @param isStored Whether a run is stored: calls of others are refused. @default every run is */
  constructor(isStored: (runId: string) => boolean = () => true) {
    this.#isStored = isStored;
  }

  /** @throws INTERNAL when the number is taken or the run is not stored. */
  async begin(call: CallStart): Promise<void> {
    this.#use("journal a call");
    if (!this.#isStored(call.runId)) throw callWithoutRun(call.runId);
    const calls = this.#calls.get(call.runId) ?? new Map<number, CallRecord>();
    if (calls.has(call.seq)) throw callExists(call.runId, call.seq);
    this.#calls.set(call.runId, calls);
    const { runId, seq, server, tool, argumentsJson, startedAtMs } = call;
    const pending = { outcome: "pending", settledAtMs: undefined, resultJson: undefined, error: undefined } as const;
    calls.set(seq, Object.freeze({ runId, seq, server, tool, argumentsJson, startedAtMs, ...pending }));
  }

  /** The first settlement stands. @throws INTERNAL when the call is not pending. */
  async settle(runId: string, seq: number, settlement: CallSettlement): Promise<void> {
    this.#use("settle a call");
    const calls = this.#calls.get(runId);
    const call = calls?.get(seq);
    if (calls === undefined || call?.outcome !== "pending") throw callNotPending(runId, seq);
    const { outcome, settledAtMs, resultJson, error } = settlement;
    calls.set(seq, Object.freeze({ ...call, outcome, settledAtMs, resultJson, error: structuredClone(error) }));
  }

  async list(runId: string, { after = 0, limit, maxSize }: JournalQuery = {}): Promise<readonly CallRecord[]> {
    this.#use("read a journal");
    const calls = [...(this.#calls.get(runId)?.values() ?? [])]
      .filter((call) => call.seq > after)
      .sort((a, b) => a.seq - b.seq)
      .slice(0, limit);
    return takeBySize(calls, callSize, maxSize);
  }

  /** Deletes the journal of a run. */
  delete(runId: string): void {
    this.#calls.delete(runId);
  }

  /** Forgets everything. Safe to call twice. */
  close(): void {
    this.#closed = true;
    this.#calls.clear();
  }

  #use(action: string): void {
    if (this.#closed) throw storeClosed(action);
  }
}
