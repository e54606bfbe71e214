import { byteLength } from "../lib/bounded-text.ts";
import type { JsonValue } from "../lib/guards.ts";
import { isDeeperThan, parseJson } from "../lib/json.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { BridgeOptions } from "./bridge-options.ts";
import type { CallSummary } from "./call-summary.ts";
import type { ExecutionHost } from "./execution-host.ts";
import { MAX_EMITTED_VALUES, MAX_NESTING } from "./protocol.ts";
import type { LogLevel } from "./protocol.ts";
import { RunCalls } from "./run-calls.ts";
import { RunLog } from "./run-log.ts";

/** How long calls that a script left in flight may take to end once they are cancelled. */
const SETTLE_WITHIN_MS = 500;

/**
 * Host half of one run's script ↔ host: makes its calls, collects its logs and emitted values. Trusts nothing that comes from
 * the executor process.
 */
export class Bridge {
  readonly runLog: RunLog;
  /** JSON texts. */
  #emitted: string[] = [];
  readonly #options: BridgeOptions;
  readonly #calls: RunCalls;
  #emittedBytes = 0;
  #emittedValues = 0;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#calls = new RunCalls(options);
    this.runLog = new RunLog(options.limits);
  }

  /**
   * The host of one execution; the bridge lives as long as the attempt of the run, which may execute more than one script.
   *
   * @param signal Aborts when the execution is over: calls in flight are cancelled upstream.
   * @param trace What its calls are part of.
   */
  host(signal: AbortSignal, trace?: TraceContext): ExecutionHost {
    this.#calls.ledger.trace = trace;
    return {
      call: (path, args, reply, standStill) => this.#calls.make(path, args, { signal, reply, standStill }),
      tick: (dueMs, fire) => this.#calls.ledger.tick(dueMs, fire),
      log: (level, atMs, text) => this.log(level, atMs, text),
      emit: (json) => this.#emit(json),
    };
  }

  /** Waits until cancelled calls have settled, for a bounded time. */
  async settled(): Promise<void> {
    const { inFlight } = this.#calls;
    if (inFlight.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(SETTLE_WITHIN_MS, resolve);
    await Promise.race([Promise.allSettled(inFlight), promise]);
    timer.cancel();
  }

  /** No more scripts are executed. */
  close(): void {
    this.#calls.ledger.close();
  }

  /** The values emitted so far, in order; made anew at each reading. */
  get emitted(): readonly JsonValue[] {
    return this.#emitted.map((json) => JSON.parse(json) as JsonValue);
  }

  /** Forgets the values of a script that is replaced by another; they still count against the limit. */
  discardEmitted(): void {
    this.#emitted = [];
  }

  /** The calls made so far, in order. */
  get calls(): readonly CallSummary[] {
    return this.#calls.ledger.summaries;
  }

  /** Whether a call of a tool that is not read-only may have reached it: running the script again could repeat its effect. */
  get changedSomething(): boolean {
    return this.#calls.changedSomething;
  }

  /** Whether what was journaled is little enough to be told to the script once more. */
  get canBeResumed(): boolean {
    return !this.#calls.ledger.journalBytes.isOver;
  }

  /** Keeps a log line and tells the watchers. */
  log(level: LogLevel, atMs: number, text: string): void {
    const line = this.runLog.add(level, atMs, text);
    if (line !== undefined) this.#options.listener.log(line);
  }

  /** Keeps an emitted value and tells the watchers; what is over the limit or no JSON is dropped with a log line. */
  #emit(json: string): void {
    this.#emittedBytes += byteLength(json);
    this.#emittedValues++;
    const isOver = this.#emittedBytes > this.#options.limits.emittedBytes || this.#emittedValues > MAX_EMITTED_VALUES;
    const parsed = isOver ? undefined : parseJson(json);
    if (parsed === undefined || isDeeperThan(parsed.value, MAX_NESTING)) {
      this.log(
        "warn",
        0,
        "EMIT_LIMIT: an emitted value was dropped because the run's limit is reached or it is no JSON",
      );
      return;
    }
    this.#emitted.push(json);
    this.#options.listener.emit(json);
  }
}
