import ivm from "isolated-vm";
import type { Clock } from "../lib/clock.ts";

/** What an isolate tells the process: what its script sends, and that V8 gave it up. */
export interface IsolateListener {
  send(type: unknown, a: unknown, b: unknown, c: unknown): void;
  catastrophe(message: string): void;
}

/** An isolate with a context and the runtime loaded, waiting for the one script it will run. */
export interface PreparedIsolate {
  readonly isolate: ivm.Isolate;
  readonly start: ivm.Reference<(...texts: string[]) => void>;
  readonly deliver: ivm.Reference<(...events: string[]) => void>;
  /** Whom it reports to: set when it is taken. */
  listener: IsolateListener | undefined;
}

/** Options of a pool. */
export interface IsolatePoolOptions {
  /** Source of the runtime: an expression whose value is `bootstrap`. */
  readonly runtime: string;
  /** Isolates kept ready. */
  readonly warm: number;
  /** Heap of the isolates kept ready; others are made when asked for. */
  readonly memoryMiB: number;
  readonly clock: Clock;
  /** Told when V8 gave up an isolate that nobody has taken. */
  readonly onIdleCatastrophe: (message: string) => void;
}

/** Places of isolates whose scripts wait for something are filled after this time. */
const REFILL_AFTER_MS = 10;
const BOOT_TIMEOUT_MS = 5_000;

/**
 * Isolates made ahead of need, each for one script and never reused.
 *
 * Making one blocks the event loop for 1–3 ms, so refills happen one at a time, between other work.
 */
export class IsolatePool {
  readonly #options: IsolatePoolOptions;
  readonly #ready: PreparedIsolate[] = [];
  #cachedData: ivm.ExternalCopy<ArrayBuffer> | undefined;
  #refilling = false;
  #closed = false;

  constructor(options: IsolatePoolOptions) {
    this.#options = options;
  }

  /**
   * An isolate with the given heap: a ready one, else a new one. Its place is not filled at once: that would hold up the
   * very script it was taken for.
   */
  take(memoryMiB: number): PreparedIsolate {
    this.#options.clock.after(REFILL_AFTER_MS, () => this.refill(), { background: true });
    while (memoryMiB === this.#options.memoryMiB) {
      const ready = this.#ready.pop();
      if (ready === undefined) break;
      if (!ready.isolate.isDisposed) return ready;
    }
    return this.#make(memoryMiB);
  }

  /** Makes ready isolates until there are enough, one per turn of the event loop. Called when a run has ended. */
  refill(): void {
    if (this.#refilling || this.#closed || this.#ready.length >= this.#options.warm) return;
    this.#refilling = true;
    setImmediate(() => {
      this.#refilling = false;
      if (this.#closed) return;
      if (this.#ready.length >= this.#options.warm) return;
      try {
        this.#ready.push(this.#make(this.#options.memoryMiB));
      } catch (error) {
        // A process that cannot make isolates is of no use to new runs; those it holds may end.
        this.#options.onIdleCatastrophe(String(error));
        return;
      }
      this.refill();
    });
  }

  /** Makes no more. The isolates kept ready end with the process. */
  close(): void {
    this.#closed = true;
  }

  #make(memoryMiB: number): PreparedIsolate {
    const { runtime, onIdleCatastrophe } = this.#options;
    let prepared: PreparedIsolate | undefined;
    const isolate = new ivm.Isolate({
      memoryLimit: memoryMiB,
      onCatastrophicError: (message) => {
        const listener = prepared?.listener;
        if (listener === undefined) onIdleCatastrophe(message);
        else listener.catastrophe(message);
      },
    });
    const context = isolate.createContextSync();
    const script =
      this.#cachedData === undefined
        ? isolate.compileScriptSync(runtime, { filename: "runlet:runtime", produceCachedData: true })
        : isolate.compileScriptSync(runtime, { filename: "runlet:runtime", cachedData: this.#cachedData });
    this.#cachedData ??= (script as ivm.CachedDataResult).cachedData;
    const bootstrap = script.runSync(context, { reference: true, timeout: BOOT_TIMEOUT_MS });
    const send = new ivm.Callback(
      (type: unknown, a: unknown, b: unknown, c: unknown) => prepared?.listener?.send(type, a, b, c),
      { ignored: true },
    );
    const entries = bootstrap.applySync(undefined, [send], {
      result: { reference: true },
      timeout: BOOT_TIMEOUT_MS,
    }) as ivm.Reference<{
      start: (...texts: string[]) => void;
      deliver: (...events: string[]) => void;
    }>;
    prepared = {
      isolate,
      start: entries.getSync("start", { reference: true }),
      deliver: entries.getSync("deliver", { reference: true }),
      listener: undefined,
    };
    return prepared;
  }
}
