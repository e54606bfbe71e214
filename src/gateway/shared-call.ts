import type { Clock } from "../lib/clock.ts";
import { cancellation } from "../lib/deadline.ts";
import type { RunletError } from "../lib/errors.ts";
import { freezeDeep } from "../lib/freeze.ts";
import type { CallTool, ToolResult } from "./call.ts";
import type { AdmittedCall, CallTrace } from "./policy.ts";
import { checkResultSize } from "./result-size.ts";

/**
 * One call for several callers. It goes on as long as one of them waits for it; when all have given up it is aborted.
 * Each waits with its own signal and its own limit of size, and its trace gets the time that it waited.
 */
export class SharedCall {
  /** When it was made, on the clock's monotonic time. */
  readonly startedMs: number;
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #sharers = new Set<Sharer>();
  readonly #trace: CallTrace;
  readonly #onEnd: () => void;
  #shared = false;
  #ended = false;

  /**
   * @param call Of the one who was first; its signal and its limit are not those of the shared call.
   * @param onEnd Is told once that nobody can join any more.
   */
  constructor(next: CallTool<AdmittedCall>, call: AdmittedCall, clock: Clock, onEnd: () => void) {
    const { server, tool } = call.trace;
    this.#clock = clock;
    this.startedMs = clock.monotonic();
    this.#trace = { server, tool, upstreamMs: 0, queueMs: 0, attempts: 0, refusal: undefined };
    this.#onEnd = onEnd;
    const { signal } = this.#abort;
    next({ ...call, signal, trace: this.#trace, maxResultBytes: Infinity }).then(
      (result) => this.#settle(result, undefined),
      (thrown: unknown) => this.#settle(undefined, thrown),
    );
  }

  /**
   * Waits for the answer.
   *
   * @throws What the shared call threw; TOOL_RESULT_TOO_LARGE by the caller's own limit; what the caller's signal aborted for.
   */
  join(call: AdmittedCall): Promise<ToolResult> {
    if (this.#sharers.size > 0) this.#shared = true;
    return new Promise((resolve, reject) => {
      const sharer = new Sharer(this, call, this.#clock.monotonic(), resolve, reject);
      this.#sharers.add(sharer);
      call.signal.addEventListener("abort", sharer, { once: true });
    });
  }

  /** Takes one out who does not wait any more. */
  leave(sharer: Sharer): void {
    if (!this.#sharers.delete(sharer)) return;
    this.#note(sharer);
    const reason = cancellation(sharer.call.signal);
    sharer.reject(reason);
    if (this.#sharers.size > 0) return;
    this.#end();
    this.#abort.abort(reason);
  }

  #settle(result: ToolResult | undefined, thrown: unknown): void {
    this.#end();
    if (this.#shared && result !== undefined) freezeDeep(result);
    for (const sharer of this.#sharers) {
      sharer.call.signal.removeEventListener("abort", sharer);
      this.#note(sharer);
      if (result === undefined) sharer.reject(thrown as RunletError);
      else sharer.take(result);
    }
    this.#sharers.clear();
  }

  #end(): void {
    if (!this.#ended) this.#onEnd();
    this.#ended = true;
  }

  /** Of what one waited, at most as much was in line as the call was; the upstream's part is not known before it answers. */
  #note({ call: { trace }, sinceMs }: Sharer): void {
    const waitedMs = this.#clock.monotonic() - sinceMs;
    const queueMs = Math.min(waitedMs, this.#trace.queueMs);
    const upstreamMs = this.#ended ? this.#trace.upstreamMs : waitedMs;
    trace.queueMs += queueMs;
    trace.upstreamMs += Math.min(waitedMs - queueMs, upstreamMs);
    // The attempts are one sharer's: what the server was asked adds up over all calls.
    trace.attempts += this.#trace.attempts;
    this.#trace.attempts = 0;
    trace.refusal ??= this.#trace.refusal;
    trace.transport = this.#trace.transport;
    trace.protocol = this.#trace.protocol;
  }
}

/** One who waits; an object that listens, as this is made at each call. */
class Sharer {
  readonly call: AdmittedCall;
  readonly sinceMs: number;
  readonly reject: (error: RunletError) => void;
  readonly #shared: SharedCall;
  readonly #resolve: (result: ToolResult) => void;

  constructor(
    shared: SharedCall,
    call: AdmittedCall,
    sinceMs: number,
    resolve: (result: ToolResult) => void,
    reject: (error: RunletError) => void,
  ) {
    this.#shared = shared;
    this.call = call;
    this.sinceMs = sinceMs;
    this.#resolve = resolve;
    this.reject = reject;
  }

  handleEvent(): void {
    this.#shared.leave(this);
  }

  take(result: ToolResult): void {
    try {
      checkResultSize(this.call, result.bytes);
      this.#resolve(result);
    } catch (thrown) {
      this.reject(thrown as RunletError);
    }
  }
}
