import { boundText, byteLength } from "../lib/bounded-text.ts";
import { RunletError, toErrorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import { traceField } from "../lib/trace-context.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { CallRecord, CallSettlement, CallStart } from "../store/journal.ts";
import type { BridgeOptions } from "./bridge-options.ts";
import type { CallSummary } from "./call-summary.ts";
import { CallTable } from "./call-table.ts";
import type { CallReply } from "./execution-host.ts";
import { JournalBytes } from "./journal-bytes.ts";
import type { RecordedCalls } from "./recorded-calls.ts";
import { ReplyOrder } from "./reply-order.ts";
import { Stillness } from "./stillness.ts";

/** How a call ended, without its place in the order. */
export type Ending = Omit<CallSettlement, "settledAtMs" | "order">;

/** Tells the script how a call ended. */
export type Reply = (reply: CallReply) => void;

/** A call that the script waits for. */
interface OpenCall {
  readonly seq: number;
  readonly reply: Reply;
}

/** A call of a tool, as it is journaled. */
interface ToolCallOf extends OpenCall {
  readonly start: CallStart;
}

/**
 * Keeps the books of one attempt's calls: which there are and how they go, what is journaled of their ends, and in which order
 * the script is told of them.
 */
export class CallLedger {
  readonly #options: BridgeOptions;
  readonly #table: CallTable;
  readonly #order: ReplyOrder;
  readonly #stillness: Stillness;
  readonly #summaries = new Map<number, CallSummary>();
  readonly journalBytes: JournalBytes;
  /** What calls of the script that executes now are part of. */
  trace: TraceContext | undefined;

  constructor(options: BridgeOptions, recorded: RecordedCalls) {
    const { limits, clock, onStill = () => undefined } = options;
    this.#options = options;
    this.#table = new CallTable(limits);
    this.#order = new ReplyOrder(clock, recorded.given());
    this.#stillness = new Stillness(clock, onStill);
    this.journalBytes = new JournalBytes(limits.journalBytes, options.recorded);
  }

  /** The calls made so far, in order. */
  get summaries(): readonly CallSummary[] {
    return [...this.#summaries.values()];
  }

  /** A timer of the script wants to fire while calls are in flight, see `ExecutionHost`. */
  tick(dueMs: number, fire: () => void): void {
    this.#order.tick(dueMs, fire);
  }

  /** No more calls come. */
  close(): void {
    this.#stillness.close();
  }

  /**
   * Admits a call; one that is over a limit is answered here.
   *
   * @returns Its number within the run, from 1; `undefined` when it was answered.
   */
  admit(argumentBytes: number, reply: Reply): number | undefined {
    try {
      const seq = this.#table.admit(argumentBytes);
      this.#stillness.enter();
      return seq;
    } catch (error) {
      // The isolate holds the same limits: only a process that is not ours any more comes here.
      if (!(error instanceof RunletError)) throw error;
      const turn = this.#order.take();
      turn.ready(() => reply(this.#failed(toErrorInfo(error), turn.atMs)));
      return undefined;
    }
  }

  /** Tells the script again what an earlier attempt was answered. */
  repeat(recorded: CallRecord & { readonly order: number; readonly settledAtMs: number }, { reply }: OpenCall): void {
    const { seq, server, tool, kind, outcome, resultJson, error, settledAtMs, order } = recorded;
    if (kind === "tool") {
      const argsBytes = byteLength(recorded.argumentsJson);
      const resultBytes = resultJson === undefined ? 0 : byteLength(resultJson);
      const ms = settledAtMs - recorded.startedAtMs;
      const failure = error === undefined ? {} : { error: error.code };
      this.#summaries.set(seq, { seq, server, tool, argsBytes, ms, outcome, resultBytes, ...failure });
    }
    this.#order.again(order, () => {
      this.#table.release();
      this.#stillness.leave();
      reply(error === undefined ? done(resultJson ?? "null", settledAtMs) : this.#failed(error, settledAtMs));
    });
  }

  /** A call of a tool was written down, or is to be at once with its end. */
  started({ seq, start: { server, tool, argumentsJson } }: ToolCallOf): void {
    const argsBytes = byteLength(argumentsJson);
    this.journalBytes.add(argsBytes);
    this.#summaries.set(seq, { seq, server, tool, argsBytes, ms: undefined, outcome: "pending", resultBytes: 0 });
    this.#options.listener.callStarted({ seq, server, tool });
  }

  /** The script is not answered before somebody has decided, which is in another attempt. */
  wait({ seq, start: { server, tool, argumentsJson } }: ToolCallOf): void {
    const argsBytes = byteLength(argumentsJson);
    this.#summaries.set(seq, { seq, server, tool, argsBytes, ms: undefined, outcome: "awaiting", resultBytes: 0 });
    this.#stillness.await(seq);
  }

  /**
   * A call of a tool ended.
   *
   * @param write Journals it. @param bytes Size of the answer. @default that of its JSON text
   * @throws RUN_SUPERSEDED, and the script is told nothing.
   */
  async settled(
    call: ToolCallOf,
    ending: Ending,
    write: (settlement: CallSettlement) => Promise<void>,
    bytes?: number,
  ): Promise<void> {
    const { seq, start } = call;
    const { server, tool, argumentsJson, startedAtMs } = start;
    const { outcome, error, resultJson } = ending;
    const resultBytes = bytes ?? (resultJson === undefined ? 0 : byteLength(resultJson));
    this.journalBytes.add(resultBytes);
    const atMs = await this.finish(call, ending, write);
    const ms = Math.max(0, atMs - startedAtMs);
    const failure = error === undefined ? {} : { error: error.code };
    const argsBytes = byteLength(argumentsJson);
    this.#summaries.set(seq, { seq, server, tool, argsBytes, ms, outcome, resultBytes, ...failure });
    this.#options.listener.callSettled({ seq, server, tool, outcome, ms });
  }

  /**
   * Takes the call's turn, writes it down and has the script told. How a call went is known to the script whether or not it
   * could be written down.
   *
   * @returns What the script's clock reads then.
   * @throws RUN_SUPERSEDED, and the script is told nothing.
   */
  async finish(call: OpenCall, ending: Ending, write: (settlement: CallSettlement) => Promise<void>): Promise<number> {
    const turn = this.#order.take();
    const { order, atMs } = turn;
    try {
      await write({ ...ending, order, settledAtMs: atMs });
    } catch (error) {
      if (error instanceof RunletError && error.code === "RUN_SUPERSEDED") throw error;
      this.#options.log.error(
        { runId: this.#options.runId, seq: call.seq, ...traceField(this.trace), err: error },
        "the outcome of a tool call could not be journaled",
      );
    }
    turn.ready(() => {
      this.#table.release();
      this.#stillness.leave();
      const { error, resultJson } = ending;
      call.reply(error === undefined ? done(resultJson ?? "null", atMs) : this.#failed(error, atMs));
    });
    return atMs;
  }

  /** A message may quote what the script wrote, which is of any length. */
  #failed(info: ErrorInfo, atMs: number): CallReply {
    const message = boundText(info.message, this.#options.limits.errorBytes);
    return { ok: false, json: JSON.stringify({ ...info, message }), atMs };
  }
}

function done(json: string, atMs: number): CallReply {
  return { ok: true, json, atMs };
}
