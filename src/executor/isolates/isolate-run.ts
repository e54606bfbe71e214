import { MAX_EMITTED_VALUES, MAX_PATH_UNITS, parseSandboxMessage } from "../../bridge/protocol.ts";
import type { EndReason, ExecutorMessage, RunMessage, SandboxMessage, ServiceMessage } from "../../bridge/protocol.ts";
import { byteLength } from "../../lib/bounded-text.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { startPausableTimer } from "../../lib/pausable-timer.ts";
import type { PausableTimer } from "../../lib/pausable-timer.ts";
import type { CpuShares, CpuUser } from "./cpu-shares.ts";
import type { IsolatePool, PreparedIsolate } from "./isolate-pool.ts";

const MIB = 1024 * 1024;
/** How much longer than the run an entry may last, should this process be too busy to end it in time. */
const ENTRY_OVERTIME_MS = 500;
/** How long a stopped isolate may take to leave its entry; what takes longer is a builtin that nothing interrupts. */
const LEAVE_WITHIN_MS = 2_000;
/**
 * Messages taken of one entry: more than all calls, log lines and values of a run. They pile up in this process while the
 * script goes on; only timers that are set and cleared again and again are so many.
 */
const MESSAGES_PER_ENTRY = 50_000;
/** How long the end of a script is held back until it has left its entry, to tell what it used. */
const LEAVE_SOON_MS = 25;

/** The outcome of a call as the service tells it. */
export type ToldReply = Pick<Extract<ServiceMessage, { type: "reply" }>, "id" | "ok" | "json" | "atMs">;

/** What a run in this process reports to. */
export interface RunPort {
  send(message: ExecutorMessage): void;
  /** The run is over; its isolate is gone. */
  ended(run: number): void;
  /** An isolate was given up by V8 or cannot be stopped: this process must take no more runs. */
  tainted(): void;
}

/** What a run in this process works with. */
export interface IsolateRunParts {
  readonly pool: IsolatePool;
  readonly shares: CpuShares;
  readonly port: RunPort;
  readonly clock: Clock;
}

/**
 * One run in one isolate, inside an executor process: entries one at a time, each with a timeout; events that arrive
 * meanwhile wait and go in one after the other.
 *
 * The script is only ever entered through `start` and `deliver`. When both are idle, no call and no timer is pending and
 * the script is not done, it never will be: a deadlock.
 */
export class IsolateRun implements CpuUser {
  readonly #message: RunMessage;
  readonly #namesJson: string;
  readonly #port: RunPort;
  readonly #clock: Clock;
  readonly #shares: CpuShares;
  readonly #prepared: PreparedIsolate;
  readonly #startedAt: number;
  readonly #wall: PausableTimer;
  /** Set while the wall time stands still. */
  #still: Disposable | undefined;
  readonly #timers = new Map<number, Timer>();
  readonly #calls = new Set<number>();
  #events: (readonly string[])[] = [];
  #eventUnits = 0;
  #callsMade = 0;
  #argumentBytes = 0;
  #logBytes = 0;
  #logLines = 0;
  #emittedBytes = 0;
  #emittedValues = 0;
  /** Messages of the open entry. */
  #messages = 0;
  /** Computing time the isolate had used before the script; of the script at its last pause; charged since. */
  readonly #cpuBeforeMs: number;
  #cpuReadMs = 0;
  #cpuChargedMs = 0;
  #entered = false;
  #enteredAt = 0;
  #timeoutMs = 0;
  readonly #onLeft = (): void => this.#left();
  readonly #onFailed = (error: unknown): void => this.#failed(error);
  #ended = false;
  /** Tells of the end: set while the script is done and has not left its entry. */
  #closing: (() => void) | undefined;

  constructor(message: RunMessage, namesJson: string, { pool, shares, port, clock }: IsolateRunParts) {
    this.#message = message;
    this.#namesJson = namesJson;
    this.#port = port;
    this.#shares = shares;
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
    this.#prepared = pool.take(message.memoryMiB);
    this.#cpuBeforeMs = Number(this.#prepared.isolate.cpuTime) / 1e6;
    this.#prepared.reports.listener = {
      send: (type, a, b, c) => this.#receive(parseSandboxMessage(type, a, b, c)),
      catastrophe: () => {
        this.#port.tainted();
        this.#end("catastrophe", "");
      },
    };
    this.#wall = startPausableTimer(clock, message.wallMs, () => this.#end("wall", ""));
  }

  /** Enters the script. */
  start(): void {
    const { code, start, input } = this.#message;
    const { start: entry } = this.#prepared;
    const texts = [code, JSON.stringify(start), this.#namesJson, ...(input === undefined ? [] : [input])];
    this.#enter((timeout) => entry.apply(undefined, texts, { timeout }));
  }

  /** Takes the outcome of a call; it is delivered with `flush`. */
  reply({ id, ok, json, atMs }: ToldReply): void {
    if (!this.#calls.delete(id)) return;
    this.#push(ok ? "ok" : "error", id, json, atMs);
  }

  /** Timers due by then may fire, though calls are in flight. */
  ticked(atMs: number): void {
    this.#push("tick", 0, "", atMs);
  }

  /** Whether the script computes right now. */
  get computing(): boolean {
    return this.#entered && !this.#ended;
  }

  /** Computing time of the script so far, as it was charged. */
  get cpuMs(): number {
    return this.#cpuReadMs + this.#cpuChargedMs;
  }

  /** Ends the run because its caller does not want it any more. */
  cancel(): void {
    this.#end("cancelled", "");
  }

  /** Somebody is asked for something that the script waits for, or is not any more: meanwhile its wall time stands still. */
  standStill(on: boolean): void {
    if (!on) this.#still?.[Symbol.dispose]();
    this.#still = on ? (this.#still ?? this.#wall.pause()) : undefined;
  }

  #push(kind: string, id: number, json: string, atMs = 0): void {
    if (this.#ended) return;
    this.#events.push([kind, String(id), json, String(atMs)]);
    this.#eventUnits += json.length;
    // What waits here is memory of this process, which all runs share; the isolate could not take more at once either.
    if (this.#eventUnits > this.#message.memoryMiB * MIB) this.#end("memory", "");
  }

  /** Delivers what happened, unless the script computes: then it is delivered when that pauses. */
  flush(): void {
    if (this.#entered || this.#ended || this.#events.length === 0) return;
    // Each event has an entry of its own: all that one causes is over before the next, however close together they come.
    const event = this.#events.shift() ?? [];
    this.#eventUnits -= event[2]?.length ?? 0;
    const { deliver } = this.#prepared;
    this.#enter((timeout) => deliver.apply(undefined, event as string[], { timeout }));
  }

  /** Told by the process how much the open entry has computed. */
  charge(cpuMs: number): void {
    this.#cpuChargedMs += cpuMs;
    if (this.#cpuReadMs + this.#cpuChargedMs >= this.#message.cpuMs) this.#end("cpu", "");
  }

  /**
   * Runs one entry: it covers the microtasks it causes, so that nothing a script does is outside one. Its computing time is
   * watched from here; its timeout is what holds when this thread is too busy to watch, and makes V8 give up an isolate
   * that cannot be interrupted.
   */
  #enter(entry: (timeoutMs: number) => Promise<unknown>): void {
    this.#enteredAt = this.#clock.monotonic();
    this.#timeoutMs = Math.max(1, Math.ceil(this.#wall.leftMs())) + ENTRY_OVERTIME_MS;
    this.#entered = true;
    this.#messages = 0;
    this.#shares.open(this);
    try {
      entry(this.#timeoutMs).then(this.#onLeft, this.#onFailed);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#entered = false;
    const isTimeout = this.#clock.monotonic() - this.#enteredAt >= this.#timeoutMs - 1;
    if (this.#ended) this.#left();
    // The runtime leaves one rejection without a handler, see its `bootstrap`: an entry that went well ends with it.
    else if (error === undefined) this.#left();
    else if (this.#prepared.isolate.isDisposed) this.#end("memory", "");
    else if (isTimeout) this.#end("wall", "");
    else this.#thrown(error);
  }

  /** The runtime itself threw, which it does only where its stack was exhausted; what it was to deliver may be lost. */
  #thrown(error: unknown): void {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#log("warn", `The script could not be told something: ${text}`);
    this.#left();
  }

  #left(): void {
    this.#entered = false;
    if (this.#ended) {
      this.#closing?.();
      return;
    }
    const chargedMs = this.cpuMs;
    this.#shares.close(this, Math.max(0, this.#readCpuMs() - chargedMs));
    if (this.cpuMs >= this.#message.cpuMs) this.#end("cpu", "");
    else if (this.#events.length > 0) this.flush();
    else if (this.#calls.size === 0 && this.#timers.size === 0) this.#end("deadlock", "");
  }

  #receive(message: SandboxMessage | undefined): void {
    if (message === undefined) return;
    // What a script is done with may still fail while its last entry is being left: the runtime tells that, the script nothing.
    if (this.#closing !== undefined && message.type === "log" && ++this.#messages <= MESSAGES_PER_ENTRY)
      this.#log(message.level, message.text);
    if (this.#ended) return;
    if (++this.#messages > MESSAGES_PER_ENTRY) {
      this.#end("quota", "timers");
      return;
    }
    switch (message.type) {
      case "call":
        this.#call(message.id, message.path, message.args);
        return;
      case "log":
        this.#log(message.level, message.text);
        return;
      case "emit":
        this.#emittedBytes += message.json.length;
        this.#emittedValues++;
        if (this.#emittedBytes > this.#message.start.limits.emittedBytes || this.#emittedValues > MAX_EMITTED_VALUES)
          this.#end("quota", "emit");
        else this.#port.send({ type: "emit", run: this.#message.run, json: message.json });
        return;
      case "timer":
        this.#setTimer(message);
        return;
      case "tick":
        this.#port.send({ type: "tick", run: this.#message.run, atMs: message.dueMs });
        return;
      case "untimer":
        this.#timers.get(message.id)?.cancel();
        this.#timers.delete(message.id);
        return;
      case "done":
        if (message.kind === "value" && byteLength(message.text) > this.#message.start.limits.resultBytes)
          this.#end("quota", "result");
        else this.#end(message.kind, message.text);
        return;
      default:
        message satisfies never;
    }
  }

  /** The runtime holds these limits inside; a script that broke it is held here. */
  #call(id: number, path: string, args: string): void {
    const { toolCalls, concurrency, argumentBytes, argumentTotalBytes } = this.#message.start.limits;
    this.#callsMade++;
    this.#argumentBytes += args.length;
    const over =
      this.#callsMade > toolCalls ||
      this.#calls.size >= concurrency ||
      args.length > argumentBytes ||
      path.length > MAX_PATH_UNITS ||
      this.#argumentBytes > argumentTotalBytes ||
      this.#calls.has(id);
    if (over) {
      this.#end("quota", "calls");
      return;
    }
    this.#calls.add(id);
    this.#port.send({ type: "call", run: this.#message.run, id, path, args });
  }

  #log(level: "debug" | "info" | "warn" | "error", text: string): void {
    const { logBytes, logLines, logLineBytes } = this.#message.start.limits;
    const line = text.slice(0, logLineBytes + 64);
    this.#logLines++;
    this.#logBytes += line.length;
    // One line more than a script may write: the runtime's own notice that the rest was dropped.
    if (this.#logLines > logLines + 16 || this.#logBytes > logBytes + 4_096) return;
    this.#port.send({ type: "log", run: this.#message.run, level, atMs: this.#wallMs(), text: line });
  }

  #setTimer({ id, delayMs: asked, dueMs }: Extract<SandboxMessage, { type: "timer" }>): void {
    const delayMs = dueMs === undefined ? asked : Math.max(0, Math.ceil(dueMs - this.#message.nowMs - this.#wallMs()));
    // Overdue, as the script's clock is behind, or the runtime asks to be entered again at once.
    if (delayMs === 0) {
      this.#timers.get(id)?.cancel();
      this.#timers.delete(id);
      this.#push("timer", id, "");
      this.flush();
      return;
    }
    // The runtime never uses an id twice; a script that broke it must not pile up timers under one.
    this.#timers.get(id)?.cancel();
    this.#timers.delete(id);
    if (this.#timers.size >= this.#message.start.limits.timers) {
      this.#end("quota", "timers");
      return;
    }
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.delete(id);
      this.#push("timer", id, "");
      this.flush();
    });
    this.#timers.set(id, timer);
  }

  #wallMs(): number {
    return this.#clock.monotonic() - this.#startedAt;
  }

  /** Computing time of the script, exact while it pauses. */
  #readCpuMs(): number {
    const { isolate } = this.#prepared;
    if (this.#entered || isolate.isDisposed) return this.#cpuReadMs + this.#cpuChargedMs;
    this.#cpuReadMs = Math.max(0, Number(isolate.cpuTime) / 1e6 - this.#cpuBeforeMs);
    this.#cpuChargedMs = 0;
    return this.#cpuReadMs;
  }

  #end(reason: EndReason, text: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wall.cancel();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#events = [];
    const finish = (): void => {
      if (this.#closing === undefined) return;
      this.#closing = undefined;
      timer?.cancel();
      this.#finish(reason, text);
    };
    this.#closing = finish;
    // A script that is done leaves at once, and can be asked then what it used; one that spins on is stopped without.
    const timer = this.#entered && isScriptEnd(reason) ? this.#clock.after(LEAVE_SOON_MS, finish) : undefined;
    if (timer === undefined) finish();
  }

  #finish(reason: EndReason, text: string): void {
    const { isolate } = this.#prepared;
    this.#shares.close(this, 0);
    const cpuMs = this.#readCpuMs();
    const heapMiB = this.#entered || isolate.isDisposed ? 0 : heapOf(isolate);
    const usage = { wallMs: this.#wallMs(), cpuMs, heapMiB };
    this.#port.send({ type: "end", run: this.#message.run, reason, text, usage });
    if (!isolate.isDisposed) isolate.dispose();
    if (this.#entered) this.#clock.after(LEAVE_WITHIN_MS, () => this.#entered && this.#port.tainted());
    this.#port.ended(this.#message.run);
  }
}

/** What an isolate that is idle holds. */
function heapOf(isolate: PreparedIsolate["isolate"]): number {
  try {
    const { used_heap_size: used, externally_allocated_size: external } = isolate.getHeapStatisticsSync();
    return (used + external) / MIB;
  } catch {
    // After an entry that threw, the rejection it left is thrown by whatever is asked of the isolate next.
    return 0;
  }
}

function isScriptEnd(reason: EndReason): boolean {
  return reason === "value" || reason === "undefined" || reason === "thrown" || reason === "failed";
}
