import type { JsonValue } from "../lib/guards.ts";
import type { RunEvent } from "./run.ts";

type Unnumbered<Event> = Event extends { readonly type: "emit" }
  ? { readonly type: "emit"; readonly json: string }
  : Event extends unknown
    ? Omit<Event, "id" | "atMs">
    : never;

/** An event before it has its number and its time. A value that was emitted comes as its JSON, and stays text while it is kept. */
export type NewRunEvent = Unnumbered<RunEvent>;

/**
 * The events of one run, in order, for any number of watchers, who all get the same objects. Bounded by the run's own limits on
 * log lines, emitted values and calls.
 */
export class RunEventLog {
  readonly #events: RunEvent[] = [];
  readonly #watchers = new Set<() => void>();
  #ended = false;

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
    for (let next = afterId; !isAborted(signal);) {
      const event = this.#events[next];
      if (event !== undefined) {
        next++;
        yield event;
        if (event.type === "ended") return;
      } else if (this.#ended) return;
      else await this.#change(signal);
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
