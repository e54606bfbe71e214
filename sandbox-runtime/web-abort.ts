import { append, isFinite, NumberCtor, TypeErrorCtor, iteratorSymbol, newList } from "./primordials.ts";
import { showAs } from "./shown.ts";
import { domException } from "./web-dom-exception.ts";
import { callListener, Event, EventTarget } from "./web-events.ts";

/** Calls back once after a delay in ms; the callback runs as a timer of the script's. */
export type After = (callback: () => void, delayMs: number) => void;

const MAX_TIMEOUT_MS = 2_147_483_647;

/** Only who has it makes signals. */
const SECRET = {};
let after: After = () => undefined;
let abort: (signal: AbortSignal, reason: unknown) => void;

/** Sets what `AbortSignal.timeout` waits with. */
export function useTimer(timer: After): void {
  after = timer;
}

/** @source WHATWG DOM, AbortSignal */
export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason: unknown;
  #onabort: unknown = null;
  /** Signals that abort when this one does. */
  #dependents: AbortSignal[] = newList();

  static {
    abort = (signal, reason) => signal.#abort(reason);
  }

  constructor(key?: unknown) {
    if (key !== SECRET)
      throw new TypeErrorCtor("Cannot make an AbortSignal: use AbortController, AbortSignal.abort, any or timeout");
    super();
    showAs(this, () => `AbortSignal { aborted: ${this.#aborted} }`);
  }

  static abort(reason?: unknown): AbortSignal {
    const signal = new AbortSignal(SECRET);
    signal.#abort(reason);
    return signal;
  }

  static any(signals: unknown): AbortSignal {
    const list: AbortSignal[] = newList();
    if (typeof (signals as { [iteratorSymbol]?: unknown } | undefined)?.[iteratorSymbol] !== "function")
      throw new TypeErrorCtor("Cannot combine the argument: it must be a list of AbortSignals");
    for (const signal of signals as Iterable<unknown>) {
      if (typeof signal !== "object" || signal === null || !(#aborted in signal))
        throw new TypeErrorCtor("Cannot combine the list: each item must be an AbortSignal");
      append(list, signal);
    }
    const any = new AbortSignal(SECRET);
    for (let i = 0; i < list.length; i++) {
      const source = list[i] as AbortSignal;
      if (!source.#aborted) continue;
      any.#aborted = true;
      any.#reason = source.#reason;
      return any;
    }
    for (let i = 0; i < list.length; i++) append((list[i] as AbortSignal).#dependents, any);
    return any;
  }

  static timeout(delay: unknown): AbortSignal {
    const delayMs = NumberCtor(delay);
    if (!isFinite(delayMs) || delayMs < 0 || delayMs > MAX_TIMEOUT_MS)
      throw new TypeErrorCtor(
        `Cannot set a timeout as it must be 0 to ${MAX_TIMEOUT_MS} ms: current value is ${delayMs}`,
      );
    const signal = new AbortSignal(SECRET);
    after(() => signal.#abort(domException("The operation was aborted due to timeout", "TimeoutError")), delayMs);
    return signal;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get onabort(): unknown {
    return this.#onabort;
  }

  set onabort(callback: unknown) {
    this.#onabort = typeof callback === "function" ? callback : null;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  #abort(reason: unknown): void {
    if (this.#aborted) return;
    const marked: AbortSignal[] = newList();
    this.#mark(reason === undefined ? domException("This operation was aborted", "AbortError") : reason, marked);
    for (let i = 0; i < marked.length; i++) (marked[i] as AbortSignal).#tell();
  }

  /** Marks this signal and all that depend on it before any listener runs. */
  #mark(reason: unknown, marked: AbortSignal[]): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    append(marked, this);
    for (let i = 0; i < this.#dependents.length; i++) (this.#dependents[i] as AbortSignal).#mark(reason, marked);
    this.#dependents = newList();
  }

  #tell(): void {
    const event = new Event("abort");
    if (this.#onabort !== null) callListener(this.#onabort, this, event);
    super.dispatchEvent(event);
  }
}

/** @source WHATWG DOM, AbortController */
export class AbortController {
  readonly #signal = new AbortSignal(SECRET);

  get signal(): AbortSignal {
    return this.#signal;
  }

  abort(reason?: unknown): void {
    abort(this.#signal, reason);
  }
}
