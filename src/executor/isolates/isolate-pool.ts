import ivm from "isolated-vm";
import type { Clock, Timer } from "../../lib/clock.ts";
import { Demand } from "./demand.ts";

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
  readonly reports: { listener: IsolateListener | undefined };
}

/** Options of a pool. */
export interface IsolatePoolOptions {
  /** Source of the runtime: an expression whose value is `bootstrap`. */
  readonly runtime: string;
  /** Isolates kept ready when nobody asks for any. */
  readonly warm: number;
  /** Heap of the isolates kept ready; others are made when asked for. */
  readonly memoryMiB: number;
  readonly clock: Clock;
  /** Told when V8 gave up an isolate that nobody has taken, or refuses to make one. */
  readonly onIdleCatastrophe: (message: string) => void;
}

/** Isolates kept ready at most, after much was asked for. @source measured: 1.6 MiB each */
const MOST_READY = 16;
/** Places are filled when nobody took an isolate for so long: making one would hold up the scripts they were taken for. */
const QUIET_MS = 15;
/** The same while few are left. */
const SOON_MS = 8;
/** How often what is kept ready above the demand goes. */
const TRIM_MS = 30_000;
const BOOT_TIMEOUT_MS = 5_000;

/** A new isolate, whom it reports to, and nothing in it yet. */
interface BareIsolate {
  readonly isolate: ivm.Isolate;
  readonly reports: { listener: IsolateListener | undefined };
}

/**
 * Isolates made ahead of need, each for one script and never reused: as many as were asked for lately, down to a floor.
 *
 * Making one blocks the event loop for 2 to 3 ms, so it is done in quiet moments and in two steps, with other work between.
 */
export class IsolatePool {
  readonly #options: IsolatePoolOptions;
  readonly #ready: PreparedIsolate[] = [];
  #bare: BareIsolate | undefined;
  #cachedData: ivm.ExternalCopy<ArrayBuffer> | undefined;
  readonly #demand: Demand;
  #timer: Timer | undefined;
  #timerIsSoon = false;
  #trimTimer: Timer | undefined;
  #refilling = false;
  #closed = false;

  /** Makes the first isolate. @throws Error when V8 makes none. */
  constructor(options: IsolatePoolOptions) {
    this.#options = options;
    this.#demand = new Demand({ floor: options.warm, most: MOST_READY }, options.clock.monotonic());
    this.#ready.push(this.#make(options.memoryMiB));
    this.#refill();
  }

  /** Whether an isolate with the given heap can be taken at once. */
  hasReady(memoryMiB: number): boolean {
    return this.#ready.length > 0 && memoryMiB === this.#options.memoryMiB;
  }

  /**
   * An isolate with the given heap: a ready one, else a new one. Its place is not filled at once.
   *
   * @throws Error when V8 makes none.
   */
  take(memoryMiB: number): PreparedIsolate {
    const { clock } = this.#options;
    this.#demand.note(clock.monotonic());
    this.#trimTimer ??= clock.after(TRIM_MS, () => this.#trim(), { background: true });
    const ready = memoryMiB === this.#options.memoryMiB ? this.#takeReady() : undefined;
    this.#refillLater();
    return ready ?? this.#make(memoryMiB);
  }

  /** Told that a script has ended: a moment to make the next isolate, if there are few. */
  released(): void {
    if (this.#isLow()) this.#refill();
  }

  /** Makes no more. The isolates kept ready end with the process. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#trimTimer?.cancel();
  }

  #takeReady(): PreparedIsolate | undefined {
    for (let ready = this.#ready.pop(); ready !== undefined; ready = this.#ready.pop())
      if (!ready.isolate.isDisposed) return ready;
    return undefined;
  }

  /** How many to keep ready. */
  #target(): number {
    return this.#demand.target(this.#options.clock.monotonic());
  }

  #isLow(): boolean {
    return this.#ready.length <= this.#target() / 4;
  }

  #refillLater(): void {
    const isLow = this.#isLow();
    // Among many who take, the moment is not put off for ever.
    if (this.#timer !== undefined && this.#timerIsSoon) return;
    this.#timer?.cancel();
    this.#timerIsSoon = isLow;
    this.#timer = this.#options.clock.after(
      isLow ? SOON_MS : QUIET_MS,
      () => {
        this.#timer = undefined;
        this.#refill();
      },
      { background: true },
    );
  }

  /** Makes ready isolates until there are enough, or few no longer when somebody took one meanwhile. */
  #refill(): void {
    if (this.#refilling || this.#closed || this.#ready.length >= this.#target()) return;
    this.#refilling = true;
    setImmediate(() => {
      this.#refilling = false;
      if (this.#closed || this.#ready.length >= this.#target()) return;
      try {
        if (this.#bare === undefined) this.#bare = this.#makeBare(this.#options.memoryMiB);
        else this.#ready.push(this.#make(this.#options.memoryMiB));
      } catch (error) {
        // A process that cannot make isolates is of no use to new runs; those it holds may end.
        this.#options.onIdleCatastrophe(String(error));
        return;
      }
      if (this.#timer === undefined || this.#isLow()) this.#refill();
    });
  }

  #trim(): void {
    this.#trimTimer = undefined;
    if (this.#closed) return;
    for (const { isolate } of this.#ready.splice(this.#target())) if (!isolate.isDisposed) isolate.dispose();
    if (this.#ready.length > this.#options.warm)
      this.#trimTimer = this.#options.clock.after(TRIM_MS, () => this.#trim(), { background: true });
  }

  #make(memoryMiB: number): PreparedIsolate {
    const bare = memoryMiB === this.#options.memoryMiB ? this.#takeBare() : undefined;
    return this.#equip(bare ?? this.#makeBare(memoryMiB));
  }

  #takeBare(): BareIsolate | undefined {
    const bare = this.#bare;
    this.#bare = undefined;
    return bare?.isolate.isDisposed === false ? bare : undefined;
  }

  #makeBare(memoryMiB: number): BareIsolate {
    const reports: BareIsolate["reports"] = { listener: undefined };
    const isolate = new ivm.Isolate({
      memoryLimit: memoryMiB,
      onCatastrophicError: (message) => {
        if (reports.listener === undefined) this.#options.onIdleCatastrophe(message);
        else reports.listener.catastrophe(message);
      },
    });
    return { isolate, reports };
  }

  /** Gives an isolate a context with the runtime in it. */
  #equip({ isolate, reports }: BareIsolate): PreparedIsolate {
    const { runtime } = this.#options;
    const context = isolate.createContextSync();
    const script =
      this.#cachedData === undefined
        ? isolate.compileScriptSync(runtime, { filename: "runlet:runtime", produceCachedData: true })
        : isolate.compileScriptSync(runtime, { filename: "runlet:runtime", cachedData: this.#cachedData });
    this.#cachedData ??= (script as ivm.CachedDataResult).cachedData;
    const bootstrap = script.runSync(context, { reference: true, timeout: BOOT_TIMEOUT_MS });
    const send = new ivm.Callback(
      (type: unknown, a: unknown, b: unknown, c: unknown) => reports.listener?.send(type, a, b, c),
      { ignored: true },
    );
    const entries = bootstrap.applySync(undefined, [send], {
      result: { reference: true },
      timeout: BOOT_TIMEOUT_MS,
    }) as ivm.Reference<{
      start: (...texts: string[]) => void;
      deliver: (...events: string[]) => void;
    }>;
    return {
      isolate,
      start: entries.getSync("start", { reference: true }),
      deliver: entries.getSync("deliver", { reference: true }),
      reports,
    };
  }
}
