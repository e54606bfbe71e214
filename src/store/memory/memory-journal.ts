import type { Attempts } from "../attempts.ts";
import type {
  AwaitingCall,
  CallApproval,
  CallDecision,
  CallRecord,
  CallSettlement,
  CallStart,
  Journal,
  JournalQuery,
} from "../journal.ts";
import { callExists, callNotPending, storeClosed } from "../refusals.ts";
import { callSize, takeBySize } from "../run-size.ts";

type CallName = Pick<CallStart, "runId" | "seq" | "attempt">;

const UNSETTLED = {
  outcome: "pending",
  settledAtMs: undefined,
  order: undefined,
  resultJson: undefined,
  error: undefined,
} as const;

/** Journal in this process's memory. */
export class MemoryJournal implements Journal {
  readonly #calls = new Map<string, Map<number, CallRecord>>();
  readonly #attempts: Attempts;
  #closed = false;

  /** @param attempts Knows which attempt of a run is the latest. */
  constructor(attempts: Attempts) {
    this.#attempts = attempts;
  }

  async begin(call: CallStart): Promise<void> {
    this.#write(call, UNSETTLED);
  }

  async record(call: CallStart, settlement: CallSettlement): Promise<void> {
    this.#write(call, ownCopy(settlement));
  }

  async settle(call: CallName, settlement: CallSettlement): Promise<void> {
    this.#change("settle a call", call, ownCopy(settlement));
  }

  async ask(
    call: CallName,
    { askedAtMs, expiresAtMs }: Pick<CallApproval, "askedAtMs" | "expiresAtMs">,
  ): Promise<void> {
    const approval = Object.freeze({ askedAtMs, expiresAtMs, decided: undefined });
    this.#change("ask for a call", call, { outcome: "awaiting", approval });
  }

  async decide({ runId, seq }: AwaitingCall, decision: CallDecision): Promise<CallDecision | undefined> {
    this.#use("decide on a call");
    const call = this.#calls.get(runId)?.get(seq);
    if (call?.approval === undefined) return undefined;
    const { decided } = call.approval;
    if (decided !== undefined || call.outcome !== "awaiting") return decided;
    const approval = Object.freeze({ ...call.approval, decided: Object.freeze({ ...decision }) });
    this.#calls.get(runId)?.set(seq, Object.freeze({ ...call, approval }));
    return approval.decided;
  }

  async expired(nowMs: number, limit: number): Promise<readonly AwaitingCall[]> {
    this.#use("list calls that wait too long");
    const over = (call: CallRecord): number | undefined =>
      call.outcome === "awaiting" && call.approval?.decided === undefined ? call.approval?.expiresAtMs : undefined;
    return [...this.#calls.values()]
      .flatMap((calls) => [...calls.values()])
      .filter((call) => (over(call) ?? Infinity) <= nowMs)
      .sort((a, b) => (over(a) ?? 0) - (over(b) ?? 0))
      .slice(0, limit)
      .map(({ runId, seq }) => ({ runId, seq }));
  }

  async list(runId: string, { after = 0, limit, kind, maxSize }: JournalQuery = {}): Promise<readonly CallRecord[]> {
    this.#use("read a journal");
    const calls = [...(this.#calls.get(runId)?.values() ?? [])]
      .filter((call) => call.seq > after && (kind === undefined || call.kind === kind))
      .sort((a, b) => a.seq - b.seq)
      .slice(0, limit);
    return takeBySize(calls, callSize, maxSize);
  }

  async clear(runId: string, attempt: number): Promise<void> {
    this.#use("clear a journal");
    this.#attempts.require(runId, attempt);
    this.delete(runId);
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

  #write(call: CallStart, settled: Omit<CallRecord, keyof CallStart | "approval">): void {
    this.#use("journal a call");
    const { runId, seq, attempt, kind, key, server, tool, argumentsJson, startedAtMs } = call;
    this.#attempts.require(runId, attempt);
    const calls = this.#calls.get(runId) ?? new Map<number, CallRecord>();
    const known = calls.get(seq);
    const mayFollow =
      known === undefined || known.outcome === "awaiting" || (known.outcome === "pending" && known.attempt < attempt);
    if (!mayFollow) throw callExists(runId, seq);
    this.#calls.set(runId, calls);
    const start = { runId, seq, attempt, kind, key, server, tool, argumentsJson, startedAtMs };
    calls.set(seq, Object.freeze({ ...start, ...settled, approval: known?.approval }));
  }

  #change(action: string, { runId, seq, attempt }: CallName, change: Partial<CallRecord>): void {
    this.#use(action);
    this.#attempts.require(runId, attempt);
    const calls = this.#calls.get(runId);
    const call = calls?.get(seq);
    if (calls === undefined || call?.outcome !== "pending" || call.attempt !== attempt)
      throw callNotPending(runId, seq);
    calls.set(seq, Object.freeze({ ...call, ...change }));
  }

  #use(action: string): void {
    if (this.#closed) throw storeClosed(action);
  }
}

function ownCopy({ outcome, settledAtMs, order, resultJson, error }: CallSettlement): CallSettlement {
  return { outcome, settledAtMs, order, resultJson, error: structuredClone(error) };
}
