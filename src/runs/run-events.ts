import type { JsonValue } from "../lib/guards.ts";
import type { RunEvent } from "./run.ts";

type Unnumbered<Event> = Event extends { readonly type: "emit" }
  ? { readonly type: "emit"; readonly json: string }
  : Event extends unknown
    ? Omit<Event, "id" | "atMs">
    : never;

/** An event before it has its number and its time. A value that was emitted comes as its JSON, and stays text while it is kept. */
export type NewRunEvent = Unnumbered<RunEvent>;

/** Where the events of one run go. */
export interface RunEventSink {
  /** Appends an event; nothing is taken after `ended`. */
  add(event: NewRunEvent, atMs: number): void;
  /** What of a script's own was told before: a script that is run again says it again. */
  told(): Promise<ToldBefore>;
}

/** How many lines a run had logged and values it had emitted that watchers were told. */
export interface ToldBefore {
  readonly logs: number;
  readonly emits: number;
}

/** The events of runs: in this process, or wherever every process of the service sees them. */
export interface RunEvents {
  /** Where the events of a run go, after those of its earlier attempts. @param told Those that an earlier process kept. */
  sinkOf(runId: string, told?: readonly RunEvent[]): RunEventSink;
  /**
   * The events after `afterId`: those there are, then those to come, until `ended` or the signal.
   *
   * @returns `undefined` when none of the run are known here.
   */
  watch(
    runId: string,
    afterId: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<RunEvent, void, undefined> | undefined;
  /**
   * Lets go of a run that rests, unless somebody watches it.
   *
   * @returns Its events, to be kept with it; `undefined` where they are kept anyhow.
   */
  park(runId: string): readonly RunEvent[] | undefined;
  /** Lets go of a run that ended long ago. */
  forget(runId: string): void;
  /** Ends all watchers. Safe to call twice. */
  close(): Promise<void>;
}

/** Events in this process's memory. */
export class MemoryRunEvents implements RunEvents {
  readonly #logs = new Map<string, RunEventLog>();

  sinkOf(runId: string, told: readonly RunEvent[] = []): RunEventSink {
    const known = this.#logs.get(runId);
    if (known !== undefined) return known;
    const log = new RunEventLog(told);
    this.#logs.set(runId, log);
    return log;
  }

  watch(
    runId: string,
    afterId: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<RunEvent, void, undefined> | undefined {
    return this.#logs.get(runId)?.watch(afterId, signal);
  }

  park(runId: string): readonly RunEvent[] | undefined {
    const log = this.#logs.get(runId);
    if (log === undefined) return undefined;
    if (!log.isWatched) this.#logs.delete(runId);
    return log.all();
  }

  forget(runId: string): void {
    this.#logs.delete(runId);
  }

  async close(): Promise<void> {
    this.#logs.clear();
  }
}

/**
 * The events of one run, in order, for any number of watchers, who all get the same objects. Bounded by the run's own limits on
 * log lines, emitted values and calls.
 */
export class RunEventLog implements RunEventSink {
  readonly #events: RunEvent[];
  readonly #watchers = new Set<() => void>();
  #watching = 0;
  #ended = false;

  /** @param told Events that an earlier process told and kept. */
  constructor(told: readonly RunEvent[] = []) {
    this.#events = [...told];
  }

  /** Whether somebody watches, or waits for the next event. */
  get isWatched(): boolean {
    return this.#watching > 0;
  }

  /** All so far, as data. */
  all(): readonly RunEvent[] {
    return this.#events;
  }

  async told(): Promise<ToldBefore> {
    const count = (type: RunEvent["type"]): number => this.#events.filter((event) => event.type === type).length;
    return { logs: count("log"), emits: count("emit") };
  }

  /** Appends an event; nothing is taken after `ended`. */
  add(event: NewRunEvent, atMs: number): void {
    if (this.#ended) return;
    const id = this.#events.length + 1;
    this.#events.push(event.type === "emit" ? emitted(event.json, id, atMs) : { ...event, id, atMs });
    if (event.type === "ended") this.#ended = true;
    for (const wake of this.#watchers) wake();
  }

  /**
   * The events after `afterId`: those there are, then those to come, until `ended` or the signal.
   */
  async *watch(afterId: number, signal: AbortSignal | undefined): AsyncGenerator<RunEvent, void, undefined> {
    this.#watching++;
    try {
      for (let next = afterId; !isAborted(signal);) {
        const event = this.#events[next];
        if (event !== undefined) {
          next++;
          yield event;
          if (event.type === "ended") return;
        } else if (this.#ended) return;
        else await this.#change(signal);
      }
    } finally {
      this.#watching--;
    }
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#watchers.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#watchers.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** An event whose value is made from its text at each reading: as values it would take many times that. */
function emitted(json: string, id: number, atMs: number): RunEvent {
  return {
    type: "emit",
    get value() {
      return JSON.parse(json) as JsonValue;
    },
    id,
    atMs,
  };
}
