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
import { callExists, callNotPending, callWithoutRun, runSuperseded } from "../refusals.ts";
import { callSize } from "../run-size.ts";
import { parseDecision, toCall } from "./call-fields.ts";
import { membersOf } from "./fields.ts";
import {
  ASK_CALL,
  CLEAR_CALLS,
  DECIDE_CALL,
  EXPIRED_CALLS,
  LIST_CALLS,
  SETTLE_CALL,
  WRITE_CALL,
} from "./journal-scripts.ts";
import type { ScriptArgument, ScriptRunner } from "./script.ts";

type CallName = Pick<CallStart, "runId" | "seq" | "attempt">;

/** Journal in Redis. Each write is one script, which also looks whether the attempt is the latest; sent again, it is done once. */
export class RedisJournal implements Journal {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async begin(call: CallStart): Promise<void> {
    await this.#write(call, ["pending", "", "0", ""]);
  }

  async record(call: CallStart, settlement: CallSettlement): Promise<void> {
    await this.#write(call, settled(settlement));
  }

  async settle(call: CallName, settlement: CallSettlement): Promise<void> {
    const { runId, seq, attempt } = call;
    const token = this.#scripts.token();
    const args = [runId, seq, attempt, token, ...settled(settlement)] as const;
    check(call, await this.#scripts.run("settle a call", SETTLE_CALL, ...args));
  }

  async ask(
    call: CallName,
    { askedAtMs, expiresAtMs }: Pick<CallApproval, "askedAtMs" | "expiresAtMs">,
  ): Promise<void> {
    const { runId, seq, attempt } = call;
    const args = [runId, seq, attempt, this.#scripts.token(), askedAtMs, expiresAtMs] as const;
    check(call, await this.#scripts.run("ask for a call", ASK_CALL, ...args));
  }

  async decide({ runId, seq }: AwaitingCall, decision: CallDecision): Promise<CallDecision | undefined> {
    const json = JSON.stringify(decision);
    const reply = await this.#scripts.run("decide on a call", DECIDE_CALL, runId, seq, "", "", json);
    return typeof reply === "string" ? parseDecision(runId, seq, reply) : undefined;
  }

  async expired(nowMs: number, limit: number): Promise<readonly AwaitingCall[]> {
    const reply = await this.#scripts.run("list calls that wait too long", EXPIRED_CALLS, nowMs, limit);
    return membersOf(reply).map((member) => {
      const text = String(member);
      const at = text.indexOf(" ");
      return { runId: text.slice(at + 1), seq: Number(text.slice(0, at)) };
    });
  }

  /** One round trip for each page that Redis gives at once. */
  async list(runId: string, { after = 0, limit, kind, maxSize }: JournalQuery = {}): Promise<readonly CallRecord[]> {
    const calls: CallRecord[] = [];
    let size = 0;
    for (let isAll = false; !isAll;) {
      const cursor = calls.at(-1)?.seq ?? after;
      const count = limit === undefined ? -1 : limit - calls.length;
      const bound = maxSize === undefined ? -1 : maxSize - size;
      const reply = await this.#scripts.run("read a journal", LIST_CALLS, runId, cursor, count, kind ?? "", bound);
      const [done, page] = membersOf(reply);
      for (const fields of membersOf(page)) {
        const call = toCall(runId, membersOf(fields));
        size += callSize(call);
        calls.push(call);
      }
      isAll = done === 1;
    }
    return calls;
  }

  async clear(runId: string, attempt: number): Promise<void> {
    const reply = await this.#scripts.run("clear a journal", CLEAR_CALLS, runId, "", attempt);
    check({ runId, seq: 0, attempt }, reply);
  }

  async #write(call: CallStart, outcome: readonly ScriptArgument[]): Promise<void> {
    const { runId, seq, attempt, kind, key, server, tool, argumentsJson, startedAtMs } = call;
    const token = this.#scripts.token();
    const what = JSON.stringify({ key, server, tool, startedAtMs });
    const args = [runId, seq, attempt, token, kind, what, argumentsJson, ...outcome] as const;
    check(call, await this.#scripts.run("journal a call", WRITE_CALL, ...args));
  }
}

function settled({ outcome, settledAtMs, order, resultJson, error }: CallSettlement): readonly ScriptArgument[] {
  const how = JSON.stringify({ settledAtMs, order, error });
  return [outcome, how, resultJson === undefined ? "0" : "1", resultJson ?? ""];
}

function check({ runId, seq, attempt }: CallName, answer: unknown): void {
  if (answer === "orphan") throw callWithoutRun(runId);
  if (answer === "superseded") throw runSuperseded(runId, attempt);
  if (answer === "taken") throw callExists(runId, seq);
  if (answer === "settled") throw callNotPending(runId, seq);
}
