import type { Clock, Timer } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Observation, ObservationKey, ObservationStore } from "../../store/observation-store.ts";

/** What happens within this time is written together: a tool that is new changes with each of its first results. */
const GATHER_MS = 2_000;
const RETRY_MS = 60_000;

/**
 * Writes observations to their store some time after they were made, the latest of each tool only. Does not keep the process
 * alive. A store that fails is told in the log once, and tried again.
 */
export class ObservationWriter {
  readonly #store: ObservationStore;
  readonly #clock: Clock;
  readonly #log: Log;
  /** By tool and principal; `make` is missing for one that is to be removed. */
  #waiting = new Map<string, Waiting>();
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isFailing = false;
  #isClosed = false;

  constructor(store: ObservationStore, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Has an observation written. @param make Called when it is written, for its text then. */
  write(key: ObservationKey, make: () => Observation): void {
    this.#add(key, make);
  }

  /** Has an observation removed. */
  remove(key: ObservationKey): void {
    this.#add(key, undefined);
  }

  /** Writes what waits; later changes are dropped. Never rejects. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#flush();
  }

  #add(key: ObservationKey, make: (() => Observation) | undefined): void {
    if (this.#isClosed) return;
    this.#waiting.set(JSON.stringify([key.principal, key.server, key.tool]), { key, make });
    this.#schedule(GATHER_MS);
  }

  #schedule(delayMs: number): void {
    this.#timer ??= this.#clock.after(
      delayMs,
      () => {
        this.#timer = undefined;
        void this.#flush();
      },
      { background: true },
    );
  }

  /** One write at a time: an older one must not overtake a newer one. */
  #flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeWaiting());
    return this.#writing;
  }

  async #writeWaiting(): Promise<void> {
    const batch = this.#waiting;
    if (batch.size === 0) return;
    this.#waiting = new Map();
    const written: Observation[] = [];
    const removed: ObservationKey[] = [];
    for (const { key, make } of batch.values()) {
      if (make === undefined) removed.push(key);
      else written.push(make());
    }
    try {
      await this.#store.save(written, removed);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#log.warn({ err: error }, "what results looked like could not be stored");
      this.#isFailing = true;
      if (this.#isClosed) return;
      // What has changed since is newer.
      this.#waiting = new Map([...batch, ...this.#waiting]);
      this.#schedule(RETRY_MS);
    }
  }
}

interface Waiting {
  readonly key: ObservationKey;
  readonly make: (() => Observation) | undefined;
}
