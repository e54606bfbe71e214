import type { Principal } from "../config/principal.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { CallDecision, CallRecord, Journal } from "../store/journal.ts";
import type { RunRecord, RunStore } from "../store/run-store.ts";
import type { RunDecision } from "./run.ts";

/** What deciding on calls takes. */
export interface ApprovalsDeps {
  readonly runs: RunStore;
  readonly journal: Journal;
  /** Has a waiting run go on. */
  readonly resume: (runId: string) => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often calls are looked for whose time to decide is over. */
const EXPIRE_EVERY_MS = 2_000;
/** Calls that expire at a time: other work waits for one batch at most. */
const EXPIRE_BATCH = 100;
const EXPIRED = "nobody decided in time";

/** Decisions on calls that wait, by people or because the time is over. */
export class Approvals {
  readonly #deps: ApprovalsDeps;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(deps: ApprovalsDeps) {
    this.#deps = deps;
  }

  /**
   * Decides calls of a run; it goes on if it waits. The first decision of a call stands.
   *
   * @throws RUN_ENDED; NOT_AWAITING when no such call waits, or it was decided otherwise; FORBIDDEN.
   */
  async decide(principal: Principal, { id, endedAtMs, status }: RunRecord, asked: RunDecision): Promise<void> {
    const { journal, clock, resume } = this.#deps;
    if (endedAtMs !== undefined)
      throw new RunletError(
        "RUN_ENDED",
        `Cannot decide on the run's calls as it has ended: current status is ${status}`,
      );
    const calls = await journal.list(id, { kind: "tool" });
    const { decision, reason, grant } = asked;
    const made: CallDecision = {
      decision,
      by: principal.id,
      atMs: clock.now(),
      reason,
      ...(grant !== undefined && decision === "approve" && { grant }),
    };
    const targets = targetsOf(calls, asked);
    for (const { seq, approval } of targets) {
      const stands = approval?.decided ?? (await journal.decide({ runId: id, seq }, made));
      if (stands?.decision !== decision) throw decidedOtherwise(seq, stands);
    }
    await resume(id);
  }

  /** A run waits from now on: it goes on at once if a call of it was decided meanwhile. */
  async goOn(runId: string): Promise<void> {
    const { journal, resume } = this.#deps;
    const calls = await journal.list(runId, { kind: "tool" });
    if (calls.some(({ outcome, approval }) => outcome === "awaiting" && approval?.decided !== undefined))
      await resume(runId);
  }

  /** Denies calls whose time is over, now and then. */
  start(): void {
    this.#timer = this.#deps.clock.after(EXPIRE_EVERY_MS, () => void this.#expire(), { background: true });
  }

  /** Safe to call twice. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Never rejects. */
  async #expire(): Promise<void> {
    const { journal, clock, log, resume } = this.#deps;
    try {
      const atMs = clock.now();
      const calls = await journal.expired(atMs, EXPIRE_BATCH);
      for (const call of calls) {
        await journal.decide(call, { decision: "deny", by: undefined, atMs, reason: EXPIRED });
        await resume(call.runId);
      }
    } catch (error) {
      log.warn({ err: error }, "calls whose time to decide is over could not be denied");
    }
    if (!this.#stopped) this.start();
  }
}

/** The calls that are meant. @throws NOT_AWAITING when there are none. */
function targetsOf(calls: readonly CallRecord[], { calls: which, decision }: RunDecision): readonly CallRecord[] {
  const waiting = calls.filter(({ outcome, approval }) => outcome === "awaiting" && approval?.decided === undefined);
  if (which === "all") {
    const wasSo = calls.some(({ approval }) => approval?.decided?.decision === decision);
    if (waiting.length > 0 || wasSo) return waiting;
    throw new RunletError("NOT_AWAITING", "Cannot decide on the run's calls as one must wait for it: none does");
  }
  const call = calls.find(({ seq }) => seq === which);
  if (call?.approval !== undefined && (call.outcome === "awaiting" || call.approval.decided !== undefined))
    return [call];
  const numbers = waiting.map(({ seq }) => seq);
  throw new RunletError("NOT_AWAITING", `Cannot decide on call ${which} as it must wait for it: it does not`, {
    hint: numbers.length === 0 ? "No call of the run waits." : `These wait: ${numbers.join(", ")}.`,
    details: { waiting: numbers },
  });
}

function decidedOtherwise(seq: number, stands: CallDecision | undefined): RunletError {
  const { decision = "none", by } = stands ?? {};
  return new RunletError(
    "NOT_AWAITING",
    `Cannot decide on call ${seq} as it was decided otherwise: it is ${decision}`,
    {
      details: { decision, ...(by === undefined ? {} : { by }) },
    },
  );
}
